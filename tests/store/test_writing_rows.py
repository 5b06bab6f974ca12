"""Rows written by the driver alone equal rows written by SQLAlchemy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update

from service.errors import Unavailable
from service.store.database import Connection, Database, run, run_for_each
from service.store.sql import write_rows
from service.store.tables import cases

NOON = datetime(2026, 3, 1, 12, 0, 0, 250, UTC)
ROW: dict[str, Any] = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
ROW |= {"opened_at": NOON, "updated_at": NOON, "document": {}, "set_by_people": {}, "title": "", "requester": None}
ROW |= {"needs_triage": False}
ODD: list[dict[str, Any]] = [
    {"title": "nul\0 \udcff 困る", "document": {"nul\0": ["\udcff", "困る"], "n": 1.5}},
    {"opened_at": NOON.astimezone(timezone(timedelta(hours=9))), "requester": {"name": "a"}, "needs_triage": True},
    {},
]
SET_TITLE = update(cases).where(cases.c.id == bindparam("number")).values(title=bindparam("words"))


def test_the_driver_alone_writes_the_same_rows_as_sqlalchemy(database: Database) -> None:
    def write(conn: Connection) -> None:
        conn.execute(insert(cases), [ROW | odd for odd in ODD])
        write_rows(conn, cases, [ROW | odd for odd in ODD])
        write_rows(conn, cases, [])

    database.transact(write)
    columns = [column for column in cases.c if column.name != "id"]
    rows = database.read(lambda conn: conn.execute(select(*columns).order_by(cases.c.id)).all())
    assert len(rows) == 2 * len(ODD)
    assert rows[: len(ODD)] == rows[len(ODD) :]


def test_an_update_runs_once_for_each_row_and_an_error_undoes_the_transaction(database: Database) -> None:
    def write(conn: Connection) -> list[Any]:
        write_rows(conn, cases, [ROW | {"id": number} for number in (1, 2, 3)])
        write_rows(conn, SET_TITLE, [{"number": 1, "words": "a\0"}, {"number": 3, "words": "c"}])
        return list(conn.execute(select(cases.c.title).order_by(cases.c.id)).scalars())

    assert database.transact(write) == ["a\ufffd", "", "c"]
    with pytest.raises(TypeError):
        database.transact(lambda conn: write_rows(conn, cases, [ROW | {"id": 9}]) + 1)  # type: ignore[func-returns-value, operator]
    assert len(database.read(lambda conn: run(conn, "SELECT id FROM cases", ()))) == 3


@pytest.mark.parametrize("write", [True, False])
def test_a_connection_that_the_server_closed_is_not_used_again(new_postgres: Callable[[], str], write: bool) -> None:
    database = Database(new_postgres())

    def end(conn: Connection) -> None:
        for _ in range(2):  # the first statement goes through SQLAlchemy, the second does not
            [(process,)] = run(conn, "SELECT pg_backend_pid()", ())
        if write:
            run_for_each(conn, "SELECT pg_terminate_backend($1)", [(process,)])
        run(conn, "SELECT pg_terminate_backend($1)", (process,))

    for _ in range(3):
        with pytest.raises(Unavailable, match="does not respond") as raised:
            (database.transact if write else database.read)(end)
        assert getattr(raised.value.__cause__, "sqlstate", None) in ("08003", "57P01")  # not the rollback after it
        assert [tuple(row) for row in database.read(lambda conn: run(conn, "SELECT 1", ()))] == [(1,)]
    database.close()
