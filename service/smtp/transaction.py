"""The commands of a mail transaction: MAIL, RCPT, DATA (RFC 5321 §3.3, §4.1.1)."""

import re

import structlog

from service.errors import Unavailable, where
from service.mail.hops import HEADER_BYTES, hops
from service.smtp.addresses import read_parameters, read_path
from service.smtp.connection import Connection
from service.smtp.content import Content, too_large
from service.smtp.listener import Listener
from service.store.spool import Envelope

_log = structlog.get_logger("sodan.smtp")

TOO_MUCH = "452 4.3.1 too much mail at one time, please try again later"
TOO_MANY_HOPS = "554 5.4.6 too many Received lines, probably a mail loop"
NOT_NOW = "451 4.3.0 temporary problem, please try again later"


class CommandError(Exception):
    """An error in a command of the client. Its text is the reply."""


class Transaction(Connection):
    """A connection with the commands of a mail transaction."""

    hello = "EHLO"  # the greeting that a client must send first
    channel = "smtp"  # the channel in the envelope of its mails

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self._declared = 0
        self.error_count = 0  # wrong commands so far
        self.refused_count = 0  # refused recipients so far
        self.idle_count = 0  # commands such as NOOP since the last mail

    async def smtp_MAIL(self, arg: str | None) -> None:
        self._require_permission()
        address, parameters = self._parse_path("MAIL FROM:", arg, "553 5.1.7 malformed address")
        if self.envelope.mail_from:
            raise CommandError("503 5.5.1 MAIL was sent already")
        if "@" not in address and address != "<>":
            raise CommandError("553 5.1.7 the address needs a domain")
        utf8 = "SMTPUTF8" in parameters
        if not utf8 and not address.isascii():
            raise CommandError("553 5.6.7 this address needs SMTPUTF8")  # RFC 6531 §3.5
        size = self._check_parameters(parameters) if parameters else 0
        refusal = self.listener.backpressure.refusal or self.listener.rates.refusal(address, self.host)
        if refusal is None:
            self.envelope.mail_from = address
        self.envelope.smtp_utf8 = utf8
        self._declared = size
        self.reply(refusal or "250 2.1.0 OK")

    def _check_parameters(self, parameters: dict[str, str]) -> int:
        """Check the parameters of MAIL and return the size declared by SIZE, or 0. Raises CommandError."""
        if parameters.pop("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):  # RFC 6152 §2
            raise CommandError("501 5.5.4 BODY must be 7BIT or 8BITMIME")
        if parameters.pop("SMTPUTF8", ""):
            raise CommandError("501 5.5.4 SMTPUTF8 takes no value")
        size = parameters.pop("SIZE", "0")
        if not re.fullmatch(r"[0-9]{1,20}", size):
            raise CommandError("501 5.5.4 SIZE must be a number of bytes")
        if int(size) > self.settings.max_message_bytes:  # RFC 1870 §6.1
            raise CommandError(too_large(self.settings.max_message_bytes))
        if self.offers_login:
            parameters.pop("AUTH", None)  # RFC 4954 §5: accepted, but not trusted
        if parameters:
            raise CommandError("555 5.5.4 parameter not recognized or not implemented")
        return int(size)

    async def smtp_RCPT(self, arg: str | None) -> None:
        self._require_permission()
        if not self.envelope.mail_from:
            raise CommandError("503 5.5.1 send MAIL first")
        address, parameters = self._parse_path("RCPT TO:", arg, "553 5.1.3 malformed address")
        if address == "<>":
            raise CommandError("553 5.1.3 malformed address")
        if parameters:
            raise CommandError("555 5.5.4 parameter not recognized or not implemented")
        if not address.isascii() and not self.envelope.smtp_utf8:
            raise CommandError("553 5.6.7 this address needs SMTPUTF8")
        if len(self.envelope.rcpt_tos) >= self.settings.max_recipients:
            # not counted as an error: the rest may be sent in another mail (RFC 5321 §4.5.3.1.10)
            self.reply("452 4.5.3 too many recipients")
            return
        if self.listener.intake.accepts(address):
            self.envelope.rcpt_tos.append(address)
            self.reply("250 2.1.5 OK")
        else:
            self.refused_count += 1
            self.reply("550 5.1.1 no such mailbox here")

    def _parse_path(self, command: str, arg: str | None, malformed: str) -> tuple[str, dict[str, str]]:
        path_text = self._strip_command_keyword(command[5:], arg or "")
        if not path_text or not path_text.startswith("<"):
            raise CommandError(f"501 5.5.4 Syntax: {command}<address>")
        parsed = read_path(path_text)
        if parsed is None:
            raise CommandError(malformed)
        address, parameter_text = parsed
        if not parameter_text:
            return address, {}
        parameters = read_parameters(parameter_text)
        if parameters is None or not self.session.extended_smtp:
            raise CommandError("501 5.5.4 parameters are malformed, repeated, or sent without EHLO")
        return address, parameters

    async def smtp_DATA(self, arg: str | None) -> None:
        self._require_permission()
        if not self.envelope.rcpt_tos:
            raise CommandError("503 5.5.1 no recipient was accepted")
        if arg:
            raise CommandError("501 5.5.4 Syntax: DATA")
        try:
            if self.expect_content(self._declared):
                self.reply("354 End data with <CR><LF>.<CR><LF>")
                self.idle_count = 0
                await self._receive_message()
            else:
                self.reply(TOO_MUCH)
        finally:
            self.release_content()
            self.envelope = self._create_envelope()

    async def _receive_message(self) -> None:
        content = await self.read_content()
        try:
            verdict = await self._verdict(content)
            if verdict is not None:
                self.reply_to_message(verdict)
            if content.is_discarded and not content.complete:
                self.close("421 4.7.0 message too large" if content.is_too_large else "421 4.3.1 too much mail at once")
        finally:
            content.discard()

    async def _verdict(self, content: Content) -> str | None:
        """Return the reply to a message; None if the connection ended before the end of the message."""
        if content.is_too_large:
            return too_large(self.settings.max_message_bytes)
        if not content.complete:
            return None
        if content.is_discarded:
            return TOO_MUCH
        if self.settings.smtp_bare_newlines == "refuse" and content.has_bare_newline:
            self.error_count += 1
            return "550 5.6.0 CR or LF alone in the content: lines end with CR LF"
        self.committing = True
        try:
            return await self._store(content)
        except Unavailable:
            return NOT_NOW
        except Exception as error:
            _log.error("mail was not taken", error=type(error).__name__, trace=where(error))
            return NOT_NOW
        finally:
            self.committing = False

    async def _store(self, content: Content) -> str:
        if hops(content.head(HEADER_BYTES)) > self.settings.max_hops:
            return TOO_MANY_HOPS
        sender = "" if self.envelope.mail_from == "<>" else self.envelope.mail_from
        recipients, helo = tuple(self.envelope.rcpt_tos), self.session.host_name
        envelope = Envelope(self.channel, sender, recipients, peer=self.host, helo=helo)
        return f"250 2.0.0 accepted as {await self.listener.committer.store(envelope, content)}"

    def reply_to_message(self, verdict: str) -> None:
        """Send the reply to a message. In SMTP, one reply is for all recipients."""
        self.reply(verdict)

    def _require_permission(self) -> None:
        self.require_greeting()
        if self.settings.smtp_require_login and not self.session.authenticated:
            raise CommandError("530 5.7.0 Authentication required")

    def require_greeting(self) -> None:
        if not self.session.host_name:
            raise CommandError(f"503 5.5.1 say {self.hello} first")

    @property
    def offers_login(self) -> bool:
        return self.listener.passwords is not None and self.session.ssl is not None
