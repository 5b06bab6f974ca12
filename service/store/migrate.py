"""Brings a database to the schema of this version: from empty, or from any earlier version."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.errors import Refused
from service.store.database import Database, one_at_a_time

_FOLDER = Path(__file__).parents[2] / "migrations"


def migrate(database: Database) -> tuple[str | None, str]:
    """Migrate to head in one transaction; returns the revisions before and after.

    Several processes may do so at once: the first one migrates, the others find it done. Raises Refused where the
    database is from a newer version of sodan.
    """
    return database.transact(_migrate)


def revision(conn: Connection) -> str | None:
    """The revision the database is at; None: empty."""
    return MigrationContext.configure(conn).get_current_revision()


@cache  # the scripts are read once: whoever watches us asks /readyz every few seconds
def head() -> str:
    """The revision this version of sodan works with."""
    found = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert found is not None
    return found


def is_current(database: Database) -> bool:
    return database.read(revision) == head()


def _migrate(conn: Connection) -> tuple[str | None, str]:
    one_at_a_time(conn)
    before = revision(conn)
    if before is not None and before not in {
        script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()
    }:
        raise Refused(
            f"the database is at revision {before}, which this version of sodan does not know: use a newer one"
        )
    if before != head():
        bring_to(conn, "head")
    return before, head()


def bring_to(conn: Connection, revision: str) -> None:
    """Migrate forward to a revision, within the transaction. Raises Refused where this version does not know it."""
    if revision != "head" and revision not in {
        script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()
    }:
        raise Refused(f"revision {revision} is unknown to this version of sodan: use a newer one")
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, revision)
