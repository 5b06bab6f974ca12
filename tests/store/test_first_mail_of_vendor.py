"""The first mail of an unknown company is read as a vendor's mail by its words, but the author stays unknown."""

from datetime import UTC, datetime
from typing import Any

import pytest

from service.replay import replay
from service.store import learned_roles
from service.store.case_messages import messages_of_case
from service.store.database import Database
from tests.store.desk import letter as mail
from tests.store.test_learned_roles import Site

NOW = datetime(2027, 6, 1, 9, 0, tzinfo=UTC)
TEAM, ADA, DESK = "it@corp.example", "ada@corp.example", "service@larch-scales.example"
SUBJECT = "Your call: label scale in goods-in"
REGISTERED = (
    "Dear Ms Ota,\n\nthank you for your call. We have registered the fault of your label scale under the case "
    "number LS-40718. Our technician will look at it and come back to you tomorrow.\n\nLarch Scales, service desk"
)
ASKS = (
    "Dear Ms Ota,\n\nwe have opened case LS-40718 after your call about the label scale. Please send us the log file "
    "of the scale and the firmware version, so that our technician can prepare his visit.\n\nLarch Scales, service desk"
)
CLOSED = "Dear Ms Ota,\n\nthank you for your call. Case LS-40718 has been closed.\n\nLarch Scales, service desk"


def first(text: str = REGISTERED, author: str = DESK, to: str = TEAM, **headers: str) -> bytes:
    return mail("first", author, to, SUBJECT, text, 10, **headers)


def side_read(site: Site, *mails: bytes) -> str:
    """Return the side as which the first mail was read, as stored."""
    case = site.take(*mails)["first"].case_id
    lines = site.database.read(lambda conn: messages_of_case(conn, case))
    return next(line.turn.side for line in lines if line.node.message_id == "<first@x.test>")


def document(site: Site, *mails: bytes) -> dict[str, Any]:
    return site.document(site.take(*mails)["first"].case_id)


@pytest.mark.parametrize(("text", "turn", "asks"), [(REGISTERED, "vendor", 0), (ASKS, "team", 1)])
def test_it_gives_turn_number_and_requests_like_vendor_mail(sqlite: Database, text: str, turn: str, asks: int) -> None:
    site = Site(sqlite)
    taken = site.take(first(text))["first"]
    case = site.document(taken.case_id)
    assert (case["waiting_on"], len(case["asks"])) == (turn, asks)
    assert [one["ref"] for one in case["vendor_refs"]] == ["LS-40718"]
    assert taken.author_role == "unknown"
    assert {one["address"]: one["role"] for one in case["participants"]}[DESK] == "unknown"
    assert case["requester"] is None


@pytest.mark.parametrize(
    "read",
    [
        first(author="larch.scales@gmail.com"),
        first(In_Reply_To="<before@x.test>"),
        first(to="intake@corp.example"),
        mail("first", DESK, TEAM, f"[SD-1] {SUBJECT}", REGISTERED, 10),
        first(author="service@larch"),
        first("Our whole plant stands still since seven, 300 people cannot work. Please help us.\n\nTom, Larch Scales"),
        first(f"{REGISTERED}\n\nAbout 20 colleagues in our dispatch cannot print labels, the trucks leave at 15:00."),
        first("I typed my password into a strange page, and now mails that I did not write leave my mailbox.\n\nTom"),
    ],
    ids=["consumer provider", "reply", "not to our people", "case key", "no domain", "high", "medium impact", "danger"],
)
def test_other_mail_of_strangers_is_not_read_as_a_vendors(sqlite: Database, read: bytes) -> None:
    assert side_read(Site(sqlite), read) == "unknown"


def test_a_company_that_a_person_refused_is_not_read_as_a_vendor(sqlite: Database) -> None:
    site = Site(sqlite)
    site.take(mail("inquiry", TEAM, DESK, "Scale", "Please look at the label scale in goods-in.", 0))
    sqlite.transact(lambda conn: learned_roles.remove(conn, "larch-scales.example"))
    assert side_read(site, first()) == "unknown"


def test_it_does_not_close_a_case(sqlite: Database) -> None:
    case = document(Site(sqlite), first(CLOSED))
    assert (case["status"], case["waiting_on"]) == ("open", "team")


def test_its_number_does_not_lead_into_a_case_of_others(sqlite: Database) -> None:
    site = Site(sqlite)
    site.take(mail("inquiry", TEAM, "help@brook-alarms.example", SUBJECT, "Our case number is LS-40718. Any news?", 0))
    taken = site.take(first())
    assert taken["first"].case_id != taken["inquiry"].case_id
    assert site.document(taken["inquiry"].case_id)["waiting_on"] == "vendor"


def test_a_user_never_has_to_act_after_it(sqlite: Database) -> None:
    text = "Dear Ada,\n\nwe have opened case LS-40718. Please open the link and confirm your account.\n\nLarch Scales"
    assert document(Site(sqlite), first(text, to=ADA))["waiting_on"] == "team"


def test_it_gives_a_case_that_others_opened_to_the_team(sqlite: Database) -> None:
    ask = mail("ask", TEAM, "help@brook-alarms.example", "Gate", "Please come for job 5520718.", 0, Reply_To=DESK)
    ask = ask.replace(b"Cc: intake@corp.example", f"Cc: intake@corp.example, {DESK}".encode())
    taken = Site(sqlite).take(ask, first(f"{REGISTERED}\n\nThis is about job 5520718."))
    case = Site(sqlite).document(taken["ask"].case_id)
    assert taken["first"].case_id == taken["ask"].case_id
    assert (case["waiting_on"], case["asks"]) == ("team", [])


def test_replay_changes_nothing(database: Database) -> None:
    site = Site(database)
    assert side_read(site, first()) == "vendor"
    [(_, before, after)] = replay(database, site.context, None, since=None, apply=True, now=NOW)
    assert (after["waiting_on"], after["vendor_refs"]) == (before["waiting_on"], before["vendor_refs"])
    assert side_read(site, mail("second", ADA, TEAM, "Door", "The door of room 4 squeaks.", 30)) == "vendor"


def test_the_author_becomes_a_vendor_when_the_team_writes_to_the_company(database: Database) -> None:
    site = Site(database)
    site.take(first(), mail("more", TEAM, DESK, f"RE: {SUBJECT}", "The log file is attached.", 20))
    taken = site.take(mail("news", "tom@larch-scales.example", TEAM, "LS-40718", "Case LS-40718: we need a part.", 90))
    assert (taken["first"].author_role, taken["news"].author_role) == ("vendor", "vendor")
    assert taken["news"].case_id == taken["first"].case_id
