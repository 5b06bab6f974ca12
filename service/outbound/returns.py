"""Attaches returned delivery reports (RFC 3464) to the outbox entries they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service.intake import ReadMail
from service.mail.message import Mail
from service.store import outbox
from service.store.database import Connection


def file_reports(conn: Connection, read_mails: Sequence[ReadMail], now: datetime) -> list[int]:
    """Record the reports among these mails that refer to our mail; return the cases whose mail was not delivered."""
    cases: set[int] = set()
    for one in read_mails:
        mail = one.extracted[0].source
        if isinstance(mail, Mail) and mail.bounce is not None:
            named = [mail.bounce.message_id, *mail.in_reply_to, *mail.references]
            report = {
                "status": mail.bounce.status,
                "recipients": list(mail.bounce.recipients),
                "text": mail.text[:2000],
                "spool": one.claimed.id,
            }
            number = outbox.returned(conn, [name for name in named if name], report, now)
            entry = outbox.entry(conn, number) if number is not None else {}
            if entry.get("state") == "failed" and entry["case_id"] is not None:
                cases.add(entry["case_id"])
    return sorted(cases)
