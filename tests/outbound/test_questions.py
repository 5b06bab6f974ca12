"""Questions that a person sends to a requester; the answers are added to the checklist."""

# ruff: noqa: E501 -- a mail a line

from datetime import timedelta
from typing import Any

import pytest

from service.errors import Conflict
from service.outbound import questions
from service.outbound.setup import outbound_of
from service.store import sent_questions
from service.store.database import Connection, Database
from tests.outbound.desk import KEY, Desk, Smarthost, bounce, desk_with, report


def _ask(desk: Desk, *items: str, text: str = "", case: int = 1) -> int:
    def write(conn: Connection) -> int:
        outbound = outbound_of(desk.settings, KEY)
        known = desk.context.rules.labels
        made = questions.prepare(conn, case, items, text, outbound, known=known, who="mika")
        return questions.ask(conn, made, outbound, desk.now)

    return desk.database.transact(write)


def _item(desk: Desk, item: str) -> dict[str, Any]:
    return next(line for line in desk.case()["checklist"] if line["item"] == item)


@pytest.fixture
def quiet(sqlite: Database, host: Smarthost) -> Desk:
    """An installation without acknowledgements, in which people may send questions."""
    return desk_with(sqlite, host, acknowledge="off")


def test_numbered_answers_to_questions_are_added_to_the_checklist(quiet: Desk) -> None:
    quiet.deliver(report())
    assert quiet.case()["waiting_on"] == "team"
    _ask(quiet, "version", "impact_scope", "device_id")
    quiet.now += timedelta(minutes=1)
    assert quiet.send() == 1
    [got] = quiet.host.received
    assert got.mail["Auto-Submitted"] is None
    assert got.mail["Subject"] == "Re: Outlook [SD-1]"
    assert quiet.case()["waiting_on"] == "requester"
    quiet.now += timedelta(hours=1)
    text = "1. Office 2021\n2. just me\n"
    quiet.deliver(report(2, subject="answer", body=text, date=quiet.now), rcpt=got.reply_to)
    case = quiet.case()
    assert case["messages"] == 2
    assert case["waiting_on"] == "team"
    assert (_item(quiet, "version")["state"], _item(quiet, "version")["quote"]) == ("present", "Office 2021")
    assert (_item(quiet, "impact_scope")["state"], _item(quiet, "impact_scope")["quote"]) == ("present", "just me")
    assert _item(quiet, "device_id")["state"] != "present"


def test_a_fact_that_the_requester_does_not_know_is_not_asked_for_again(quiet: Desk) -> None:
    quiet.deliver(report())
    _ask(quiet, "version", "device_id")
    quiet.send()
    reply_to = quiet.host.received[0].reply_to
    quiet.now += timedelta(hours=1)
    quiet.deliver(report(2, subject="x", body="1. no idea\n2. PC-0042", date=quiet.now), rcpt=reply_to)
    assert _item(quiet, "version")["state"] == "unknown"
    assert _item(quiet, "device_id")["quote"] == "PC-0042"
    assert "version" not in quiet.case()["missing"]


def test_a_fact_is_asked_for_at_most_twice(quiet: Desk) -> None:
    quiet.deliver(report())
    _ask(quiet, "version")
    _ask(quiet, "version")
    with pytest.raises(Conflict, match="asked 2 times already: version"):
        _ask(quiet, "version")
    assert quiet.database.read(lambda conn: sent_questions.times_asked(conn, 1))["version"] == 2


def test_the_text_of_a_person_is_above_the_questions_or_is_the_whole_mail(quiet: Desk) -> None:
    quiet.deliver(report())
    _ask(quiet, "version", text="We looked at the server already.")
    _ask(quiet, "device_id", text="Dear Aiko,\n\n1. Which machine is it?\n\nMika")
    first, second = (one["text"] for one in quiet.entries())
    assert "We looked at the server already." in first
    assert "1. Which version is it" in first
    assert second == "Dear Aiko,\n\n1. Which machine is it?\n\nMika\n"


def test_questions_are_drafts_while_acknowledge_is_draft(desk: Desk) -> None:
    desk.configure(acknowledge="draft")
    desk.deliver(report())
    _ask(desk, "version")
    assert [one["state"] for one in desk.entries()] == ["draft", "draft"]
    assert desk.send() == 0


@pytest.mark.parametrize(
    ("mail", "given", "why"),
    [
        (report(sender="Stranger <x@elsewhere.example>"), {}, "nobody to ask"),
        (report(sender="noreply@corp.example"), {}, "belongs to a machine"),
        (report(), {"smarthost": ""}, "SODAN_SMARTHOST and SODAN_FROM are not set"),
    ],
    ids=["stranger", "machine", "no smart host"],
)
def test_questions_are_refused_if_the_requester_may_not_be_written_to(
    desk: Desk, mail: str, given: dict[str, Any], why: str
) -> None:
    desk.configure(acknowledge="off", **given)
    desk.deliver(mail)
    with pytest.raises(Conflict, match=why):
        _ask(desk, "version")
    assert desk.entries() == []


def test_a_quoted_mail_of_sodan_adds_no_message_and_no_facts(quiet: Desk) -> None:
    quiet.deliver(report())
    _ask(quiet, "environment", "version")
    quiet.send()
    sent = quiet.host.received[0]
    quoted = "\n".join(f"> {line}" for line in sent.text.splitlines())
    quiet.now += timedelta(hours=1)
    reply = f"Office 2021, that is all I can see.\n\nOn Wed, 4 Nov 2026 at 10:00, IT desk <it@corp.example> wrote:\n{quoted}"
    headers = f"In-Reply-To: {sent.mail['Message-ID']}\n"
    quiet.deliver(report(2, subject="Re: Outlook [SD-1]", body=reply, date=quiet.now, headers=headers))
    assert quiet.case()["messages"] == 2
    assert _item(quiet, "environment")["state"] != "present"
    assert "Office 2021" in _item(quiet, "version")["quote"]


def test_questions_that_were_not_delivered_do_not_wait_for_the_requester(quiet: Desk) -> None:
    quiet.deliver(report())
    _ask(quiet, "version")
    quiet.send()
    assert quiet.case()["waiting_on"] == "requester"
    quiet.deliver(bounce(quiet.host.received[0].mail["Message-ID"]), mail_from="")
    assert quiet.entries()[0]["state"] == "failed"
    assert quiet.case()["waiting_on"] == "team"
