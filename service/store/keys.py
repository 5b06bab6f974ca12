"""Secret keys in the database, for signing addresses and Message-IDs of outgoing mail. All hosts use the same keys."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, insert, select

from service.store.database import one_at_a_time
from service.store.tables import keys


def key(conn: Connection, name: str, now: datetime) -> bytes:
    """Return the 32-byte key called ``name``. It is created on first use."""
    query = select(keys.c.key).where(keys.c.name == name)
    stored = conn.execute(query).scalar()
    if stored is None:
        one_at_a_time(conn)
        stored = conn.execute(query).scalar()  # another process may have created it meanwhile
    if stored is None:
        stored = secrets.token_hex(32)
        conn.execute(insert(keys), {"name": name, "key": stored, "created_at": now})
    return bytes.fromhex(stored)
