"""Migrates a database, empty or of an earlier version, to the schema of this version."""

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
    """Migrate to the newest revision. Returns the revisions before and after.

    In a database with data, each step is a transaction. So locks are short, and a step that waits for one table locks
    no other table that incoming mail needs. If several processes call this at once, one runs a step. The others wait
    and then skip the step. Raises Refused if the database is from a newer version of sodan.
    """
    before, now = database.transact_migration(_step)
    while now != head():
        _, now = database.transact_migration(_step)
    return before, now


def revision(conn: Connection) -> str | None:
    """Return the revision of the database; None if it is empty."""
    return MigrationContext.configure(conn).get_current_revision()


@cache  # cached, since monitoring calls /readyz every few seconds
def head() -> str:
    """Return the revision that this version of sodan needs."""
    revision = ScriptDirectory(str(_FOLDER)).get_current_head()
    assert revision is not None
    return revision


def _step(conn: Connection) -> tuple[str | None, str]:
    one_at_a_time(conn)
    before = revision(conn)
    if before is not None:
        _must_be_known(before)
    later = ScriptDirectory(str(_FOLDER)).iterate_revisions(head(), before or head())
    now = [head(), *(script.revision for script in later)][-1]
    if before != now:
        bring_to(conn, now)
    return before, now


def bring_to(conn: Connection, revision: str) -> None:
    """Migrate forward to a revision, within the caller's transaction. Raises Refused if the revision is unknown."""
    _must_be_known(revision)
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    command.upgrade(config, revision)


def _must_be_known(revision: str) -> None:
    if revision not in {script.revision for script in ScriptDirectory(str(_FOLDER)).walk_revisions()}:
        raise Refused(f"revision {revision} of the database is unknown to this version of sodan; use a newer version")
