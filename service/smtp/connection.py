"""Reads lines and messages from one SMTP connection, and sends replies, also with TLS.

It replaces the StreamReader of aiosmtpd. The StreamReader is slow, because it resumes the session for every line.
Replies to pipelined commands are sent together (RFC 2920 §3.2).
"""

import asyncio
import ssl
from functools import partial
from typing import Any

import structlog
from aiosmtpd.smtp import SMTP

from service.smtp.content import Content
from service.smtp.limits import BYTES_PER_SECOND, CONTENT_SECONDS, DISCARDED_BYTES, LONGEST_LINE, Share
from service.smtp.listener import Listener

_log = structlog.get_logger("sodan.smtp")

_RESERVED = 262_144  # the share of a message in the budget grows by this many bytes
_AHEAD = 65_536  # maximum bytes of pipelined commands in the buffer, and of a line without an end
_HANDSHAKE_SECONDS = 30.0
_LINGER_SECONDS = 1.0
_CUT_OFF = "421 4.3.1 too slow while others wait, please try again later"


class LineTooLong(Exception):
    """A command line was longer than any limit. It was discarded up to its end."""


class Connection(SMTP):
    """One connection. ``__init__`` of aiosmtpd is not called, because it is slow (see ``Listener``)."""

    # aiosmtpd's annotations also allow None, which does not occur during a session
    session: Any
    envelope: Any
    transport: Any

    def __init__(self, listener: Listener) -> None:
        self.loop = listener.loop
        self.listener = listener
        self.settings = listener.settings
        self.transport = None
        self.host: str | None = None  # the client's IP address
        self.refusal: str | None = None  # the reply to send instead of 220; after a 554, only QUIT is allowed
        self.committing = False  # whether a mail of this session is waiting for its commit
        self.deadline = 0.0
        """Loop time at which the client must have sent or received something; 0 while the server is working."""
        self.last_input_at = 0.0  # loop time of the last bytes from the client
        self.input_ended = False  # whether the client has stopped sending, or its data is ignored
        self.closing = False
        self._buffer = bytearray()
        self._discarded = 0
        self._content: Content | None = None
        self._content_deadline = 0.0
        self._received_at_check = 0
        self._share: Share | None = None
        self._replies: list[bytes] = []
        self._input_arrived: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading_paused = False

    # ── what the transport calls ──

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.session = self._create_session()
        peer = self.session.peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if isinstance(peer, tuple) else None
        self.last_input_at = self.loop.time()
        self.envelope = self._create_envelope()
        self.refusal = self.listener.add(self)
        if self.refusal is not None and self.refusal.startswith("4"):
            self.close(self.refusal)
        else:
            self._session_task = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        content = self._content
        self.last_input_at = self.loop.time()
        if content is not None:
            after_message = self._feed(content, data)
            if after_message is not None:
                self._content = None
                self._buffer += after_message
                self._wake()
            elif content.is_discarded and content.received > self.settings.max_message_bytes + DISCARDED_BYTES:
                self._content = None
                self._wake()
        elif not self.input_ended:
            self._buffer += data
            if b"\n" in data or len(self._buffer) > LONGEST_LINE:
                self._wake()
            if len(self._buffer) > _AHEAD and not self._reading_paused:
                self._reading_paused = True
                self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.input_ended = True
        self._wake()
        # process the data received before (aiosmtpd discards it); TLS has no half-closed state
        return not self.closing and self.session.ssl is None

    def connection_lost(self, error: Exception | None) -> None:
        self.listener.remove(self)
        self.input_ended = True
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
        if self._input_arrived is not None and not self._input_arrived.done():
            self._input_arrived.set_result(None)

    def _resume_reading(self) -> None:
        if self._reading_paused and self.transport is not None:
            self._reading_paused = False
            self.transport.resume_reading()

    # ── in ──

    async def read_line(self) -> bytes | None:
        """Return the next line with its line end; None if there will be no more. Raises LineTooLong."""
        while True:
            buffer = self._buffer
            at = buffer.find(b"\n")
            if at >= 0:
                line = bytes(memoryview(buffer)[: at + 1])
                del buffer[: at + 1]
                if self._discarded:
                    self._discarded = 0
                    raise LineTooLong
                return line
            if len(buffer) > LONGEST_LINE:
                self._discarded += len(buffer)
                buffer.clear()
                if self._discarded > _AHEAD:
                    self.close("421 4.7.0 line too long")
            if self.input_ended:
                return None
            await self._wait_for_more()

    def expect_content(self, declared: int) -> bool:
        """Reserve bytes in the budget for a message. Returns False if there are not enough."""
        self._share = self.listener.budget.open(self.host, partial(self.close, _CUT_OFF))
        return self.listener.budget.reserve(self._share, max(declared, _RESERVED))

    async def read_content(self) -> Content:
        """Read a message after the reply 354.

        The result is not ``complete`` if the connection ended or a limit was reached before the end of the message.
        """
        content = Content(self.settings.max_message_bytes, self.listener.folder)
        self._content_deadline = self.loop.time() + CONTENT_SECONDS
        buffered = bytes(self._buffer)
        self._buffer.clear()
        after_message = self._feed(content, buffered)
        if after_message is not None:
            self._buffer += after_message
        elif not self.input_ended:
            self._content = content
            self._received_at_check = 0
            await self._wait_for_more()
        if self._share is not None:
            self._share.receiving = False
        return content

    def _feed(self, content: Content, data: bytes) -> bytes | None:
        """Add data to ``content``. If the budget or the disk is full, the message is discarded."""
        share = self._share
        if share is not None and not content.is_discarded:
            share.received = content.received + len(data)
            size = -(-share.received // _RESERVED) * _RESERVED
            if not self.listener.budget.reserve(share, min(size, self.settings.max_message_bytes)):
                content.discard()
        try:
            return content.feed(data)
        except OSError as error:
            _log.error("no disk space for a message", error=type(error).__name__, number=error.errno)
            content.discard()
            return content.feed(data)

    def release_content(self) -> None:
        """Release the bytes that were reserved for the message."""
        if self._share is not None:
            self.listener.budget.close(self._share)
            self._share = None

    async def _wait_for_more(self) -> None:
        await self.flush()
        self._resume_reading()
        if not self.input_ended:
            self._input_arrived = self.loop.create_future()
            self.deadline = self.loop.time() + self.settings.smtp_timeout
            if self._content is not None:
                self.deadline = min(self.deadline, self._content_deadline)
            await self._input_arrived
            self._input_arrived = None
            if not self.closing:
                self.deadline = 0.0

    def check_deadline(self, now: float) -> None:
        """Close the connection if its deadline is over. In a message, enough new bytes extend the deadline."""
        if not self.deadline or now < self.deadline or self.transport is None:
            return
        content, enough = self._content, BYTES_PER_SECOND * self.settings.smtp_timeout
        if self.closing or self._writable is not None:
            self.transport.abort()  # the client does not read, so no reply would reach it
        elif content is not None and now >= self._content_deadline:
            self.close("421 4.4.2 the message took too long")
        elif content is not None and content.received - self._received_at_check >= enough:
            self._received_at_check = content.received
            self.deadline = min(now + self.settings.smtp_timeout, self._content_deadline)
        else:
            self.close("421 4.4.2 too little received for too long")

    # ── out ──

    def reply(self, reply: str) -> None:
        """Add a reply to those that ``flush`` sends."""
        self._replies.append(reply.encode("utf-8", "replace") + b"\r\n")

    async def flush(self) -> None:
        """Send the queued replies; wait while the client does not read them."""
        self._write()
        if self._writable is not None:
            self.deadline = self.loop.time() + self.settings.smtp_timeout
            await self._writable
            if not self.closing:
                self.deadline = 0.0

    def _write(self) -> None:
        if self._replies:
            if self.transport is not None and not self.transport.is_closing():
                self.transport.write(b"".join(self._replies))
            self._replies.clear()

    def close(self, reply: str | None = None) -> None:
        """Send a last reply and close the connection.

        If the client is probably still sending, only our direction is closed, and the client's data is discarded for a
        second. This is needed because unread data would make the system send RST, and the reply could be lost.
        """
        if self.closing:
            return
        may_be_sending = self._content is not None or self._reading_paused or bool(self._buffer)
        if reply is not None:
            self.reply(reply)
        self._write()
        self.input_ended = self.closing = True
        if self._content is not None:
            self._content.discard()
            self._content = None
        self._buffer.clear()
        if self.transport is not None and not self.transport.is_closing():
            if reply is not None and may_be_sending and self.transport.can_write_eof():
                self._resume_reading()
                self.transport.write_eof()
                self.deadline = self.loop.time() + _LINGER_SECONDS
            else:
                self.transport.close()
                self.deadline = self.loop.time() + self.settings.smtp_timeout
        self._wake()

    async def start_tls(self, context: ssl.SSLContext) -> bool:
        """Switch to TLS and reset the session (RFC 3207 §4.2); return False if the handshake failed.

        Buffered commands are discarded, because an attacker may have inserted them before TLS (CVE-2011-0411).
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
