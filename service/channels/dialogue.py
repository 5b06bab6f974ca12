"""One SMTP conversation: aiosmtpd's, without its slow paths, and never a reply that reveals what happened inside.

What differs from the stock class, and why:

* commands are looked up in tables made once, not by reflection on every connection;
* the content is read in chunks up to CRLF "." CRLF (content.py), not line by line, and lines may be of any length;
* plain addresses are recognised by a pattern; all others go the stock way;
* one timer for all conversations (``Reception.sweep``), not one timer a command;
* an unexpected error is 451 4.3.0 (the stock class answers 500 and the text of the exception).

A test holds both to the same dialogue otherwise.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Protocol

import structlog
from aiosmtpd.smtp import SMTP

from service.channels.content import Incoming

_log = structlog.get_logger("sodan.smtp")

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_ADDRESS = re.compile(
    rf"<({_ATOM}(?:\.{_ATOM})*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)>(?: (.*))?", re.DOTALL
)
_READ = 262_144
MAX_BAD_COMMANDS = 20
"""Commands a conversation may get wrong before it ends."""


class Host(Protocol):
    """What a conversation asks of whoever receives it (``smtp.Reception``)."""

    hostname: str
    max_message_bytes: int
    stopping: bool

    def join(self, dialogue: Dialogue, /) -> None: ...
    def leave(self, dialogue: Dialogue, /) -> None: ...
    def refusal(self, dialogue: Dialogue, /) -> str | None: ...
    async def handle_DATA(self, server: Any, session: Any, envelope: Any, /) -> str: ...


class Dialogue(SMTP):
    """One connection. ``reception`` decides who may speak and takes what is said."""

    # set by the stock class, whose annotations are wider than what holds while a conversation runs
    session: Any
    envelope: Any
    transport: Any
    _reader: Any

    command_size_limit = 2048
    """RFC 5321 §4.5.3.1.4 asks for 512 at least; MAIL with SIZE, BODY, SMTPUTF8 and a long address needs more."""

    def __init__(self, reception: Host, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            reception,
            data_size_limit=reception.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=reception.hostname,
            ident="sodan",
            timeout=86400,
            loop=loop,
        )
        self.reception = reception
        self.committing = False
        """A mail of this conversation waits for its promise."""
        self.heard_at = loop.time()

    # ── coming and going ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reader._limit = 65_536
        self.reception.join(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.reception.leave(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self.heard_at = self.loop.time()
        super().data_received(data)

    def _forget(self) -> None:
        """The transaction is over, whatever came of it."""
        self.envelope = self._create_envelope()

    def _reset_timeout(self, duration: float | None = None) -> None:
        """The stock class sets a timer a command; ``Reception.sweep`` looks after the silent."""
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_later(86400, self._timeout_cb)

    def dismiss(self, reply: str) -> None:
        """Say a last word and hang up."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(reply.encode() + b"\r\n")
            self.transport.close()

    async def _handle_client(self) -> None:
        refusal = self.reception.refusal(self)
        if refusal:
            self.dismiss(refusal)
            return
        await super()._handle_client()

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, ConnectionError):
            raise error
        _log.exception("conversation failed", exc_info=error)
        return "451 4.3.0 not now, please try again later"

    # ── MAIL, RCPT ──

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        plain = _PLAIN_ADDRESS.fullmatch(arg)
        if plain and ".." not in plain[1]:
            return plain[1], plain[2] or ""
        try:
            address, rest = super()._getaddr(arg)
        except Exception:  # the stock parser trips over some malformed addresses
            return None, None
        if address:
            try:
                address.encode()
            except UnicodeEncodeError:  # bytes that are not UTF-8 (RFC 6531 §3.3 asks for UTF-8)
                return None, None
        return address, rest

    # ── DATA ──

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if await self.check_auth_needed("DATA"):
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        incoming = await self._read_content()
        recipients = len(self.envelope.rcpt_tos)
        if incoming.too_big:
            self._forget()
            await self.conclude("552 5.3.4 Error: message size exceeds fixed maximum message size", recipients)
            return
        if incoming.smuggles():
            self._forget()
            await self.conclude("550 5.6.0 Error: a line of a single dot without CRLF is not accepted", recipients)
            return
        self.envelope.content = self.envelope.original_content = incoming.content()
        self.committing = True
        try:
            status = await self.reception.handle_DATA(self, self.session, self.envelope)
        finally:
            self.committing = False
            self._forget()
        await self.conclude(status, recipients)
        if self.reception.stopping:
            self.dismiss("421 4.3.2 closing")

    async def conclude(self, status: str, recipients: int) -> None:
        """What came of the content: one reply, however many recipients."""
        await self.push(status)

    async def _read_content(self) -> Incoming:
        incoming = Incoming(self.reception.max_message_bytes)
        reader = self._reader
        while True:
            chunk = await reader.read(_READ)
            if not chunk:
                raise ConnectionResetError("the client went away within DATA")
            rest = incoming.feed(chunk)
            if rest is not None:
                if rest:
                    reader._buffer[0:0] = rest  # commands sent ahead (RFC 2920)
                return incoming


class LocalDialogue(Dialogue):
    """LMTP (RFC 2033): LHLO instead of EHLO, and after the content one reply for each recipient."""

    async def smtp_LHLO(self, arg: str) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, hostname: str) -> None:
        await self.push("500 5.5.1 Error: this is LMTP, say LHLO")

    async def smtp_EHLO(self, hostname: str) -> None:
        await self.push("500 5.5.1 Error: this is LMTP, say LHLO")

    async def conclude(self, status: str, recipients: int) -> None:
        for _ in range(recipients):
            await self.push(status)
