"""Operational problems the team is notified about: mails not processed, mailboxes or language model unavailable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from service.outbound.notify import News
from service.store import mailboxes, second_readings, spool_view
from service.store.database import Connection

WAITS_TOO_LONG = timedelta(minutes=15)
MODEL_AWAY = timedelta(hours=2)
"""Mail is processed without the language model, so this is reported late, and not in quiet hours."""


def trouble(conn: Connection, now: datetime) -> list[News]:
    """Return all problems that need a person now. A problem with a new key is reported again."""
    return [*_spool(conn, now), *_mailboxes(conn, now), *_model(conn, now)]


def _spool(conn: Connection, now: datetime) -> Iterator[News]:
    shunted = spool_view.undone(conn).get("shunted", 0)
    if shunted:
        yield News(f"shunted:{shunted}", f"sodan: {shunted} mails were set aside", "`sodan spool list`", True)
    oldest = spool_view.oldest_waiting(conn)
    if oldest is not None and now - oldest > WAITS_TOO_LONG:
        hour = now.replace(minute=0, second=0, microsecond=0).isoformat()
        title = f"sodan: a mail has waited for {_minutes(oldest, now)} minutes"
        yield News(f"waiting:{hour}", title, "`sodan doctor`", True)


def _mailboxes(conn: Connection, now: datetime) -> Iterator[News]:
    for one in mailboxes.statuses(conn):
        since = one.away_since(now)
        if since is not None:
            title = f"sodan: mailbox {one.name} has not been read for {_minutes(since, now)} minutes"
            text = f"{one.cause or 'nobody fetches from it'}: {one.next_step or '`sodan mailbox list`'}"
            yield News(f"mailbox:{one.name}:{since.isoformat()}", title, text, True)


def _model(conn: Connection, now: datetime) -> Iterator[News]:
    """Report jobs that wait with a reason; those without one wait for their turn or for the next day's budget."""
    oldest = second_readings.oldest_waiting(conn)
    if oldest is not None and oldest.reason and now - oldest.created_at >= MODEL_AWAY:
        text = f"{oldest.reason}\nMail is taken in as before. `sodan doctor`"
        yield News(f"model:{now.date()}", "sodan: the language model does not answer", text)


def _minutes(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() // 60)
