"""A running `sodan serve` as an attack sees it: SMTP over real sockets in front, the API to look at what came of it."""

import re
import smtplib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from tests.served import Served, wait_until

INSIDE = "127.0.0.1"  # a program on the same machine, such as `curl` in the README
OUTSIDE = "127.0.0.2"  # any other host: loopback too, but not the address that the defaults know
INTAKE = "help@corp.example"
PATIENCE = 60
FIRST = datetime(2026, 11, 20, tzinfo=UTC)
_NUMBERS, _SECONDS = count(1), count(1)


def new_id(name: str = "mail", domain: str = "corp.example") -> str:
    """A Message-ID that no other test uses."""
    return f"<{name}-{next(_NUMBERS)}@{domain}>"


def mail(
    sender: str, subject: str, text: str, *, id: str = "", replies_to: str = "", head: str = "", more: str = ""
) -> str:
    """A mail with LF line ends, each dated a second after the one before.

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
    """One service and what is said to it. Tests share it, so each uses its own addresses, words and ids."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """``settings``: beside the intake address, only what differs from the defaults."""
        self.served = Served(folder, intake=INTAKE, **settings)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.served.http}", timeout=60)

    def close(self) -> None:
        self.http.close()
        self.served.stop()

    def send(self, content: str, *, peer: str = OUTSIDE, envelope_from: str = "anybody@outside.example") -> str:
        """Send a mail from ``peer`` and wait until it is taken in; the key of its case."""
        id = message_id(content)
        before = len(self.messages(id))
        raw = content.replace("\n", "\r\n").encode()
        with smtplib.SMTP(
            "127.0.0.1", self.served.smtp, local_hostname="client.example", timeout=60, source_address=(peer, 0)
        ) as client:
            reply = client.sendmail(envelope_from, [INTAKE], raw)
        assert reply == {}
        wait_until(lambda: sum(one["deliveries"] for one in self.messages(id)) > before, PATIENCE)
        return str(max(self.messages(id), key=lambda one: int(one["id"]))["case"])

    def messages(self, id: str) -> list[dict[str, Any]]:
        return list(self.get("/api/messages", message_id=id)["items"])

    def message(self, id: str) -> dict[str, Any]:
        """The one message with this Message-ID."""
        [found] = self.messages(id)
        return found

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, (path, answer.text[:500])
        return answer.json()

    def case(self, key: str) -> dict[str, Any]:
        return dict(self.get(f"/api/cases/{key}"))

    def standing(self, key: str) -> dict[str, Any]:
        """The case without what counts mails, time and hints."""
        counted = ("messages", "updated_at", "clocks", "notes", "version", "related", "suggestions", "not_counted")
        return {name: value for name, value in self.case(key).items() if name not in counted}


def message_id(content: str) -> str:
    found = re.search(r"(?im)^message-id:\s*(<[^>]+>)", content)
    assert found is not None
    return found[1]
