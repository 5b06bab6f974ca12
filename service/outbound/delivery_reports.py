"""Records delivery reports (RFC 3464) at the outbox entries whose delivery they report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service.intake import ReadMail
from service.mail.message import Mail
from service.store import outbox
from service.store.database import Connection


def record_delivery_reports(conn: Connection, read_mails: Sequence[ReadMail], now: datetime) -> list[int]:
    """Record the delivery reports about mail of sodan. Returns the cases with a mail that was not delivered."""
    failed_in: set[int] = set()
    for read_mail in read_mails:
        mail = read_mail.extracted[0].source
        if isinstance(mail, Mail) and mail.bounce is not None:
            message_ids = [mail.bounce.message_id, *mail.in_reply_to, *mail.references]
            report = {
                "status": mail.bounce.status,
                "recipients": list(mail.bounce.recipients),
                "text": mail.text[:2000],
                "spool": read_mail.claimed.id,
            }
            number = outbox.add_delivery_report(conn, [id for id in message_ids if id], report, now)
            entry = outbox.entry(conn, number) if number is not None else {}
            if entry.get("state") == "failed" and entry["case_id"] is not None:
                failed_in.add(entry["case_id"])
    return sorted(failed_in)
