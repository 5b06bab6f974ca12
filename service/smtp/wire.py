"""Byte-level I/O of one SMTP connection, including TLS; does not interpret commands.

It replaces the StreamReader of aiosmtpd, which resumes the session for every line and pauses the socket every two
kilobytes. Here the session resumes once per complete command line or complete message. Replies to pipelined commands
are sent together (RFC 2920 §3.2).
"""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from service.smtp.content import Content
from service.smtp.limits import LONGEST_LINE, Share
from service.smtp.terms import Terms

_log = structlog.get_logger("sodan.smtp")

_RESERVED = 262_144
"""Bytes reserved in the budget at a time."""
_AHEAD = 65_536
"""Bytes of pipelined commands that are buffered before reading pauses; also the limit of an over-long line."""
_HANDSHAKE_SECONDS = 30.0
_LINGER_SECONDS = 1.0
_CUT_OFF = "421 4.3.1 too slow while others wait, please try again later"


class LineTooLong(Exception):
    """A command line was longer than any limit allows; it was read to its end and discarded."""


class Wire(SMTP):
    """One connection. aiosmtpd's ``__init__`` is not called: the listener provides what it finds by reflection."""

    # aiosmtpd's annotations also allow None, which does not occur during a session
    session: Any
    envelope: Any
    transport: Any

    def __init__(self, terms: Terms) -> None:
        self.loop = terms.loop
        self.terms = terms
        self.limits = terms.limits
        self.transport = None
        self.host: str | None = None
        """The client's IP address."""
        self.refusal: str | None = None
        """The reply sent instead of 220 (554: then only QUIT is allowed)."""
        self.committing = False
        """Whether a mail of this session is waiting for its commit."""
        self.deadline = 0.0
        """Loop time by which the client must act; 0 while the server is working."""
        self.quiet_since = 0.0
        """Loop time at which the client last sent something."""
        self.ended = False
        """The client sends nothing more, or what it sends is ignored."""
        self.hung_up = False
        self._buffer = bytearray()
        self._skipped = 0
        self._content: Content | None = None
        self._content_ends = 0.0
        self._read_before = 0
        self._share: Share | None = None
        self._out: list[bytes] = []
        self._more: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused = False

    # ── what the transport calls ──

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.session = self._create_session()
        peer = self.session.peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if isinstance(peer, tuple) else None
        self.quiet_since = self.loop.time()
        self.envelope = self._create_envelope()
        self.refusal = self.terms.join(self)
        if self.refusal is not None and self.refusal.startswith("4"):
            self.hang_up(self.refusal)
        else:
            self._talk = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        content = self._content
        self.quiet_since = self.loop.time()
        if content is not None:
            rest = self._feed(content, data)
            if rest is not None:
                self._content = None
                self._buffer += rest
                self._wake()
            elif content.dropped and content.received > self.limits.message_bytes + self.limits.overdraft:
                self._content = None
                self._wake()
        elif not self.ended:
            self._buffer += data
            if b"\n" in data or len(self._buffer) > LONGEST_LINE:
                self._wake()
            if len(self._buffer) > _AHEAD and not self._paused:
                self._paused = True
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.ended = True
        self._wake()
        # data sent before is still processed (aiosmtpd discards it); TLS has no half-closed state
        return not self.hung_up and self.session.ssl is None

    def connection_lost(self, error: Exception | None) -> None:
        self.terms.leave(self)
        self.ended = True
        self.transport = None
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    # ── in ──

    async def line(self) -> bytes | None:
        """Return the next line with its line end, or None if the client has ended. Raises LineTooLong."""
        while True:
            buffer = self._buffer
            at = buffer.find(b"\n")
            if at >= 0:
                line = bytes(memoryview(buffer)[: at + 1])
                del buffer[: at + 1]
                if self._skipped:
                    self._skipped = 0
                    raise LineTooLong
                return line
            if len(buffer) > LONGEST_LINE:
                self._skipped += len(buffer)
                buffer.clear()
                if self._skipped > _AHEAD:
                    self.hang_up("421 4.7.0 that line has no end")
            if self.ended:
                return None
            await self._wait_for_more()

    def expect_content(self, declared: int) -> bool:
        """Reserve room for a message of the size declared by MAIL; False if there is none now."""
        self._share = self.terms.budget.open(self.host, partial(self.hang_up, _CUT_OFF))
        return self.terms.budget.reserve(self._share, max(declared, _RESERVED))

    async def read_content(self) -> Content:
        """Read the message after the 354 reply; not ``complete`` if the connection ended or far too much was sent."""
        content = Content(self.limits.message_bytes, self.terms.folder)
        self._content_ends = self.loop.time() + self.limits.content_seconds
        ahead = bytes(self._buffer)
        self._buffer.clear()
        rest = self._feed(content, ahead)
        if rest is not None:
            self._buffer += rest
        elif not self.ended:
            self._content = content
            self._read_before = 0
            await self._wait_for_more()
        if self._share is not None:
            self._share.moving = False
        return content

    def _feed(self, content: Content, data: bytes) -> bytes | None:
        """As ``Content.feed``, within the budget; a message without room is discarded up to its end."""
        share = self._share
        if share is not None and not content.dropped:
            share.received = content.received + len(data)
            size = -(-share.received // _RESERVED) * _RESERVED
            if not self.terms.budget.reserve(share, min(size, self.limits.message_bytes)):
                content.drop()
        try:
            return content.feed(data)
        except OSError as error:
            _log.error("a content has no room", error=type(error).__name__, number=error.errno)
            content.drop()
            return content.feed(data)

    def release_content(self) -> None:
        """Release the budget of the message."""
        if self._share is not None:
            self.terms.budget.close(self._share)
            self._share = None

    async def _wait_for_more(self) -> None:
        await self.flush()
        if self._paused and self.transport is not None:
            self._paused = False
            self.transport.resume_reading()
        if not self.ended:
            self._more = self.loop.create_future()
            self.deadline = self.loop.time() + self.limits.timeout
            if self._content is not None:
                self.deadline = min(self.deadline, self._content_ends)
            await self._more
            self._more = None
            if not self.hung_up:
                self.deadline = 0.0

    def sweep(self, now: float) -> None:
        """Close the connection if the client is too slow.

        In a message, enough bytes since the last check extend the deadline; in a command, nothing does.
        """
        if not self.deadline or now < self.deadline or self.transport is None:
            return
        content = self._content
        if self.hung_up or self._writable is not None:
            self.transport.abort()  # it does not read, so no reply would reach it
        elif content is not None and now >= self._content_ends:
            self.hang_up("421 4.4.2 that mail takes too long")
        elif content is not None and content.received - self._read_before >= self.limits.slowest * self.limits.timeout:
            self._read_before = content.received
            self.deadline = min(now + self.limits.timeout, self._content_ends)
        else:
            self.hang_up("421 4.4.2 you were silent for too long")

    # ── out ──

    def say(self, reply: str) -> None:
        """Queue a reply; replies to pipelined commands are sent together."""
        self._out.append(reply.encode("utf-8", "replace") + b"\r\n")

    async def flush(self) -> None:
        """Send queued replies; wait while the client does not read them."""
        self._write()
        if self._writable is not None:
            self.deadline = self.loop.time() + self.limits.timeout
            await self._writable
            if not self.hung_up:
                self.deadline = 0.0

    def _write(self) -> None:
        if self._out:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(b"".join(self._out))
            self._out.clear()

    def hang_up(self, reply: str | None = None) -> None:
        """Send a last reply and close.

        If the client may still be sending, only our side is closed, and what it sends is discarded for a second:
        closing with unread data would send RST, and the reply could be lost.
        """
        if self.hung_up:
            return
        may_be_sending = self._content is not None or self._paused or bool(self._buffer)
        if reply is not None:
            self.say(reply)
        self._write()
        self.ended = self.hung_up = True
        if self._content is not None:
            self._content.drop()
            self._content = None
        self._buffer.clear()
        if self.transport is not None and not self.transport.is_closing():
            if reply is not None and may_be_sending and self.transport.can_write_eof():
                if self._paused:
                    self._paused = False
                    self.transport.resume_reading()
                self.transport.write_eof()
                self.deadline = self.loop.time() + _LINGER_SECONDS
            else:
                self.transport.close()
                self.deadline = self.loop.time() + self.limits.timeout
        self._wake()

    async def start_tls(self, context: ssl.SSLContext) -> bool:
        """Switch to TLS and reset the session (RFC 3207 §4.2); False if the handshake failed.

        Commands received in plain text before are discarded, since an attacker may have inserted them (CVE-2011-0411).
        """
        self._write()
        self._buffer.clear()
        plain = self.transport
        try:
            self.transport = await self.loop.start_tls(
                plain, self, context, server_side=True, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
        except (OSError, ssl.SSLError):
            plain.abort()
            self.connection_lost(None)
            return False
        peer = self.session.peer
        self.session = self._create_session()
        self.session.peer = peer
        self.session.ssl = {name: self.transport.get_extra_info(name) for name in ("cipher", "peercert", "ssl_object")}
        self.envelope = self._create_envelope()
        return True
