"""The mail transaction: MAIL, RCPT, DATA (RFC 5321 §3.3, §4.1.1).

Hooks of the handler decide about MAIL and RCPT and take the message of DATA.
"""

from __future__ import annotations

import re
from typing import Any

import structlog
from aiosmtpd.smtp import MISSING, syntax

from service.errors import where
from service.smtp.content import Content
from service.smtp.paths import read_parameters, read_path
from service.smtp.terms import Terms
from service.smtp.wire import Wire

_log = structlog.get_logger("sodan.smtp")

TOO_MUCH = "452 4.3.1 too much mail at one time, please try again later"
NOT_NOW = "451 4.3.0 temporary problem, please try again later"


class Fault(Exception):
    """An error of the client, with the reply that says what is wrong."""


class Transaction(Wire):
    """The commands of a mail transaction."""

    hello = "EHLO"
    """The command that a client must send first."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self._handle_hooks = terms.hooks
        self._declared = 0
        self.wrong = 0
        """Wrong commands so far."""
        self.refused = 0
        """Refused recipients so far."""
        self.idle = 0
        """Commands such as NOOP since the last mail."""

    @syntax("MAIL FROM:<address>", extended=" [SP parameters]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        self._may_send()
        address, parameters, options = self._path("MAIL FROM:", arg, "553 5.1.7 malformed address")
        if self.envelope.mail_from:
            raise Fault("503 5.5.1 MAIL was sent already")
        if "@" not in address and address != "<>":
            raise Fault("553 5.1.7 the address needs a domain")
        utf8 = "SMTPUTF8" in parameters
        if not utf8 and not address.isascii():
            raise Fault("553 5.6.7 this address needs SMTPUTF8")  # RFC 6531 §3.5
        size = self._check(parameters) if parameters else 0
        status = await self._call_handler_hook("MAIL", address, options)
        if status is MISSING:
            self.envelope.mail_from = address
            self.envelope.mail_options.extend(options)
            status = "250 2.1.0 OK"
        self.envelope.smtp_utf8 = utf8
        self._declared = size
        self.say(status)

    def _check(self, parameters: dict[str, str]) -> int:
        """Check the parameters of MAIL; return the size declared by SIZE, or 0. Raises Fault."""
        if parameters.pop("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):  # RFC 6152 §2
            raise Fault("501 5.5.4 BODY must be 7BIT or 8BITMIME")
        if parameters.pop("SMTPUTF8", ""):
            raise Fault("501 5.5.4 SMTPUTF8 takes no value")
        size = parameters.pop("SIZE", "0")
        if not re.fullmatch(r"[0-9]{1,20}", size):
            raise Fault("501 5.5.4 SIZE must be a number of bytes")
        if int(size) > self.limits.message_bytes:  # RFC 1870 §6.1
            raise Fault(f"552 5.3.4 too large, at most {self.limits.message_bytes} bytes are accepted")
        if self.offers_login:
            parameters.pop("AUTH", None)  # RFC 4954 §5: accepted, but not trusted
        if parameters:
            raise Fault("555 5.5.4 parameter not recognized or not implemented")
        return int(size)

    @syntax("RCPT TO:<address>", extended=" [SP parameters]")
    async def smtp_RCPT(self, arg: str | None) -> None:
        self._may_send()
        if not self.envelope.mail_from:
            raise Fault("503 5.5.1 send MAIL first")
        address, parameters, options = self._path("RCPT TO:", arg, "553 5.1.3 malformed address")
        if address == "<>":
            raise Fault("553 5.1.3 malformed address")
        if parameters:
            raise Fault("555 5.5.4 parameter not recognized or not implemented")
        if not address.isascii() and not self.envelope.smtp_utf8:
            raise Fault("553 5.6.7 this address needs SMTPUTF8")
        if len(self.envelope.rcpt_tos) >= self.limits.recipients:
            # not counted as an error: the rest may be sent in another mail (RFC 5321 §4.5.3.1.10)
            self.say("452 4.5.3 too many recipients")
            return
        status = await self._call_handler_hook("RCPT", address, options)
        if status is MISSING:
            self.envelope.rcpt_tos.append(address)
            status = "250 2.1.5 OK"
        self.refused += str(status).startswith("5")
        self.say(status)

    def _path(self, command: str, arg: str | None, malformed: str) -> tuple[str, dict[str, str], list[str]]:
        """Return the address of MAIL or RCPT, its parameters, and these as the list that aiosmtpd's hooks expect."""
        rest = self._strip_command_keyword(command[5:], arg or "")
        if not rest or not rest.startswith("<"):
            raise Fault(f"501 5.5.4 Syntax: {command}<address>")
        read = read_path(rest)
        if read is None:
            raise Fault(malformed)
        address, written = read
        if not written:
            return address, {}, []
        parameters = read_parameters(written)
        if parameters is None or not self.session.extended_smtp:
            raise Fault("501 5.5.4 parameters are malformed, repeated, or sent without EHLO")
        return address, parameters, written.upper().split()

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:
        self._may_send()
        if not self.envelope.rcpt_tos:
            raise Fault("503 5.5.1 no recipient was accepted")
        if arg:
            raise Fault("501 5.5.4 Syntax: DATA")
        if not self.expect_content(self._declared):
            self.release_content()
            self.envelope = self._create_envelope()
            self.say(TOO_MUCH)
            return
        self.say("354 End data with <CR><LF>.<CR><LF>")
        self.idle = 0
        try:
            await self._take(len(self.envelope.rcpt_tos))
        finally:
            self.release_content()
            self.envelope = self._create_envelope()

    async def _take(self, recipients: int) -> None:
        content = await self.read_content()
        try:
            verdict = await self._verdict(content)
            if verdict is not None:
                self.conclude(verdict, recipients)
            if content.dropped and not content.complete:
                self.hang_up("421 4.7.0 far too big" if content.too_big else "421 4.3.1 far too much at once")
        finally:
            content.drop()

    async def _verdict(self, content: Content) -> Any:
        """Return the reply to a message; None if the connection ended before its end."""
        if content.too_big:
            return "552 5.3.4 too big"
        if not content.complete:
            return None
        if content.dropped:
            return TOO_MUCH
        if content.breaks_lines_badly(self.limits.bare_newlines):
            self.wrong += 1
            return "550 5.6.0 CR or LF alone in the content: lines end with CR LF"
        self.envelope.received = content
        self.committing = True
        try:
            return await self._call_handler_hook("DATA")
        except Exception as error:
            _log.error("mail was not taken", error=type(error).__name__, trace=where(error))
            return NOT_NOW
        finally:
            self.committing = False

    def conclude(self, verdict: str, recipients: int) -> None:
        """Send the reply to a message: in SMTP one for all recipients."""
        self.say(verdict)

    def _may_send(self) -> None:
        self.must_have_greeted()
        if self.terms.require_login and not self.session.authenticated:
            raise Fault("530 5.7.0 Authentication required")

    def must_have_greeted(self) -> None:
        if not self.session.host_name:
            raise Fault(f"503 5.5.1 say {self.hello} first")

    @property
    def offers_login(self) -> bool:
        return self.terms.passwords is not None and self.session.ssl is not None
