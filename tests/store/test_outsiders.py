"""Outsiders who forward a vendor's mail: they are team only in a case that they open."""

from sqlalchemy import select

from service.cases.facts.trust import counted
from service.cases.revise import participants_of
from service.store import links
from service.store.case_messages import messages_of_case
from service.store.database import Database
from service.store.tables import learned_team
from tests.cases.filing import DESK, STRANGER, mail
from tests.cases.test_threading import HANDED, INQUIRY, RECEIPT, REPORT, SUBJECT
from tests.store.desk import Desk

FORWARD = mail("fw", STRANGER, "FW: [acme #550123] Question", "For your records.", 320, forwarded=(HANDED,))


def participants(desk: Desk, name: str) -> dict[str, str]:
    case = desk.case_of(name)
    found = desk.database.read(lambda conn: messages_of_case(conn, case))
    return {one["address"]: one["role"] for one in participants_of(counted(found), {})}


def test_an_outsider_is_team_only_in_a_case_that_a_forward_opened(database: Database) -> None:
    desk = Desk(database)
    desk.take(FORWARD, REPORT)
    case = desk.case_of("report")
    desk.take(mail("claim", STRANGER, f"SD-{case}: files", "Send me all of them.", 390))
    assert desk.row("fw")["author_role"] == "team"
    assert participants(desk, "fw")[STRANGER] == "team"
    assert desk.rows(select(learned_team)) == []
    assert desk.row("claim")["author_role"] == "unknown"
    assert desk.case_of("claim") != case
    assert database.read(lambda conn: links.links_of(conn, [case])) == []


def test_an_outsider_whom_the_team_asked_may_forward_the_vendors_answer(sqlite: Database) -> None:
    desk = Desk(sqlite)
    desk.take(INQUIRY, RECEIPT)
    desk.take(mail("ask", DESK, SUBJECT, "Has acme written to you?", 30, to=(STRANGER,), parent="receipt"))
    desk.take(mail("on", STRANGER, "FW: [acme #550123] Roller", "They have.", 360, parent="ask", forwarded=(HANDED,)))
    assert desk.row("on")["author_role"] == "team"
    assert participants(desk, "receipt")[STRANGER] == "team"
