"""One SMTP session (RFC 5321): a faster and stricter version of aiosmtpd's class.

It is faster because commands are looked up in a table without reflection, messages are read in chunks instead of lines,
addresses are parsed by one regular expression, and one timer serves all timeouts of a listener. docs/specifications.md
lists what is stricter. Every reply has an enhanced status code (RFC 2034, RFC 3463) and no internal details.
"""

import re
from collections.abc import Iterator

import structlog

from service.errors import where
from service.smtp import limits
from service.smtp.addresses import is_host
from service.smtp.connection import LineTooLong
from service.smtp.listener import Listener
from service.smtp.login import WrongPassword, log_in
from service.smtp.transaction import NOT_NOW, CommandError, Transaction

_log = structlog.get_logger("sodan.smtp")

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_IDLE = {"NOOP", "RSET", "HELO", "EHLO", "LHLO", "VRFY", "HELP"}
_BEFORE_TLS = {"NOOP", "EHLO", "LHLO", "STARTTLS", "QUIT"}  # RFC 3207 §4
_NOT_IMPLEMENTED = {"EXPN", "ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML", "BDAT", "BURL", "XCLIENT", "XFORWARD"}
_HTTP = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"}


class Protocol(Transaction):
    """The session with greeting, TLS, login, and closing after too many errors."""

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self._unknown_count = 0
        self._failed_login_count = 0

    async def _handle_client(self) -> None:
        try:
            kind = "LMTP" if self.channel == "lmtp" else "ESMTP"
            self.reply(self.refusal or f"220 {self.settings.hostname} {kind} sodan")
            while not self.closing:
                try:
                    line = await self.read_line()
                except LineTooLong:
                    self._reply_error("500 5.5.2 line too long")
                    continue
                if line is None:
                    break
                await self._process_line(line)
        except Exception as error:
            _log.error("conversation failed", error=type(error).__name__, trace=where(error))
        finally:
            self.close()

    async def _process_line(self, line: bytes) -> None:
        limit_reply = self._exceeded_limit()
        if limit_reply:
            _log.info("cut off", peer=self.host, reason=limit_reply)
            self.close(limit_reply)
            return
        try:
            await self._run_command(line)
        except CommandError as fault:
            self._reply_error(str(fault))
        except Exception as error:
            _log.error("command failed", error=type(error).__name__, trace=where(error))
            self.reply(NOT_NOW)

    def _exceeded_limit(self) -> str | None:
        if self.error_count >= limits.BAD_COMMANDS or self._unknown_count >= limits.UNKNOWN_COMMANDS:
            return "421 4.7.0 too many errors"
        if self.refused_count >= limits.REFUSED_RECIPIENTS:
            return "421 4.7.0 too many unknown recipients"
        if self.idle_count >= limits.IDLE_COMMANDS:
            return "421 4.7.0 too many commands without a mail"
        if self._failed_login_count >= limits.SESSION_FAILED_LOGINS:
            return "421 4.7.0 too many failed logins"
        return None

    def _reply_error(self, reply: str) -> None:
        self.error_count += 1
        self.reply(reply)

    async def _run_command(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise CommandError("500 5.5.2 lines end with CR LF, not with LF alone")
        verb, _, argument = line[:-2].partition(b" ")
        name = verb.decode("ascii", "replace").upper()
        if name in _HTTP or name.endswith(":"):
            # a web page caused a browser to connect to this port: ignore all its data
            self.close("421 4.7.0 this is SMTP, not HTTP")
            return
        if len(line) > limits.LONGER_LINES.get(name, limits.COMMAND_LINE):
            raise CommandError("500 5.5.2 line too long")
        if _CONTROL.search(line, 0, len(line) - 2):
            raise CommandError("500 5.5.2 control characters in a command")
        method = self.listener.commands.get(name)
        if method is None:
            if name in _NOT_IMPLEMENTED:
                raise CommandError(f"502 5.5.1 {name} is not implemented")
            self._unknown_count += 1
            raise CommandError("500 5.5.1 unknown command")
        if self.refusal is not None and name != "QUIT":
            raise CommandError("503 5.5.1 no mail is accepted from your address")  # RFC 5321 §3.1
        if self.settings.smtp_require_tls and self.session.ssl is None and name not in _BEFORE_TLS:
            raise CommandError("530 5.7.0 send STARTTLS first")
        try:
            text = argument.strip().decode()
        except UnicodeDecodeError:
            raise CommandError("501 5.5.2 text that is not ASCII must be UTF-8") from None  # RFC 6531 §3.3
        self.idle_count += name in _IDLE
        await method(self, text or None)

    # ── greeting, TLS, login ──

    async def smtp_HELO(self, arg: str | None) -> None:
        self._greet(arg)
        self.session.extended_smtp = False
        self.reply(f"250 {self.settings.hostname}")

    async def smtp_EHLO(self, arg: str | None) -> None:
        self._greet(arg)
        self.session.extended_smtp = True
        self.reply(f"250-{self.settings.hostname}")
        for keyword in self._extensions():
            self.reply(f"250-{keyword}")
        self.reply("250 HELP")

    def _greet(self, arg: str | None) -> None:
        if not arg or not is_host(arg):
            raise CommandError(f"501 5.5.4 Syntax: {self.hello} hostname")
        self.envelope = self._create_envelope()
        self.session.host_name = arg

    def _extensions(self) -> Iterator[str]:
        yield "PIPELINING"  # RFC 2920
        yield f"SIZE {self.settings.max_message_bytes}"
        yield "8BITMIME"
        yield "SMTPUTF8"
        yield "ENHANCEDSTATUSCODES"
        yield f"LIMITS RCPTMAX={self.settings.max_recipients}"  # RFC 9422
        if self.listener.tls is not None and self.session.ssl is None:
            yield "STARTTLS"
        if self.offers_login:
            yield "AUTH PLAIN LOGIN"

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        if self.listener.tls is None:
            raise CommandError("502 5.5.1 STARTTLS is not implemented")
        if arg:
            raise CommandError("501 5.5.4 Syntax: STARTTLS")
        if self.session.ssl is not None:
            raise CommandError("503 5.5.1 TLS is active already")
        self.reply("220 2.0.0 Ready to start TLS")
        await self.start_tls(self.listener.tls.context)

    async def smtp_AUTH(self, arg: str | None) -> None:
        if self.listener.passwords is None:
            raise CommandError("502 5.5.1 AUTH is not implemented")
        if self.session.ssl is None:
            raise CommandError("538 5.7.11 send STARTTLS first")
        self.require_greeting()
        if self.session.authenticated or self.envelope.mail_from:  # RFC 4954 §4
            raise CommandError("503 5.5.1 AUTH is not possible now")
        if arg is None:
            raise CommandError("501 5.5.4 Syntax: AUTH mechanism")
        failed_logins, client_network = self.listener.failed_logins_of, limits.neighbourhood(self.host)
        if not failed_logins.allows(client_network):  # counted before the attempt: attempts may run in parallel
            self.close("421 4.7.0 too many failed logins from your address, please try again later")
            return
        try:
            await log_in(self, self.listener.passwords, arg)
        except WrongPassword:
            self._failed_login_count += 1
            raise
        except CommandError:
            failed_logins.uncount(client_network)
            raise
        failed_logins.uncount(client_network)
        self.session.authenticated = True
        self.reply("235 2.7.0 welcome")

    # ── the rest ──

    async def smtp_RSET(self, arg: str | None) -> None:
        if arg:
            raise CommandError("501 5.5.4 Syntax: RSET")
        self.envelope = self._create_envelope()
        self.reply("250 2.0.0 OK")

    async def smtp_NOOP(self, arg: str | None) -> None:
        self.reply("250 2.0.0 OK")

    async def smtp_QUIT(self, arg: str | None) -> None:
        if arg:
            raise CommandError("501 5.5.4 Syntax: QUIT")
        self.reply("221 2.0.0 Bye")
        self.close()

    async def smtp_VRFY(self, arg: str | None) -> None:
        if not arg:
            raise CommandError("501 5.5.4 Syntax: VRFY address")
        self.reply("252 2.5.0 cannot verify, try RCPT")  # RFC 5321 §7.3: do not reveal which users exist

    async def smtp_HELP(self, arg: str | None) -> None:
        self.reply("214 2.0.0 commands: see RFC 5321")


class Lmtp(Protocol):
    """An LMTP session (RFC 2033). The client sends LHLO, and each recipient of a message gets its own reply."""

    hello = "LHLO"
    channel = "lmtp"

    async def smtp_LHLO(self, arg: str | None) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_EHLO(self, arg: str | None) -> None:
        raise CommandError("500 5.5.1 this is LMTP: send LHLO")

    smtp_HELO = smtp_EHLO

    def reply_to_message(self, verdict: str) -> None:
        """Send the reply once for each recipient that RCPT accepted (RFC 2033 §4.2)."""
        for _ in self.envelope.rcpt_tos:
            self.reply(verdict)
