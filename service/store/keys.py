"""Secret keys in the database, which sign addresses and Message-IDs of outgoing mail."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, select

from service.store.sql import upsert
from service.store.tables import keys


def key(conn: Connection, name: str, now: datetime) -> bytes:
    """Return the 32-byte key called ``name``. It is created on first use."""
    query = select(keys.c.key).where(keys.c.name == name)
    stored = conn.execute(query).scalar()
    if stored is None:
        new = upsert(conn, keys).values(name=name, key=secrets.token_hex(32), created_at=now)
        conn.execute(new.on_conflict_do_nothing())  # another process may create it at the same time
        stored = conn.execute(query).scalar_one()
    return bytes.fromhex(stored)
