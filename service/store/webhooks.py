"""Webhooks: URLs to which events are sent, and the last event that each webhook received.

Events are sent to a webhook in order, each at least once. The sending process holds a lease, so that several API
processes do not send the same event.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from service.errors import NotFound, SodanError
from service.store.database import one_at_a_time
from service.store.encryption import SecretBox, is_clear
from service.store.feed import newest
from service.store.sql import exists, write_event
from service.store.tables import events, webhooks

HELD = "held: restored from a backup; `sodan webhooks` lets it go on"
"""``last_error`` of a webhook that a restore disabled. The backed-up system may still be sending to it."""
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class LeasedWebhook:
    """A webhook that a process has leased."""

    id: int
    url: str
    secret: str  # the secret as stored (encrypted)
    kinds: tuple[str, ...]  # kinds of events to send; empty: all
    event: int  # the last event that was sent


def create(conn: Connection, box: SecretBox, url: str, kinds: Sequence[str], now: datetime) -> tuple[int, str]:
    """Create a webhook for events from now on. Returns its id and its signing secret, which is stored encrypted."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row = {"url": url, "secret": box.encrypt(secret), "kinds": list(kinds), "created_at": now, "due_at": now}
    statement = insert(webhooks).values(**row, event=newest(conn)).returning(webhooks.c.id)
    return int(conn.execute(statement).scalar_one()), secret


def encrypt_stored(conn: Connection, box: SecretBox) -> int:
    """Encrypt the secrets that are stored unencrypted, and return their number. Raises Refused, Unavailable."""
    clear = [(id, secret) for id, secret in _secrets(conn) if is_clear(secret)]
    for id, secret in clear:
        _change(conn, id, secret=box.encrypt(secret))
    return len(clear)


def unreadable(conn: Connection, box: SecretBox) -> list[tuple[int, str]]:
    """Return (id, problem) of the webhooks whose secret is not encrypted or cannot be decrypted."""
    problems = []
    for id, secret in _secrets(conn):
        try:
            box.decrypt(secret)
        except SodanError as error:
            problems.append((id, str(error)))
        else:
            if is_clear(secret):
                problems.append((id, "its secret is stored unencrypted: set SODAN_KEY_FILE, then restart sodan"))
    return problems


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Return all webhooks, without secrets."""
    columns = [column for column in webhooks.c if column.name not in ("secret", "leased_until")]
    return list(map(dict, conn.execute(select(*columns).order_by(webhooks.c.id)).mappings()))


def find(conn: Connection, id: int) -> dict[str, Any]:
    """Return one webhook, without its secret. Raises NotFound."""
    for row in listing(conn):
        if row["id"] == id:
            return row
    raise NotFound("there is no such webhook")


def remove(conn: Connection, id: int) -> None:
    """Delete a webhook. Raises NotFound."""
    if not conn.execute(delete(webhooks).where(webhooks.c.id == id)).rowcount:
        raise NotFound("there is no such webhook")


def held(conn: Connection) -> list[str]:
    """Return the URLs of the webhooks that a restore disabled."""
    query = select(webhooks.c.url).where(webhooks.c.last_error == HELD).order_by(webhooks.c.id)
    return list(conn.execute(query).scalars())


def enable_held(conn: Connection, now: datetime) -> int:
    """Enable the webhooks that a restore disabled, for events from now on. Returns their number."""
    values = {"disabled_at": None, "last_error": None, "attempts": 0, "due_at": now, "leased_until": None}
    resumed = update(webhooks).where(webhooks.c.last_error == HELD).values(**values, event=newest(conn))
    return conn.execute(resumed).rowcount


def any_due(conn: Connection, now: datetime) -> bool:
    """Return whether ``claim`` would find a webhook. It is cheap enough to call every second."""
    return exists(conn, _due(now))


def claim(conn: Connection, now: datetime) -> LeasedWebhook | None:
    """Lease one webhook that is due and has events to send, for ``LEASE``. Return None if there is none."""
    row = conn.execute(_due(now).limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    _change(conn, row.id, leased_until=now + LEASE)
    return LeasedWebhook(row.id, row.url, row.secret, tuple(row.kinds), row.event)


def record_delivery(conn: Connection, id: int, event: int) -> None:
    """Record that all events up to ``event`` were delivered."""
    _change(conn, id, event=event, attempts=0, last_error=None)


def record_failure(conn: Connection, id: int, why: str, waits: Sequence[int], now: datetime) -> bool:
    """Record a failed delivery. Returns whether the webhook is disabled now.

    ``waits``: for the first failure in a row, the second, and so on: seconds until the next attempt. After the failure
    that follows the last of them, the webhook is disabled and an event is written.
    """
    one_at_a_time(conn)
    attempts = int(conn.execute(select(webhooks.c.attempts).where(webhooks.c.id == id)).scalar() or 0) + 1
    disabled = attempts > len(waits)
    change = {"disabled_at": now} if disabled else {"due_at": now + timedelta(seconds=waits[attempts - 1])}
    _change(conn, id, attempts=attempts, last_error=why, leased_until=None, **change)
    if disabled:
        write_event(conn, "webhook.disabled", now, {"webhook": id, "reason": why})
    return disabled


def release(conn: Connection, id: int) -> None:
    _change(conn, id, leased_until=None)


def _change(conn: Connection, id: int, **values: Any) -> None:
    conn.execute(update(webhooks).where(webhooks.c.id == id).values(**values))


def _secrets(conn: Connection) -> list[Any]:
    return list(conn.execute(select(webhooks.c.id, webhooks.c.secret).order_by(webhooks.c.id)))


def _due(now: datetime) -> Any:
    free = or_(webhooks.c.leased_until.is_(None), webhooks.c.leased_until <= now)
    behind = webhooks.c.event < select(func.coalesce(func.max(events.c.id), 0)).scalar_subquery()
    due = (webhooks.c.disabled_at.is_(None), webhooks.c.due_at <= now, free, behind)
    return select(webhooks).where(*due).order_by(webhooks.c.due_at)
