"""Webhooks: URLs, kinds of events, and the last event that each has received.

Events are delivered to a webhook in order, each at least once. The sending process holds a lease, so that several API
processes do not send twice.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from service.errors import NotFound, SodanError
from service.store.encryption import SecretBox, is_clear
from service.store.feed import newest
from service.store.tables import events, webhooks

HELD = "held: restored from a backup; `sodan webhooks` lets it go on"
"""``last_error`` of a webhook disabled by a restore, since the original system may still be sending to it."""
LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 9
_WAITS = (5, 30, 300, 1800, 7200, 18000, 36000, 36000, 36000)
"""Seconds until the next attempt. After ``MAX_ATTEMPTS`` failures, some two days, the webhook is disabled."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A webhook leased to this process."""

    id: int
    url: str
    secret: str
    """As stored: encrypted."""
    kinds: tuple[str, ...]
    event: int
    attempts: int


def create(conn: Connection, box: SecretBox, url: str, kinds: Sequence[str], now: datetime) -> tuple[int, str]:
    """Create a webhook for events from now on. Returns its id and its secret, which is stored encrypted."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    made = conn.execute(
        insert(webhooks).values(
            url=url, secret=box.encrypt(secret), kinds=list(kinds), created_at=now, due_at=now, event=newest(conn)
        )
    )
    assert made.inserted_primary_key is not None
    return int(made.inserted_primary_key[0]), secret


def encrypt_stored(conn: Connection, box: SecretBox) -> int:
    """Encrypt secrets that earlier versions stored unencrypted; returns their number.

    Raises as ``SecretBox.encrypt``.
    """
    clear = [row for row in conn.execute(select(webhooks.c.id, webhooks.c.secret)) if is_clear(row.secret)]
    for row in clear:
        conn.execute(update(webhooks).where(webhooks.c.id == row.id).values(secret=box.encrypt(row.secret)))
    return len(clear)


def unreadable(conn: Connection, box: SecretBox) -> list[tuple[int, str]]:
    """Return (id, problem) of webhooks whose secret is unencrypted or cannot be decrypted."""
    wrong = []
    for row in conn.execute(select(webhooks.c.id, webhooks.c.secret).order_by(webhooks.c.id)):
        try:
            box.decrypt(row.secret)
        except SodanError as error:
            wrong.append((row.id, str(error)))
        else:
            if is_clear(row.secret):
                wrong.append((row.id, "its secret is stored unencrypted: set SODAN_KEY_FILE, then restart sodan"))
    return wrong


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Return all webhooks, without secrets."""
    hidden = ("secret", "leased_until")
    columns = [column for column in webhooks.c if column.name not in hidden]
    return [dict(row._mapping) for row in conn.execute(select(*columns).order_by(webhooks.c.id))]


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
    """Return the URLs of webhooks disabled by a restore."""
    return list(
        conn.execute(select(webhooks.c.url).where(webhooks.c.last_error == HELD).order_by(webhooks.c.id)).scalars()
    )


def resume_held(conn: Connection, now: datetime) -> int:
    """Enable the webhooks disabled by a restore, for events from now on; returns their number."""
    return conn.execute(
        update(webhooks)
        .where(webhooks.c.last_error == HELD)
        .values(disabled_at=None, last_error=None, attempts=0, due_at=now, leased_until=None, event=newest(conn))
    ).rowcount


def any_due(conn: Connection, now: datetime) -> bool:
    """Whether ``claim`` would find a webhook; cheap enough to call every second."""
    return conn.execute(_due(now).limit(1)).first() is not None


def claim(conn: Connection, now: datetime) -> Claimed | None:
    """Lease a webhook with undelivered events for ``LEASE``; None if there is none."""
    row = conn.execute(_due(now).limit(1).with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    conn.execute(update(webhooks).where(webhooks.c.id == row.id).values(leased_until=now + LEASE))
    return Claimed(row.id, row.url, row.secret, tuple(row.kinds), row.event, row.attempts)


def told(conn: Connection, id: int, event: int) -> None:
    """Record that all events up to ``event`` were delivered."""
    conn.execute(update(webhooks).where(webhooks.c.id == id).values(event=event, attempts=0, last_error=None))


def failed(conn: Connection, hook: Claimed, why: str, now: datetime) -> bool:
    """Record a failed delivery: retry later, or disable it after ``MAX_ATTEMPTS``; returns whether disabled.

    Disabling writes an event, so that other webhooks and the web page show it.
    """
    tried = hook.attempts + 1
    wait = timedelta(seconds=_WAITS[min(tried, len(_WAITS)) - 1])
    conn.execute(
        update(webhooks)
        .where(webhooks.c.id == hook.id)
        .values(
            attempts=tried,
            last_error=why,
            due_at=now + wait,
            leased_until=None,
            disabled_at=now if tried >= MAX_ATTEMPTS else None,
        )
    )
    if tried < MAX_ATTEMPTS:
        return False
    data = {"webhook": hook.id, "reason": why}
    conn.execute(insert(events), [{"kind": "webhook.disabled", "at": now, "data": data}])
    return True


def release(conn: Connection, id: int) -> None:
    conn.execute(update(webhooks).where(webhooks.c.id == id).values(leased_until=None))


def _due(now: datetime) -> Any:
    return (
        select(webhooks)
        .where(
            webhooks.c.disabled_at.is_(None),
            webhooks.c.due_at <= now,
            or_(webhooks.c.leased_until.is_(None), webhooks.c.leased_until <= now),
            webhooks.c.event < select(func.coalesce(func.max(events.c.id), 0)).scalar_subquery(),
        )
        .order_by(webhooks.c.due_at)
    )
