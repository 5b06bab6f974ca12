"""Mails as attackers write them, and a service that shows their effect."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from typing import Any

from service.intake import receive
from service.store.spool import Envelope
from tests.running import Running, now

INSIDE = "127.0.0.1"  # a program on the same machine, such as `curl` in the README
OUTSIDE = "192.0.2.1"  # any other host
INTAKE = "help@corp.example"
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
_NUMBERS, _SECONDS = count(1), count(1)
_COUNTED = ("messages", "updated_at", "clocks", "notes", "version", "related", "suggestions", "not_counted")


def new_id(domain: str = "corp.example") -> str:
    """Return a Message-ID that no other mail has."""
    return f"<{next(_NUMBERS)}@{domain}>"


def mail(
    sender: str, subject: str, text: str, *, id: str = "", replies_to: str = "", head: str = "", more: str = ""
) -> str:
    """Return a mail with LF line ends, dated one second after the mail before.

    ``head``: lines before all others; ``more``: further header lines.
    """
    thread = f"In-Reply-To: {replies_to}\nReferences: {replies_to}\n" if replies_to else ""
    to = "" if re.search(r"(?im)^to:", more) else f"To: {INTAKE}\n"
    written = FIRST + timedelta(seconds=next(_SECONDS))
    date = "" if re.search(r"(?im)^date:", more) else f"Date: {format_datetime(written)}\n"
    return (
        f"{head}From: {sender}\n{to}Subject: {subject}\nMessage-ID: {id or new_id()}\n{date}{thread}{more}"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


class Site:
    """A running service, and what a test sends to it and asks it."""

    def __init__(self, service: Running) -> None:
        self.service = service

    def send(self, content: str, *, peer: str = OUTSIDE) -> str:
        """Take in a mail from the host ``peer``; return the key of its case."""
        envelope = Envelope("smtp", "anybody@outside.example", (INTAKE,), peer)
        receive(self.service.database, [(envelope, content.replace("\n", "\r\n").encode())], now())
        self.service.work()
        id = re.findall(r"(?im)^message-id:\s*(<[^>]+>)", content)[0]
        return str(max(self.messages(id), key=lambda one: int(one["id"]))["case"])

    def messages(self, id: str) -> list[dict[str, Any]]:
        return list(self.service.get("/api/messages", message_id=id)["items"])

    def case(self, key: str) -> dict[str, Any]:
        return dict(self.service.get(f"/api/cases/{key}"))

    def state(self, key: str) -> dict[str, Any]:
        """Return the case without the fields that count mails, time and hints."""
        return {name: value for name, value in self.case(key).items() if name not in _COUNTED}
