"""Placing in a real store, on both databases: the same answers as the pure plan gives."""

import contextlib
import re
import shutil
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from service.cases.facts.extraction import extract_messages
from service.cases.facts.roles import LearnedRoles
from service.mail.message import Mail
from service.store import links, neighbours, placement
from service.store.database import Database
from service.store.tables import deliveries, learned_team, messages, thread_keys
from tests.cases.filing import ACME, DESK, OTHER_USER, ROLES, USER, WAYS, Filing, at, content_joins_nothing, mail
from tests.cases.test_any_order import conversations
from tests.cases.test_threading import ANSWER, BACK, HANDED, INQUIRY, QUESTION, RECEIPT, REPORT
from tests.store.desk import Desk


def test_a_conversation_is_one_case_whether_it_comes_in_one_batch_or_mail_by_mail(database: Database) -> None:
    desk = Desk(database)
    desk.take(BACK)
    desk.take(REPORT, ANSWER)
    placed = desk.take(INQUIRY, RECEIPT)
    assert desk.partition() == {frozenset({"report", "answer", "back"}), frozenset({"inquiry", "receipt"})}
    assert len(placed.opened) == 1
    assert placed.cases == placed.opened


def test_the_same_mail_three_ways_stands_in_the_timeline_once_with_the_best_words(sqlite: Database) -> None:
    """Whoever forwards a vendor's mail was of the team all along."""
    desk = Desk(sqlite)
    desk.take(mail("early", OTHER_USER, "Fan noise", "The fan in rack two is loud.", 0))
    assert desk.row("early")["author_role"] == "requester"
    placed = desk.take(mail("fw", OTHER_USER, "FW: [acme #550123] Question", "see below", 320, forwarded=(HANDED,)))
    assert (desk.row("early")["author_role"], desk.row("fw")["author_role"]) == ("team", "team")
    assert sqlite.read(lambda conn: conn.execute(select(learned_team.c.address)).scalars().all()) == [OTHER_USER]
    assert desk.case_of("early") in placed.cases
    ask = mail("ask", ACME, "[acme #550123] Question", QUESTION, 300, to=(DESK,))
    desk.take(ask)
    desk.take(ask)
    row = desk.row("ask")
    assert (row["origin"], row["deliveries"]) == ("delivered", 3)
    query = select(deliveries.c.way).where(deliveries.c.message_id == row["id"]).order_by(deliveries.c.way)
    assert sqlite.read(lambda conn: conn.execute(query).scalars().all()) == ["delivered", "delivered", "forwarded"]
    assert desk.partition() == {frozenset({"early"}), frozenset({"fw", "ask"})}


def test_a_late_parent_joins_two_cases_and_the_emptied_one_leads_on(database: Database) -> None:
    desk = Desk(database)
    desk.take(mail("a", DESK, "Re: Lost", "an answer to the first", 20, parent="p"))
    desk.take(mail("b", USER, "Re: Other", "an answer to the second", 30, parent="q"))
    younger, older = desk.case_of("b"), desk.case_of("a")
    placed = desk.take(mail("q", DESK, "Re: Lost", "the missing one", 10, parent="p", refs=("p",)))
    assert desk.merged_into(younger) == older
    assert placed.cases == [older]
    query = select(func.count()).select_from(thread_keys).where(thread_keys.c.case_id == younger)
    assert database.read(lambda conn: conn.execute(query).scalar_one()) == 0


def test_no_lookup_reads_a_whole_table(database: Database) -> None:
    """Placing costs the same beside many cases: with statistics, too, each lookup starts from the given values."""

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


def test_lines_come_back_with_their_turns_and_readings_in_the_order_of_writing(database: Database) -> None:
    desk = Desk(database)
    desk.take(RECEIPT)
    desk.take(INQUIRY)
    case = desk.case_of("inquiry")
    lines = database.read(lambda conn: placement.lines(conn, case))
    assert [line.turn.side for line in lines] == ["team", "vendor"]
    assert lines[0].turn.towards == {"vendor"}
    assert [r.ref for r in lines[1].reading.references] == ["550123"]  # type: ignore[union-attr]
    assert lines[1].reading.turn == lines[1].turn.id == str(desk.id_of("receipt"))  # type: ignore[union-attr]
    assert lines[0].turn.date.utcoffset() == timedelta(hours=9)  # type: ignore[union-attr]


def test_why_a_mail_landed_names_its_evidence_and_the_runner_up(sqlite: Database) -> None:
    desk = Desk(sqlite)
    desk.take(REPORT, ANSWER)
    words = "On a different topic: door three rejects my card today."
    desk.take(mail("pressed", USER, "Badge reader", words, 24 * 60, to=(DESK,), parent="answer"))
    case, why = desk.case_of("report"), desk.row("pressed")["evidence"]
    assert [one["kind"] for one in why["evidence"]] == ["new"]
    assert [(one["case"], one["kind"]) for one in why["runners_up"][:1]] == [(case, "in_reply_to")]
    related = sqlite.read(lambda conn: links.links_of(conn, [case]))
    assert {other for _, other, *_ in related} - {case} == {desk.case_of("pressed")}


def test_an_id_that_is_used_again_for_another_mail_is_flagged_and_not_taken_for_the_same(database: Database) -> None:
    desk = Desk(database)
    for parcel, text in ((11, "Your parcel is on its way to Kobe."), (12, "Handed over, signed by the reception.")):
        desk.take(mail("parcel", "no-reply@parcel.test", f"Parcel {parcel}", text, parcel * 24 * 60))
    query = select(messages.c.case_id, messages.c.defects, messages.c.deliveries).order_by(messages.c.id)
    first, second = database.read(lambda conn: conn.execute(query).all())
    assert first.case_id != second.case_id
    assert [("message-id-reused" in one.defects, one.deliveries) for one in (first, second)] == [(False, 1), (True, 1)]


@settings(max_examples=settings().max_examples // 3)
@given(conversations(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_order_and_several_workers_give_the_cases_that_strong_evidence_makes(
    sqlite_template: Path, tmp_path: Path, mails: list[Mail], batch: int, chance: Random
) -> None:
    """Two workers prepare at the same time and write one after the other; every third mail comes twice."""
    learned = LearnedRoles().with_more(
        b.learned for one in mails for b in extract_messages(one, ROLES, WAYS, received_at=at(0))
    )
    straight = Filing(roles=replace(ROLES, learned=learned))  # it knows beforehand what the store has to find out
    shuffled = [*mails, *mails[::3]]
    chance.shuffle(shuffled)
    path = tmp_path / f"{uuid.uuid4().hex}.db"
    shutil.copy(sqlite_template, path)
    with content_joins_nothing(), contextlib.closing(Database(f"sqlite:///{path}")) as database:
        straight.deliver(*mails)
        desk = Desk(database)
        for start in range(0, len(shuffled), 2 * batch):
            desk.take_together(shuffled[start : start + batch], shuffled[start + batch : start + 2 * batch])
        assert desk.partition() == straight.partition()
    path.unlink()
