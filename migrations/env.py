"""Alembic's way in: migrates over the connection it is given, or over SODAN_DATABASE_URL."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, BigInteger, Connection

from service import settings
from service.store.database import Database
from service.store.tables import SEARCH_TABLE, Instant, Words, metadata


def within(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=_is_ours,
        render_item=_render,
    )
    context.run_migrations()


def _is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """The word index is made by hand on each database; SQLite adds shadow tables to it."""
    return not (kind == "table" and name is not None and name.startswith(SEARCH_TABLE))


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """A migration is frozen: it names plain types (see script.py.mako), not those of store.tables."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Words):
        return "sa.Text()"
    if kind == "type" and isinstance(item, JSON):
        return "Data"
    if kind == "type" and isinstance(item, BigInteger):
        return "Number"
    return False


given = context.config.attributes.get("connection")
if given is not None:
    within(given)
else:
    database = Database(settings.load().database_url)
    database.transact_migration(within)
    database.close()
