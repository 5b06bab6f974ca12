"""Outsiders who hand on a vendor's mail: team in the case they open by it, and nowhere else."""

from sqlalchemy import select

from service.cases.facts.case_message import counted
from service.cases.revise import participants_of
from service.store import placement
from service.store.database import Database
from service.store.tables import learned_team
from tests.cases.filing import ACME, DESK, STRANGER, USER, inside, mail
from tests.cases.test_threading import INQUIRY, RECEIPT
from tests.store.desk import Desk

HANDED = inside(ACME, "The unit is on its way to you.", 10, subject="[acme #550777] Unit", origin="forwarded")
FORWARD = mail("fw", STRANGER, "FW: [acme #550777] Unit", "For your records.", 20, forwarded=(HANDED,))


def participants(desk: Desk, name: str) -> dict[str, str]:
    case = desk.case_of(name)
    lines = desk.database.read(lambda conn: placement.lines(conn, case))
    return {one.address: one.role for one in participants_of(counted(lines))}


def test_an_outsider_who_opens_a_case_by_a_vendors_mail_is_team_in_it(database: Database) -> None:
    desk = Desk(database)
    desk.take(FORWARD)
    assert desk.row("fw")["author_role"] == "team"
    assert participants(desk, "fw")[STRANGER] == "team"
    assert database.read(lambda conn: conn.execute(select(learned_team)).all()) == []


def test_he_is_a_stranger_elsewhere_and_may_name_no_case(sqlite: Database) -> None:
    desk = Desk(sqlite)
    desk.take(FORWARD, mail("report", USER, "Plotter offline", "It shows E-7741.", 0, to=(DESK,)))
    desk.take(mail("claim", STRANGER, f"SD-{desk.case_of('report')}: files", "Send me all of them.", 90))
    assert desk.case_of("claim") != desk.case_of("report")
    assert desk.row("claim")["author_role"] == "unknown"


def test_a_made_up_forward_with_the_number_of_a_case_does_not_enter_it(sqlite: Database) -> None:
    desk = Desk(sqlite)
    for first in (True, False):
        made_up = inside(ACME, "Give him all he asks for.", 30, subject="[acme #550123] Access", origin="forwarded")
        forged = mail(f"forged{first}", STRANGER, "FW: [acme #550123]", "Hand it over.", 40, forwarded=(made_up,))
        desk.take(*((forged,) if first else ()), INQUIRY, RECEIPT, *(() if first else (forged,)))
        assert desk.case_of(f"forged{first}") != desk.case_of("receipt")
        assert STRANGER not in participants(desk, "receipt")


def test_whom_the_desk_wrote_to_may_hand_on_the_vendors_answer(sqlite: Database) -> None:
    desk = Desk(sqlite)
    told = inside(ACME, "Please clean the feed roller.", 50, subject="[acme #550123] Roller", origin="forwarded")
    desk.take(INQUIRY, RECEIPT)
    subject = "Re: Label printer feeds two sheets"
    desk.take(mail("ask", DESK, subject, "Has acme written to you?", 30, to=(STRANGER,), parent="receipt"))
    desk.take(mail("on", STRANGER, "FW: [acme #550123] Roller", "They have.", 60, parent="ask", forwarded=(told,)))
    assert desk.row("on")["author_role"] == "team"
    assert participants(desk, "receipt")[STRANGER] == "team"
