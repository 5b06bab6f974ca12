"""Mail comes in by SMTP (RFC 5321), for the intake addresses and nobody else, and is durable before it is promised.

Replies reveal nothing of the inside: trouble of ours is 451 4.3.0, a stop is 421 4.3.2, a full house is 421 4.7.0.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog
import uvloop

from service.channels.committer import Committer
from service.channels.dialogue import Dialogue, LocalDialogue
from service.channels.recipients import Intake
from service.errors import Refused, Unavailable
from service.settings import Listen, Settings
from service.store.database import Database
from service.store.spool import Envelope

_log = structlog.get_logger("sodan.smtp")

SWEEP_SECONDS = 1.0


class Reception:
    """Who may speak, to whom mail may go, and where it goes when it is complete: shared by all conversations."""

    def __init__(self, settings: Settings, committer: Committer, channel: str = "smtp") -> None:
        self.hostname = settings.hostname
        self.max_message_bytes = settings.max_message_bytes
        self.stopping = False
        self._intake = Intake(settings.intake)
        self._settings = settings
        self._committer = committer
        self._channel = channel
        self._dialogues: set[Dialogue] = set()
        self._by_host: Counter[str] = Counter()

    # ── connections ──

    def join(self, dialogue: Dialogue) -> None:
        self._dialogues.add(dialogue)
        self._by_host[_host(dialogue)] += 1

    def leave(self, dialogue: Dialogue) -> None:
        if dialogue in self._dialogues:
            self._dialogues.discard(dialogue)
            host = _host(dialogue)
            self._by_host[host] -= 1
            if not self._by_host[host]:
                del self._by_host[host]

    def refusal(self, dialogue: Dialogue) -> str | None:
        """Why this connection is not served, as a reply; None: welcome."""
        if self.stopping:
            return "421 4.3.2 closing"
        if len(self._dialogues) > self._settings.smtp_max_connections:
            return "421 4.7.0 too many connections, please try again later"
        if self._by_host[_host(dialogue)] > self._settings.smtp_max_connections_per_host:
            return "421 4.7.0 too many connections from your address, please try again later"
        return None

    def sweep(self, now: float) -> None:
        """Hang up on those who have been silent for too long; ``now`` by the clock of the loop."""
        for dialogue in list(self._dialogues):
            if not dialogue.committing and now - dialogue.heard_at > self._settings.smtp_timeout:
                dialogue.dismiss("421 4.4.2 you were silent for too long")

    async def stop(self) -> None:
        """Hang up: at once on who was promised nothing, after its reply on who waits for a commit."""
        self.stopping = True
        while self._dialogues:
            for dialogue in list(self._dialogues):
                if not dialogue.committing:
                    dialogue.dismiss("421 4.3.2 closing")
            await asyncio.sleep(0.02)

    # ── the hooks of aiosmtpd ──

    async def handle_EHLO(
        self, server: Dialogue, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_MAIL(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if not self._intake.accepts(address):
            return "550 5.1.1 no such mailbox here"
        if len(envelope.rcpt_tos) >= self._settings.max_recipients:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        received = Envelope(
            channel=self._channel,
            mail_from="" if envelope.mail_from == "<>" else envelope.mail_from,
            rcpt_tos=tuple(envelope.rcpt_tos),
            peer=_address(session.peer),
            helo=session.host_name,
        )
        try:
            id = await self._committer.commit(received, envelope.content)
        except Unavailable:
            return "451 4.3.0 not now, please try again later"
        return f"250 2.0.0 accepted as {id}"


@dataclass(frozen=True, slots=True)
class Listening:
    """Where the acceptor listens."""

    smtp: Listen
    lmtp: Listen | None = None


def run_smtp(settings: Settings, *, ready: Callable[[Listening], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is told the addresses. Raises Refused where one is in use."""
    uvloop.run(_serve(settings, ready or _say))


def _say(listening: Listening) -> None:
    lmtp = f", LMTP on {listening.lmtp}" if listening.lmtp else ""
    print(f"sodan: SMTP on {listening.smtp}{lmtp}", file=sys.stderr, flush=True)


async def _serve(settings: Settings, ready: Callable[[Listening], None]) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings) as listening:
        ready(listening)
        await stopped.wait()


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Listening]:
    """The acceptor, within a running loop; yields where it listens, stops gracefully at the end."""
    loop = asyncio.get_running_loop()
    database = Database(settings.database_url)
    committer = Committer(database, lambda: datetime.now(UTC))
    wanted = [("SODAN_SMTP_LISTEN", settings.smtp_listen, Reception(settings, committer, "smtp"), Dialogue)]
    if settings.lmtp_listen is not None:
        wanted.append(
            ("SODAN_LMTP_LISTEN", settings.lmtp_listen, Reception(settings, committer, "lmtp"), LocalDialogue)
        )
    receptions = [reception for _, _, reception, _ in wanted]
    servers: list[asyncio.Server] = []
    try:
        for name, listen, reception, speak in wanted:
            servers.append(await _listen(name, listen, partial(speak, reception, loop)))
    except Refused:
        for server in servers:
            server.close()
        raise
    committer.start()
    sweeper = loop.create_task(_sweep(receptions))
    try:
        yield Listening(*(Listen(*server.sockets[0].getsockname()[:2]) for server in servers))
    finally:
        for server in servers:
            server.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_stop(receptions), settings.stop_seconds)
        sweeper.cancel()
        await loop.run_in_executor(None, committer.stop)
        database.close()


async def _listen(name: str, listen: Listen, speak: Callable[[], Dialogue]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(speak, listen.host, listen.port, backlog=1024, reuse_address=True)
    except OSError as error:
        raise Refused(f"{name}: cannot listen on {listen}: {error.strerror or error}") from error


async def _stop(receptions: Sequence[Reception]) -> None:
    for reception in receptions:
        await reception.stop()


async def _sweep(receptions: Sequence[Reception]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        for reception in receptions:
            reception.sweep(loop.time())


def _host(dialogue: Dialogue) -> str:
    return _address(dialogue.session.peer) or ""


def _address(peer: Any) -> str | None:
    return str(peer[0]) if isinstance(peer, tuple) and peer else None
