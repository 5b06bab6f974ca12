"""Empty → head on both databases, and store.tables says the same as the migrations."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from service.errors import Refused
from service.store.database import Database
from service.store.migrate import head, migrate, revision
from service.store.tables import SEARCH_TABLE, metadata


def _differences(conn: Connection) -> list[object]:
    context = MigrationContext.configure(
        conn,
        opts={
            "compare_type": True,
            "include_name": lambda name, kind, _: not (kind == "table" and (name or "").startswith(SEARCH_TABLE)),
        },
    )
    return list(compare_metadata(context, metadata))


def test_the_head_of_the_migrations_is_what_the_tables_say(database: Database) -> None:
    assert database.read(_differences) == []
    assert database.read(revision) == head()


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert migrate(database) == (head(), head())


def test_an_empty_database_becomes_current(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/deep/inside/sodan.db")
    assert migrate(database) == (None, head())
    assert "spool" in database.read(lambda conn: inspect(conn).get_table_names())
    database.close()


def test_several_hosts_may_migrate_at_once(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    results: list[tuple[str | None, str]] = []

    def one() -> None:
        database = Database(url)
        results.append(migrate(database))
        database.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=str) == sorted([(None, head())] + [(head(), head())] * 3, key=str)


def test_a_database_of_a_newer_sodan_is_refused(database: Database) -> None:
    database.transact(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num = '9999'")) and None)
    with pytest.raises(Refused, match="9999"):
        migrate(database)
    assert database.read(revision) == "9999"
