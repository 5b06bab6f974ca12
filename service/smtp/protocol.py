"""One SMTP session (RFC 5321): aiosmtpd's class without its slow paths, and stricter.

It is faster because commands are looked up in a table made once, without reflection per connection; messages are read
in chunks instead of lines; paths are parsed by one regular expression; one timer serves all timeouts (``Listener``);
replies to pipelined commands leave in one packet.

docs/specifications.md lists what is stricter; otherwise a test compares both classes on the same dialogues. Every reply
to a command has an enhanced status code (RFC 2034, RFC 3463). No reply contains internal details.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import structlog
from aiosmtpd.smtp import syntax

from service.errors import where
from service.smtp.limits import COMMAND_LINE, LONGER_LINES, neighbourhood
from service.smtp.login import WrongPassword, log_in
from service.smtp.paths import is_host
from service.smtp.terms import Terms
from service.smtp.transaction import NOT_NOW, Fault, Transaction
from service.smtp.wire import LineTooLong

_log = structlog.get_logger("sodan.smtp")

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_IDLE = {"NOOP", "RSET", "HELO", "EHLO", "LHLO", "VRFY", "HELP"}
_BEFORE_TLS = {"NOOP", "EHLO", "LHLO", "STARTTLS", "QUIT"}  # RFC 3207 §4
_NOT_OURS = {"EXPN", "ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML", "BDAT", "BURL", "XCLIENT", "XFORWARD"}
_HTTP = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"}


class Protocol(Transaction):
    """The session apart from the mail transaction: greeting, TLS, login, and closing after too many errors."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._unknown = 0
        self._failed_logins = 0

    async def _handle_client(self) -> None:
        try:
            kind = "LMTP" if self.hello == "LHLO" else "ESMTP"
            self.say(self.refusal or f"220 {self.terms.hostname} {kind} sodan")
            while not self.hung_up:
                try:
                    line = await self.line()
                except LineTooLong:
                    self._blame("500 5.5.2 line too long")
                    continue
                if line is None:
                    break
                await self._answer(line)
        except Exception as error:
            _log.error("conversation failed", error=type(error).__name__, trace=where(error))
        finally:
            self.hang_up()

    async def _answer(self, line: bytes) -> None:
        last_word = self._patience_ended()
        if last_word:
            _log.info("cut off", peer=self.host, reason=last_word)
            self.hang_up(last_word)
            return
        try:
            await self._obey(line)
        except Fault as fault:
            self._blame(str(fault))
        except Exception as error:
            _log.error("command failed", error=type(error).__name__, trace=where(error))
            self.say(NOT_NOW)

    def _patience_ended(self) -> str | None:
        limits = self.limits
        if self.wrong >= limits.bad_commands or self._unknown >= limits.unknown_commands:
            return "421 4.7.0 too many errors"
        if self.refused >= limits.refused_recipients:
            return "421 4.7.0 too many unknown recipients"
        if self.idle >= limits.idle_commands:
            return "421 4.7.0 too many commands without a mail"
        if self._failed_logins >= limits.failed_logins:
            return "421 4.7.0 too many failed logins"
        return None

    def _blame(self, reply: str) -> None:
        self.wrong += 1
        self.say(reply)

    async def _obey(self, line: bytes) -> None:
        if not line.endswith(b"\r\n"):
            raise Fault("500 5.5.2 lines end with CR LF, not with LF alone")
        verb, _, argument = line[:-2].partition(b" ")
        name = verb.decode("ascii", "replace").upper()
        if name in _HTTP or name.endswith(":"):
            # a browser was tricked into connecting here: ignore everything it sends
            self.hang_up("421 4.7.0 this is SMTP, not HTTP")
            return
        if len(line) > LONGER_LINES.get(name, COMMAND_LINE):
            raise Fault("500 5.5.2 line too long")
        if _CONTROL.search(line, 0, len(line) - 2):
            raise Fault("500 5.5.2 control characters in a command")
        method = self.terms.commands.get(name)
        if method is None:
            if name in _NOT_OURS:
                raise Fault(f"502 5.5.1 {name} is not implemented")
            self._unknown += 1
            raise Fault("500 5.5.1 unknown command")
        if self.refusal is not None and name != "QUIT":
            raise Fault("503 5.5.1 no mail is accepted from your address")  # RFC 5321 §3.1
        if self.terms.require_tls and self.session.ssl is None and name not in _BEFORE_TLS:
            raise Fault("530 5.7.0 send STARTTLS first")
        try:
            text = argument.strip().decode()
        except UnicodeDecodeError:
            raise Fault("501 5.5.2 text that is not ASCII must be UTF-8") from None  # RFC 6531 §3.3
        self.idle += name in _IDLE
        await method(self, text or None)

    # ── greeting, TLS, login ──

    @syntax("HELO hostname")
    async def smtp_HELO(self, arg: str | None) -> None:
        self._greet(arg)
        self.session.extended_smtp = False
        self.say(f"250 {self.terms.hostname}")

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, arg: str | None) -> None:
        self._greet(arg)
        self.session.extended_smtp = True
        self.say(f"250-{self.terms.hostname}")
        for keyword in self._extensions():
            self.say(f"250-{keyword}")
        self.say("250 HELP")

    def _greet(self, arg: str | None) -> None:
        if not arg or not is_host(arg):
            raise Fault(f"501 5.5.4 Syntax: {self.hello} hostname")
        self.envelope = self._create_envelope()
        self.session.host_name = arg

    def _extensions(self) -> Iterator[str]:
        yield "PIPELINING"  # RFC 2920
        yield f"SIZE {self.limits.message_bytes}"
        yield "8BITMIME"
        yield "SMTPUTF8"
        yield "ENHANCEDSTATUSCODES"
        yield f"LIMITS RCPTMAX={self.limits.recipients}"  # RFC 9422
        if self.offers_tls and self.session.ssl is None:
            yield "STARTTLS"
        if self.offers_login:
            yield "AUTH PLAIN LOGIN"

    @property
    def offers_tls(self) -> bool:
        return self.terms.tls is not None

    @syntax("STARTTLS", when="offers_tls")
    async def smtp_STARTTLS(self, arg: str | None) -> None:
        if self.terms.tls is None:
            raise Fault("502 5.5.1 STARTTLS is not implemented")
        if arg:
            raise Fault("501 5.5.4 Syntax: STARTTLS")
        if self.session.ssl is not None:
            raise Fault("503 5.5.1 TLS is active already")
        self.say("220 2.0.0 Ready to start TLS")
        await self.start_tls(self.terms.tls.context)

    @syntax("AUTH mechanism", when="offers_login")
    async def smtp_AUTH(self, arg: str | None) -> None:
        if self.terms.passwords is None:
            raise Fault("502 5.5.1 AUTH is not implemented")
        if self.session.ssl is None:
            raise Fault("538 5.7.11 send STARTTLS first")
        self.must_have_greeted()
        if self.session.authenticated or self.envelope.mail_from:  # RFC 4954 §4
            raise Fault("503 5.5.1 AUTH is not possible now")
        if arg is None:
            raise Fault("501 5.5.4 Syntax: AUTH mechanism")
        near = neighbourhood(self.host)
        if not self.terms.guesses.allows(near):  # counted before the attempt, since attempts may run in parallel
            self.hang_up("421 4.7.0 too many failed logins from your address, please try again later")
            return
        try:
            self.session.auth_data = await log_in(self, self.terms.passwords, arg)
        except WrongPassword:
            self._failed_logins += 1
            raise
        except Fault:
            self.terms.guesses.forgive(near)
            raise
        self.terms.guesses.forgive(near)
        self.session.authenticated = True
        self.say("235 2.7.0 welcome")

    # ── the rest ──

    @syntax("RSET")
    async def smtp_RSET(self, arg: str | None) -> None:
        if arg:
            raise Fault("501 5.5.4 Syntax: RSET")
        self.envelope = self._create_envelope()
        self.say("250 2.0.0 OK")

    @syntax("NOOP [ignored]")
    async def smtp_NOOP(self, arg: str | None) -> None:
        self.say("250 2.0.0 OK")

    @syntax("QUIT")
    async def smtp_QUIT(self, arg: str | None) -> None:
        if arg:
            raise Fault("501 5.5.4 Syntax: QUIT")
        self.say("221 2.0.0 Bye")
        self.hang_up()

    @syntax("VRFY address")
    async def smtp_VRFY(self, arg: str | None) -> None:
        if not arg:
            raise Fault("501 5.5.4 Syntax: VRFY address")
        self.say("252 2.5.0 cannot verify, try RCPT")  # RFC 5321 §7.3: do not reveal which users exist

    @syntax("HELP [command]")
    async def smtp_HELP(self, arg: str | None) -> None:
        known = {name: method for name, method in self.terms.commands.items() if self._syntax_available(method)}
        if arg is None:
            self.say("214 2.0.0 Commands: " + " ".join(sorted(known)))
        elif arg.upper() in known:
            method = known[arg.upper()]
            extended = getattr(method, "__smtp_syntax_extended__", None) or ""
            self.say(f"214 2.0.0 Syntax: {getattr(method, '__smtp_syntax__')}{extended}")  # noqa: B009
        else:
            raise Fault("504 5.5.4 no help on this topic")


class Lmtp(Protocol):
    """LMTP (RFC 2033): LHLO instead of HELO and EHLO, and one reply to a message for each accepted recipient."""

    hello = "LHLO"

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, arg: str | None) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_EHLO(self, arg: str | None) -> None:
        raise Fault("500 5.5.1 this is LMTP: send LHLO")

    smtp_HELO = smtp_EHLO

    def conclude(self, verdict: str, recipients: int) -> None:
        """Send one reply per recipient accepted by RCPT (RFC 2033 §4.2)."""
        for _ in range(recipients):
            self.say(verdict)
