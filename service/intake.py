"""The story of a mail inside sodan: received (durable), taken in (understood), judged anew when rules change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from service.store import spool
from service.store.database import Database
from service.store.spool import Envelope, NewEntry


def receive(database: Database, mails: Sequence[tuple[Envelope, bytes]], now: datetime) -> list[str]:
    """T1: make mails durable, all in one commit, and return their ids in the same order.

    From the moment this returns they are ours: nothing may be promised before. Raises Unavailable; then none is kept.
    """
    entries = [spool.new_entry(envelope, content, now) for envelope, content in mails]
    return receive_entries(database, entries)


def receive_entries(database: Database, entries: Sequence[NewEntry]) -> list[str]:
    """As ``receive``, for mails that have their id already."""
    database.transact(lambda conn: spool.put(conn, entries))
    return [entry.id for entry in entries]
