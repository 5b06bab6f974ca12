"""Lists of cases: their order, and their plans on SQLite, which a database of any size follows."""

from typing import Any

import pytest
from sqlalchemy import select, update

from service.store import cases
from service.store.database import Connection, Database
from service.store.tables import cases as table
from tests.seeding import NOW, seed
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


def test_of_one_priority_the_case_that_waits_longest_comes_first_on_every_page(database: Database) -> None:
    seed(database, 24)

    def read(conn: Connection) -> list[list[str]]:
        # a changed owner, the oldest waits; a case that waits for nobody, without a time, as older versions stored it
        conn.execute(update(table).where(table.c.id == 8).values(owner="Aki", updated_at=NOW))
        conn.execute(update(table).where(table.c.status != "open").values(status="open"))
        lists = []
        for which in (cases.Filter(waiting_on=("team",)), cases.Filter(waiting_on=("none",)), cases.Filter()):
            keys: list[str] = []
            after = None
            while not keys or after is not None:
                found, after = cases.page(conn, which, "priority", 2, after, "SD")
                keys += [case["key"] for case in found]
            lists.append(keys)
        return lists

    team, nobody, every = database.transact(read)
    assert team == [f"SD-{number}" for number in (4, 8, 12, 16, 20, 24)]
    assert nobody == [f"SD-{number}" for number in (3, 7, 11, 15, 19, 23)]
    assert (len(every), {*every}) == (24, {f"SD-{number}" for number in range(1, 25)})


def test_what_was_merged_into_a_case_is_looked_up(sqlite: Database) -> None:
    query = select(table.c.id).where(table.c.merged_into.in_([1, 2])).compile(compile_kwargs={"literal_binds": True})
    [step] = sqlite.read(lambda conn: _plan(conn, str(query), ()))
    assert "ix_cases_merged_into" in step
