"""The SMTP server: stores mail for the intake addresses durably before it replies 250."""

import asyncio
import contextlib
import errno
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from service.errors import Refused, Unavailable
from service.mail.hops import HEADER_BYTES, hops
from service.process import announce, report, return_freed_memory
from service.rate import Rate
from service.settings import Listen, Settings
from service.smtp.addresses import Intake
from service.smtp.backpressure import CHECK_SECONDS, Backpressure
from service.smtp.committer import Committer
from service.smtp.content import Content
from service.smtp.limits import FAILED_LOGINS, Budget, Rates
from service.smtp.listener import Listener
from service.smtp.passwords import Passwords
from service.smtp.protocol import Lmtp, Protocol
from service.smtp.tls import ServerTls
from service.smtp.transaction import NOT_NOW
from service.store.database import Database
from service.store.spool import Envelope

TOO_MANY_HOPS = "554 5.4.6 too many Received lines, probably a mail loop"


@dataclass(frozen=True)
class SmtpHandler:
    """Decides which mail is accepted, and stores it.

    The methods ``refuse_…`` return the reply that refuses a mail, or None. ``store`` returns the reply to the
    message.
    """

    intake: Intake
    committer: Committer
    backpressure: Backpressure
    rates: Rates
    max_hops: int
    channel: str = "smtp"

    def refuse_sender(self, address: str, host: str | None) -> str | None:
        return self.backpressure.refusal or self.rates.refusal(address, host)

    def refuse_recipient(self, address: str) -> str | None:
        return None if self.intake.accepts(address) else "550 5.1.1 no such mailbox here"

    async def store(self, content: Content, sender: str, recipients: Sequence[str], host: str | None, helo: str) -> str:
        if hops(content.head(HEADER_BYTES)) > self.max_hops:
            return TOO_MANY_HOPS
        envelope = Envelope(self.channel, "" if sender == "<>" else sender, tuple(recipients), peer=host, helo=helo)
        try:
            return f"250 2.0.0 accepted as {await self.committer.store(envelope, content)}"
        except Unavailable:
            return NOT_NOW


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The addresses where a running server listens, and the object that reloads its certificate."""

    smtp: Listen
    lmtp: Listen | None
    renew_certificate: Callable[[], object]


def run_smtp(settings: Settings) -> None:
    """Run the server until SIGTERM or SIGINT. Raises Refused if an address is in use or a setting is missing."""
    settings.require_smtp()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings) as server:
        loop.add_signal_handler(signal.SIGHUP, server.renew_certificate)
        lmtp_text = f", LMTP on {server.lmtp}" if server.lmtp else ""
        announce(f"SMTP on {server.smtp}{lmtp_text}")
        while not stopped.is_set():
            report()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1)


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[RunningServer]:
    """Run the server inside a ``with`` block in a running event loop."""
    loop = asyncio.get_running_loop()
    certificate = settings.smtp_tls_certificate
    tls = ServerTls(certificate, settings.smtp_tls_key or certificate) if certificate else None
    database = Database(settings.database_url)
    committer = Committer(database, lambda: datetime.now(UTC))
    return_freed_memory()
    backpressure = Backpressure(database, min_free_bytes=settings.min_free_bytes, max_waiting=settings.max_waiting)
    rates = Rates(settings.sender_rate, settings.network_rate)
    smtp_handler = SmtpHandler(
        Intake(settings.intake, settings.hostname), committer, backpressure, rates, settings.max_hops
    )
    make_listener = partial(
        Listener,
        settings=settings,
        tls=tls,
        passwords=Passwords(settings.smtp_passwords) if settings.smtp_passwords else None,
        folder=spill_folder(database.folder),
        budget=Budget(settings.smtp_max_bytes_at_once),
        failed_logins_of=Rate(FAILED_LOGINS),
    )
    listeners = [make_listener(smtp_handler, Protocol)]
    address, lmtp_address = await _listen(listeners[0], "SODAN_SMTP_LISTEN", settings.smtp_listen), None
    try:
        if settings.lmtp_listen is not None:
            listeners.append(make_listener(replace(smtp_handler, channel="lmtp"), Lmtp))
            lmtp_address = await _listen(listeners[1], "SODAN_LMTP_LISTEN", settings.lmtp_listen)
    except Refused:
        await listeners[0].stop(0)
        raise
    committer.start()
    backpressure_task = loop.create_task(backpressure.watch())
    try:
        yield RunningServer(address, lmtp_address, tls.reload if tls else lambda: None)
    finally:
        await asyncio.gather(*(listener.stop(settings.stop_seconds) for listener in listeners))
        backpressure.stopped.set()
        await loop.run_in_executor(None, committer.stop)
        await asyncio.wait({backpressure_task}, timeout=CHECK_SECONDS)  # a check of a database that hangs takes longer
        await loop.run_in_executor(None, database.close)
        await backpressure_task


def spill_folder(database_folder: Path | None) -> Path | None:
    """Return a writable folder for large messages, or None. It is that of the SQLite file, or `/var/tmp`."""
    for folder in filter(None, (database_folder, Path("/var/tmp"))):  # noqa: S108 - no name, and mode 0600
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return None


async def _listen(listener: Listener, name: str, listen: Listen) -> Listen:
    try:
        server = await listener.listen(listen.host, listen.port)
    except OSError as error:
        used = "another process uses this address; stop it, or set another port"
        why = used if error.errno == errno.EADDRINUSE else error.strerror or error
        raise Refused(f"{name}: cannot listen on {listen}: {why}") from error
    return Listen(*server.sockets[0].getsockname()[:2])
