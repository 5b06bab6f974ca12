"""Lists of cases: their order, and the indexes that SQLite uses for them."""

from typing import Any

import pytest
from sqlalchemy import select, update

from service.store import cases
from service.store.cursor import from_cursor, to_cursor
from service.store.database import Connection, Database
from service.store.tables import cases as table
from tests.seeding import NOW, seed
from tests.store.desk import on_statements


def _plan(conn: Connection, statement: str, values: Any) -> list[str]:
    return [row[3] for row in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("sort", cases.SORTS)
def test_a_list_of_cases_needs_no_sorting(sqlite: Database, sort: str) -> None:
    statements: list[tuple[str, Any]] = []

    def plans(conn: Connection) -> list[list[str]]:
        record = lambda _c, _cursor, statement, values, *_: statements.append((statement, values))  # noqa: E731
        with on_statements("before", record):
            cases.page(conn, cases.Filter(), sort, 50, None, "SD")
        return [_plan(conn, *one) for one in statements]

    [plan] = sqlite.read(plans)
    assert not any("TEMP B-TREE" in step for step in plan), plan


def test_cases_of_one_priority_are_ordered_by_waiting_time_over_all_pages(database: Database) -> None:
    seed(database, 24)

    def read(conn: Connection) -> list[list[str]]:
        # case 8: a later change of another value; resolved cases: no waiting time, as older versions stored them
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


def test_by_urgency_open_p1_cases_are_first_then_those_to_triage(database: Database) -> None:
    seed(database, 12)

    def read(conn: Connection) -> list[str]:
        conn.execute(update(table).values(status="open", needs_triage=table.c.id.in_((1, 4, 10))))
        conn.execute(update(table).where(table.c.id.in_((4, 8))).values(status="resolved"))
        keys: list[str] = []
        after = None
        while not keys or after is not None:
            found, position = cases.page(conn, cases.Filter(), "urgency", 5, after, "SD")
            keys += [case["key"].removeprefix("SD-") for case in found]
            after = from_cursor(to_cursor(position))
        return keys

    found = [int(key) for key in database.transact(read)]
    # the priority of case 12 is P1, of case 1 it is P2
    assert (found[0], {*found[1:3]}, {*found[3:5]}, {*found[5:7]}) == (12, {1, 10}, {5, 9}, {2, 6})
    assert ({*found[7:10]}, {*found[10:]}) == ({3, 7, 11}, {4, 8})


def test_merged_cases_are_found_by_an_index(sqlite: Database) -> None:
    query = select(table.c.id).where(table.c.merged_into.in_([1, 2])).compile(compile_kwargs={"literal_binds": True})
    [step] = sqlite.read(lambda conn: _plan(conn, str(query), ()))
    assert "ix_cases_merged_into" in step
