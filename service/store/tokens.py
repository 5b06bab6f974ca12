"""Access tokens of the HTTP API: created by a command, shown once, stored only as SHA-256.

A token is 32 random bytes, so a hash without salt is enough. Looking it up by its hash is safe against timing attacks,
since the caller does not choose the hash.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from service.errors import NotFound, Refused
from service.store.sql import exists
from service.store.tables import tokens

PREFIX = "sodan_"
SCOPES = ("read", "write", "admin")  # each scope includes the scopes before it


@dataclass(frozen=True, slots=True)
class Token:
    """A valid token: the name of the person or program that uses it, and what it permits."""

    id: int
    name: str
    scope: str

    def may(self, scope: str) -> bool:
        """Return whether the token permits actions that need this scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def create(
    conn: Connection, name: str, scope: str, now: datetime, expires_at: datetime | None = None
) -> tuple[int, str]:
    """Create a token for the person or program ``name``; return its id and its secret. Raises Refused (scope)."""
    if scope not in SCOPES:
        raise Refused(f"scope: expected one of {', '.join(SCOPES)}")
    secret = PREFIX + secrets.token_urlsafe(32)
    row = {"hash": hash_of(secret), "name": name, "scope": scope, "created_at": now, "expires_at": expires_at}
    return int(conn.execute(insert(tokens).values(row).returning(tokens.c.id)).scalar_one()), secret


def find(conn: Connection, secret: str, now: datetime) -> Token | None:
    """Return the valid token with this secret, or None."""
    query = select(tokens.c.id, tokens.c.name, tokens.c.scope).where(tokens.c.hash == hash_of(secret), *_valid(now))
    row = conn.execute(query).one_or_none()
    return Token(*row) if row else None


def any_valid(conn: Connection, now: datetime) -> bool:
    """Return whether a valid token exists."""
    return exists(conn, select(tokens.c.id).where(*_valid(now)))


def revoke(conn: Connection, id: int, now: datetime) -> None:
    """Revoke a token. Raises NotFound."""
    revoked = update(tokens).where(tokens.c.id == id).values(revoked_at=func.coalesce(tokens.c.revoked_at, now))
    if not conn.execute(revoked).rowcount:
        raise NotFound(f"there is no token {id}")


def listing(conn: Connection) -> list[dict[str, Any]]:
    """Return all tokens, oldest first, without hashes."""
    columns = [column for column in tokens.c if column.name != "hash"]
    return list(map(dict, conn.execute(select(*columns).order_by(tokens.c.id)).mappings()))


def names(conn: Connection) -> list[str]:
    """Return the names of the people and programs whose tokens are not revoked."""
    query = select(tokens.c.name).where(tokens.c.revoked_at.is_(None), tokens.c.name != "").distinct()
    return list(conn.execute(query.order_by(tokens.c.name).limit(100)).scalars())


def _valid(now: datetime) -> tuple[Any, ...]:
    return tokens.c.revoked_at.is_(None), or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > now)
