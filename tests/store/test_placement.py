"""Placing mails with a database gives the same cases as placing them in memory."""

import re

from sqlalchemy import Connection, select

from service.store import neighbours, placement
from service.store.database import Database
from service.store.tables import deliveries, learned_team
from tests.cases.filing import ACME, DESK, OTHER_USER, at, mail
from tests.cases.test_threading import HANDED, QUESTION
from tests.store.desk import Desk


def test_three_copies_of_a_mail_are_one_message_with_the_most_complete_text(sqlite: Database) -> None:
    """Whoever forwards a vendor's mail is in the team, also in earlier mails."""
    desk = Desk(sqlite)
    desk.take(mail("early", OTHER_USER, "Fan noise", "The fan in rack two is loud.", 0))
    assert desk.row("early")["author_role"] == "requester"
    placed = desk.take(mail("fw", OTHER_USER, "FW: [acme #550123] Question", "see below", 320, forwarded=(HANDED,)))
    assert (desk.row("early")["author_role"], desk.row("fw")["author_role"]) == ("team", "team")
    assert desk.rows(select(learned_team.c.address)) == [(OTHER_USER,)]
    assert desk.case_of("early") in placed.cases
    ask = mail("ask", ACME, "[acme #550123] Question", QUESTION, 300, to=(DESK,))
    desk.take(ask)
    desk.take(ask)
    row = desk.row("ask")
    assert (row["origin"], row["deliveries"]) == ("delivered", 3)
    query = select(deliveries.c.way).where(deliveries.c.message_id == row["id"]).order_by(deliveries.c.way)
    assert [way for (way,) in desk.rows(query)] == ["delivered", "delivered", "forwarded"]
    assert desk.partition() == {frozenset({"early"}), frozenset({"fw", "ask"})}


def test_no_lookup_reads_a_whole_table(database: Database) -> None:
    """With table statistics, too, each lookup starts from the given values."""

    def plans(conn: Connection) -> set[str]:
        placement.open_cases(conn, [at(0)] * 2000, at(0))
        name = conn.dialect.name
        conn.exec_driver_sql("ANALYZE")
        if name == "postgresql":
            conn.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the other tables are empty
        explain, empty = ("EXPLAIN QUERY PLAN", "[]") if name == "sqlite" else ("EXPLAIN", [])
        found = set()
        for what in neighbours.STATEMENTS.keys() - {"newest"}:
            statement = neighbours.statement(what, name)
            values = (empty,) * len({*re.findall(r"[$?][0-9]", statement)})
            rows = conn.exec_driver_sql(f"{explain} {statement}", values).all()
            found |= {f"{what}: {row[-1]}" for row in rows if re.search(r"Seq Scan|SCAN (?![kns]\b)", row[-1])}
        return found

    assert database.transact(plans) == set()
