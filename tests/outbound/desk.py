"""An installation that sends mail: a database, a worker, a sender, and a real SMTP server as smart host."""

import asyncio
import email
import email.policy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import insert, select

from mailrules.engine.judge import Rules
from service.intake import After, AppContext, receive, rejudge
from service.outbound.due_mail import DueMail
from service.outbound.sender import Sender
from service.outbound.setup import after_judging, notifier_of, outbound_of, sender_of
from service.settings import Settings, load
from service.store import corrections, due_cases, outbox, spool, spool_view
from service.store.cases import find
from service.store.database import Connection, Database
from service.store.tables import cases
from tests.running import take_in
from tests.served import free_port

START = datetime(2026, 11, 4, 1, 0, tzinfo=UTC)
KEY = b"k" * 32


@dataclass
class Received:
    """A mail that the smart host accepted."""

    mail_from: str
    rcpt_to: list[str]
    mail: EmailMessage
    content: bytes

    @property
    def text(self) -> str:
        body = self.mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def reply_to(self) -> str:
        return str(self.mail["Reply-To"].addresses[0].addr_spec)

    def raw_header(self, name: str) -> str:
        """Return a header as received, with line breaks and not decoded."""
        mail = email.message_from_bytes(self.content, policy=email.policy.compat32)
        return str(mail[name])


@dataclass
class Smarthost:
    """Keeps the mails that it receives. ``refuse``: command → reply to refuse it with."""

    received: list[Received] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    port: int = 0
    before_reply: Callable[[bytes], object] = lambda _: None  # called with each mail before the reply

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "RCPT" in self.refuse:
            return self.refuse["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self.refuse:
            return self.refuse["DATA"]
        content = cast(bytes, envelope.content)
        await asyncio.to_thread(self.before_reply, content)
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.received.append(Received(envelope.mail_from or "", list(envelope.rcpt_tos), mail, content))
        return "250 2.0.0 queued"


@contextmanager
def smarthost() -> Iterator[Smarthost]:
    """Run a server on a free port until the end of the block."""
    handler = Smarthost()
    handler.port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


@dataclass
class Desk:
    """``now``: the time for the worker and the sender."""

    database: Database
    host: Smarthost
    settings: Settings
    context: AppContext
    now: datetime = START
    after: After | None = None  # called after cases are judged; None: the functions of outgoing mail

    def deliver(
        self, content: str, *, mail_from: str = "aiko@corp.example", channel: str = "smtp",
        rcpt: str = "intake@corp.example",
    ) -> str:  # fmt: skip
        """Receive and process one mail; return its spool id."""
        raw = content.strip("\n").replace("\n", "\r\n").encode()
        envelope = spool.Envelope(channel, mail_from, (rcpt,), peer="127.0.0.1")
        [id] = receive(self.database, [(envelope, raw)], self.now)
        self.take_in()
        assert self.database.read(lambda conn: spool_view.entry(conn, id))["state"] == "done"
        return id

    def take_in(self) -> None:
        """Process the received mails."""
        after = self.after or after_judging(self.settings, self.context)
        take_in(self.database, self.context, self.now, after=[after] if after else [])

    def configure(self, **given: Any) -> None:
        """Change settings, as a restart with other settings does."""
        self.settings = self.settings.model_copy(update=given)

    def sender(self) -> Sender:
        return sender_of(self.settings, self.database, self.context, lambda: self.now)

    def send(self) -> int:
        """Send everything that is due; return the number of steps."""
        sender, steps = self.sender(), 0
        while sender.step():
            steps += 1
        return steps

    def acknowledged(self, mail: str) -> Received:
        """Receive and process a mail, send everything that is due, and return the only mail that was sent."""
        self.deliver(mail)
        self.send()
        [got] = self.host.received
        return got

    def write_due(self) -> None:
        """Write due mail, as a process that was just started."""
        outbound, notifier = outbound_of(self.settings, KEY), notifier_of(self.settings)
        DueMail(self.database, self.context, outbound, notifier).write(self.now)

    def later(self, **passed: float) -> None:
        """Set the clock forward, write due mail, and send it."""
        self.now += timedelta(**passed)
        self.write_due()
        self.send()

    def case(self, number: int = 1) -> dict[str, Any]:
        return self.database.read(lambda conn: find(conn, number)).document

    def set(self, wanted: dict[str, Any], number: int = 1) -> None:
        """Change a case, as a person on the page."""

        def write(conn: Connection) -> None:
            corrections.set_by_person(conn, number, wanted, "mika", self.now)
            rejudge(conn, [number], self.context, now=self.now)

        self.database.transact(write)

    def entries(self, state: str | None = None) -> list[dict[str, Any]]:
        """Return the outbox entries, oldest first."""
        return self.database.read(lambda conn: outbox.listing(conn, state))[::-1]


def desk_with(database: Database, host: Smarthost, **given: Any) -> Desk:
    """Return an installation that sends acknowledgements. ``given``: other settings."""
    chosen = {
        "intake": "intake@corp.example",
        "from_": "IT desk <it@corp.example>",
        "smarthost": f"smtp://127.0.0.1:{host.port}",
        "acknowledge": "on",
        "hostname": "sodan.corp.example",
        "database_url": "sqlite:///unused.db",
    }
    settings = load(**(chosen | given))
    return Desk(database, host, settings, AppContext.of(settings, rules=_shared_rules(), key=KEY))


@cache
def _shared_rules() -> Rules:
    return AppContext.of(load(intake="intake@corp.example", database_url="sqlite:///unused.db")).rules


def copy_case(conn: Connection, *, document: dict[str, Any], **columns: Any) -> None:
    """Copy the only case as often as due_cases examines cases. The copies have other keys and no mails."""
    row = dict(conn.execute(select(cases)).mappings().one())
    del row["id"]
    documents = [row["document"] | document | {"key": f"SD-{number}"} for number in range(2, due_cases.MOST + 2)]
    conn.execute(insert(cases), [row | columns | {"document": one} for one in documents])


def report(
    number: int = 1,
    *,
    sender: str = "Aiko Tanaka <aiko@corp.example>",
    subject: str = "Outlook",
    body: str = "Outlook cannot send mail since 9:00 today.",
    date: datetime = START,
    headers: str = "",
) -> str:
    """Return a report of a user to the intake address."""
    return (
        f"From: {sender}\nTo: intake@corp.example\nSubject: {subject}\nMessage-ID: <r{number}@corp.example>\n"
        f"Date: {email.utils.format_datetime(date)}\n{headers}\n{body}\n"
    )


def bounce(of: str) -> str:
    """Return a delivery report (RFC 3464) of our mail server about the mail with the Message-ID ``of``."""
    written = Path(__file__).with_name("bounce.txt").read_text(encoding="utf-8")
    return written.format(of=of, name=of.strip("<>").partition("@")[0])
