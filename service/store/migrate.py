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
    """Migrate to head; returns the revisions before and after.

    From empty in one transaction, else each step in one of its own: a step that waits for a table then holds no other
    that a mail in between may need (they would wait for each other), and none longer than it must. What was broken off
    goes on from there. Several processes may do so at once: each step is done by the first, the others find it done.
    Raises Refused where the database is from a newer version of sodan.
    """
    before, now = database.transact(_step)
    while now != head():
        _, now = database.transact(_step)
    return before, now


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


def _step(conn: Connection) -> tuple[str | None, str]:
    one_at_a_time(conn)
    before, scripts = revision(conn), ScriptDirectory(str(_FOLDER))
    if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
        raise Refused(
            f"the database is at revision {before}, which this version of sodan does not know: use a newer one"
        )
    if before == head():
        return before, head()
    now = head() if before is None else [*scripts.iterate_revisions(head(), before)][-1].revision
    bring_to(conn, now)
    return before, now


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
