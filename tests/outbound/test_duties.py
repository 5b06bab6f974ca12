"""Digest with its weekly part, and reminders, at times that the tests set."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from service.store import cases
from service.store.database import Database
from service.store.tables import cases as table
from tests.outbound.desk import START, Desk, Smarthost, copy_case, desk_with, report

MORNING = datetime(2026, 11, 4, 23, 30, tzinfo=UTC)  # Thursday 08:30 in Tokyo


@pytest.fixture
def digested(database: Database, host: Smarthost) -> Desk:
    given = {"digest": "08:30", "digest_language": "en", "team": "mika@corp.example,@it.corp.example"}
    return desk_with(database, host, acknowledge="off", **given)


def test_the_digest_lists_once_a_day_the_cases_that_wait_for_the_team(digested: Desk) -> None:
    digested.deliver(report(1, subject="Printer"))
    digested.deliver(report(2, subject="Payroll", sender="B <b@corp.example>"))
    digested.set({"priority": "P1", "owner": "mika"}, 2)
    digested.now = MORNING - timedelta(minutes=1)
    digested.write_due()
    assert digested.entries() == []
    digested.now = MORNING
    digested.write_due()
    digested.write_due()
    digested.send()
    [got] = digested.host.received
    assert got.rcpt_to == ["mika@corp.example"]
    assert got.mail["Auto-Submitted"] == "auto-generated"
    text = got.text
    assert text.index("P1 SD-2 Payroll [owner: mika]") < text.index("SD-1 Printer")


@pytest.mark.both_databases
def test_an_empty_digest_is_not_sent_also_after_a_restart(digested: Desk) -> None:
    digested.now = MORNING
    digested.write_due()
    digested.now += timedelta(hours=6)
    digested.deliver(report(date=digested.now))  # for the digest of the next day
    digested.write_due()  # a new process, as after a restart
    assert digested.entries() == []
    digested.now = MORNING + timedelta(days=1)
    digested.write_due()
    assert len(digested.entries()) == 1


def test_the_digest_of_monday_lists_parked_topics_of_resolved_cases(digested: Desk) -> None:
    digested.deliver(report())
    document = digested.database.read(lambda conn: cases.find(conn, 1)).document
    document |= {"parked": [{"topic": "rca", "message": "1", "quote": "why"}], "status": "resolved"}
    values = {"document": document, "status": "resolved", "waiting_on": None}
    digested.database.transact(lambda conn: conn.execute(update(table).values(**values)))
    digested.now = MORNING
    digested.write_due()
    assert digested.entries() == []
    digested.now = MORNING + timedelta(days=4)
    digested.write_due()
    assert "To check this week" in digested.entries()[0]["text"]
    assert "SD-1 Outlook" in digested.entries()[0]["text"]


def test_a_requester_gets_one_reminder_and_the_case_stays_open(desk: Desk) -> None:
    desk.configure(remind_days=3)
    desk.deliver(report())
    desk.now += timedelta(minutes=1)
    desk.send()
    assert desk.case()["waiting_on"] == "requester"
    desk.now += timedelta(days=2)  # Friday: two business days
    desk.write_due()
    assert len(desk.entries()) == 1
    desk.now += timedelta(days=4)  # Tuesday
    for _ in range(3):
        desk.write_due()
        desk.send()
        desk.now += timedelta(days=10)
    assert [one["kind"] for one in desk.entries()] == ["acknowledgement", "reminder"]
    assert len(desk.host.received) == 2
    assert desk.host.received[1].mail["Auto-Submitted"] == "auto-generated"
    case = desk.case()
    assert case["status"] == "open"
    assert "reminded" in case["notes"]


def test_a_requester_who_answered_gets_no_reminder(desk: Desk) -> None:
    desk.configure(remind_days=1)
    desk.deliver(report())
    desk.now += timedelta(minutes=1)
    desk.send()
    desk.now += timedelta(hours=1)
    headers = "In-Reply-To: <r1@corp.example>\n"
    desk.deliver(report(2, subject="Re: Outlook [SD-1]", body="1. just me", date=desk.now, headers=headers))
    desk.later(days=10)
    assert [one["kind"] for one in desk.entries()] == ["acknowledgement"]


PERSON = report()


@pytest.mark.parametrize(
    ("mail", "given", "acknowledge", "reminded"),
    [
        pytest.param(PERSON, {}, "on", True, id="person"),
        pytest.param(PERSON, {}, "off", False, id="sodan answers nobody"),
        pytest.param(report(sender="No Reply <no-reply@corp.example>"), {}, "on", False, id="no-reply"),
        pytest.param(report(headers="List-Id: Staff <staff.corp.example>\n"), {}, "on", False, id="list"),
        pytest.param(report(headers="Auto-Submitted: auto-generated\n"), {}, "on", False, id="automatic"),
        pytest.param(PERSON, {"mail_from": ""}, "on", False, id="null reverse-path"),
        pytest.param(PERSON, {"channel": "import"}, "on", False, id="imported"),
        pytest.param(report(date=START - timedelta(days=900)), {}, "on", False, id="old"),
    ],
)
def test_only_people_who_may_get_automatic_mail_get_a_reminder(
    desk: Desk, mail: str, given: dict[str, Any], acknowledge: str, reminded: bool
) -> None:
    desk.configure(remind_days=3, acknowledge=acknowledge)
    desk.deliver(mail, **given)
    desk.set({"waiting_on": "requester"})
    if reminded:  # many cases that wait for longer do not hide the case
        desk.database.transact(lambda conn: copy_case(conn, waiting_since=START - timedelta(days=99), document={}))
    desk.now += timedelta(days=9)
    desk.write_due()
    assert ("reminder" in [entry["kind"] for entry in desk.entries()]) is reminded
