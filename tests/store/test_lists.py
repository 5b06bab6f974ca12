"""Lists of cases on SQLite as it is, which counts nothing by itself: the plans that a database of any size follows."""

from typing import Any

import pytest
from sqlalchemy import select

from service.store import cases
from service.store.database import Connection, Database
from service.store.tables import cases as table
from tests.store.desk import on_statements


def _plan(conn: Connection, statement: str, values: Any) -> list[str]:
    return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("sort", cases.SORTS)
def test_a_list_is_read_in_the_order_of_an_index(sqlite: Database, sort: str) -> None:
    asked: list[tuple[str, Any]] = []

    def look(conn: Connection) -> list[list[str]]:
        note = lambda _c, _cursor, statement, values, *_: asked.append((statement, values))  # noqa: E731
        with on_statements("before", note):
            cases.page(conn, cases.Filter(), sort, 50, None, "SD")
        return [_plan(conn, *one) for one in asked]

    [plan] = sqlite.read(look)
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_what_was_merged_into_a_case_is_looked_up(sqlite: Database) -> None:
    query = select(table.c.id).where(table.c.merged_into.in_([1, 2])).compile(compile_kwargs={"literal_binds": True})
    [step] = sqlite.read(lambda conn: _plan(conn, str(query), ()))
    assert "ix_cases_merged_into" in step
