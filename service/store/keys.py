"""Keys that sign what sodan sends, to recognise it when it comes back. All hosts share them."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, insert, select

from service.store.database import one_at_a_time
from service.store.tables import keys


def key(conn: Connection, name: str, now: datetime) -> bytes:
    """Return the 32-byte key ``name``; it is created on first use."""
    query = select(keys.c.key).where(keys.c.name == name)
    found = conn.execute(query).scalar()
    if found is None:
        one_at_a_time(conn)
        found = conn.execute(query).scalar()
    if found is None:
        found = secrets.token_hex(32)
        conn.execute(insert(keys), {"name": name, "key": found, "created_at": now})
    return bytes.fromhex(found)
