"""The state of a case: clocks, manual changes, participants, numbers, promises; how readings are stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailrules.fields import Bilingual
from mailrules.judgement import (
    UNREAD,
    AskMade,
    Finding,
    ItemState,
    Judgement,
    PriorityDetail,
    Problem,
    Promise,
    Reading,
    Reference,
)
from mailrules.site import Person, Site
from mailrules.statement import Statement
from service.cases.facts.trust import counted
from service.cases.revise import revise
from service.cases.state import Overrides
from service.store.case_messages import reading_of
from service.store.tables import to_json
from tests.cases.exchanges import (
    ASKS_LOGS_AND_SLOT,
    INQUIRES,
    REPORTS,
    RULES,
    UTC0,
    Draft,
    inquire,
    note,
    stranger,
    user,
    vendor,
)

NOW = UTC0 + timedelta(hours=12)
DEAD = Finding("impact.all", "core", "dead", turn="0")
JUDGED = Judgement(
    kind="incident",
    language="en",
    priority=PriorityDetail("P3", "low", "low", (DEAD,), (), needs_triage=True),
    checklist=(
        ItemState("symptom", Bilingual(ja="現象", en="Symptom"), "present", "dead", "0", "The scanner is dead."),
        ItemState("version", Bilingual(ja="版", en="Version"), "missing"),
    ),
    missing=("version",),
    questions=("version",),
    readings=(),
    excerpt="The scanner is dead.",
    tone=(),
    parked=(),
    problem=Problem("The scanner is dead.", 1),
    vendor="acme",
    references=(),
    judged_by="core 1",
)


def state(*drafts: Draft, by_hand: str = "", site: Site | None = None, **judged: Any) -> dict[str, Any]:
    """Return the case of these mails, the first of UTC0. ``by_hand``: ``field=value`` that Aki set."""
    lines = [draft(number) for number, draft in enumerate(drafts)]
    judgement = replace(JUDGED, readings=tuple(line.reading for line in counted(lines)), **judged)
    name, _, value = by_hand.partition("=")
    set_by_people = {name: {"value": value, "by": "Aki", "at": UTC0.isoformat()}} if name else {}
    rules = replace(RULES, site=site) if site else RULES
    return revise(lines, judgement, Overrides.from_document(set_by_people), NOW, rules)


@pytest.mark.parametrize(
    ("drafts", "requester"),
    [
        ([REPORTS, note(wrapper=True)], "requester@x.test"),
        ([vendor(), note(wrapper=True)], None),
        ([vendor()], None),
        ([note(wrapper=True)], "team@x.test"),
        ([vendor(), inquire()], "team@x.test"),
    ],
    ids=["a user", "nobody", "nobody either", "only the forward", "the team"],
)
def test_a_colleague_who_only_forwards_a_mail_is_not_the_requester(drafts: list[Draft], requester: str | None) -> None:
    found = state(*drafts)["requester"]
    assert (found and found["address"]) == requester


def test_each_side_has_the_turn_until_the_next_mail() -> None:
    made = state(REPORTS, INQUIRES, ASKS_LOGS_AND_SLOT)
    assert (made["clocks"]["team"], made["clocks"]["vendor"]) == (3600 + 10 * 3600, 3600)
    assert (made["clocks"]["first_response"], made["clocks"]["turns"]) == (3600, 1)
    assert made["waiting_since"] == "2031-05-12T02:00:00Z"


@pytest.mark.parametrize(
    ("mail", "excerpt", "title"),
    [
        ({"subject": "Scanner dead", "begins": True, "subject_is_new": True}, "A desk lamp.", "Scanner dead"),
        # the subject of a reply that begins another matter belongs to the earlier matter
        ({"subject": "Scanner dead", "begins": True, "subject_is_new": False}, "A desk lamp.", "A desk lamp."),
        ({"subject": ""}, "A desk lamp.", "A desk lamp."),
        ({"subject": ""}, "", "Hello! A lamp."),
    ],
)
def test_the_title_is_the_subject_or_the_sentence_that_describes_the_matter(
    mail: dict[str, Any], excerpt: str, title: str
) -> None:
    assert state(user(text="Hello!\n\nA lamp.", **mail), excerpt=excerpt)["title"] == title


def test_a_problem_statement_that_our_side_confirmed_is_agreed() -> None:
    moved, asks = Problem("Printing stops.", 2, True, "2"), (REPORTS, INQUIRES, vendor("ask.confirm_scope"))
    asked, agreed = (state(*drafts, problem=moved)["problem"] for drafts in (asks, (*asks, inquire("act.agree"))))
    assert (asked["drift"], asked["agreed_at"]) == (True, None)
    assert (agreed["drift"], agreed["agreed_at"]) == (False, "2031-05-12T03:00:00Z")


def test_the_vendor_is_set_by_a_person_named_in_the_mails_or_the_maker_of_the_product() -> None:
    of_maker = user("act.report", reads={"maker": "acme"})
    assert state(REPORTS, vendor=None)["vendor"] is None
    assert state(of_maker, vendor=None)["vendor"] == "acme"
    assert state(of_maker, INQUIRES, vendor="example")["vendor"] == "example"
    assert state(REPORTS, INQUIRES, by_hand="vendor=umbra")["vendor"] == "umbra"


def test_a_name_from_the_site_file_is_used_if_no_mail_has_one() -> None:
    site = Site(people=[Person(address="helper@partner.test", side="team", name="Helper")])
    made = state(user(facts={"author": "helper@partner.test"}), site=site)
    assert [person["name"] for person in made["participants"] if "helper" in person["address"]] == ["Helper"]


def test_a_case_needs_triage_until_it_is_over_or_a_person_sets_the_priority() -> None:
    assert state(REPORTS)["needs_triage"] is True
    assert state(REPORTS, user("act.confirm_resolved"))["needs_triage"] is False
    assert state(REPORTS, by_hand="priority=P4")["needs_triage"] is False


def test_nothing_is_missing_once_a_case_is_solved() -> None:
    assert state(REPORTS)["missing"] == ["version"]
    assert state(REPORTS, by_hand="status=resolved")["missing"] == []
    assert state(REPORTS, user("act.confirm_resolved"))["questions"] == []


def test_a_stranger_who_answers_into_a_case_is_no_participant() -> None:
    made = state(REPORTS, INQUIRES, stranger("act.report", facts={"author": "x@else.test"}))
    assert [person["address"] for person in made["participants"]] == ["requester@x.test", "team@x.test"]


@pytest.mark.parametrize(
    ("facts", "shown"), [({"fresh": True, "reply_marked": True}, False), ({"fresh": True}, True), ({}, True)]
)
def test_the_number_in_the_subject_of_a_reply_about_a_new_topic_is_not_of_the_case(
    facts: dict[str, Any], shown: bool
) -> None:
    number = (Reference("acme", "550123", True, "#550123"),)
    made = state(inquire(facts=facts, reads={"references": number}), references=number)
    assert made["vendor_refs"] == ([{"vendor": "acme", "ref": "550123"}] if shown else [])


def test_an_overdue_promise_is_noted() -> None:
    promise = Promise(UTC0 + timedelta(hours=5), Finding("p", "core", "by five"))
    made = state(INQUIRES, vendor(reads={"promises": (promise,)}))
    assert made["promises"][0]["overdue"]
    assert "overdue-promise" in made["notes"]


@pytest.mark.parametrize(("partner", "shown"), [("gate.example", "gate.example"), ("jo@mail.example", None)])
def test_the_partner_is_the_company_to_which_the_team_wrote_but_never_a_person(partner: str, shown: str | None) -> None:
    made = state(REPORTS, inquire(facts={"to_partner": partner}), vendor=None)
    assert (made["vendor"], made["partner"]) == (None, shown)


def test_a_stored_reading_contains_no_id_of_its_message() -> None:
    finding = Finding("r", "core", "words", 3, 8, "v")
    reading = Reading(
        statements=(Statement("item.version", "value", "version 4.2", 3, 14, value="4.2"), Statement("ongoing")),
        references=(Reference("acme", "1", True, "#1"),),
        asks=(AskMade("logs", finding),),
        parked=(finding,),
        promises=(Promise(datetime(2031, 5, 12, tzinfo=UTC), finding),),
        findings=(finding,),
    )
    stored = to_json(reading)
    assert '"turn"' not in stored
    assert reading_of(stored) == reading
    assert reading_of('{"kind": ["of another version"]}') is UNREAD


def test_a_phone_call_is_suggested_only_until_the_problem_is_solved() -> None:
    turns = (INQUIRES, vendor("act.progress"), inquire("act.answer"), vendor("act.progress"))
    notes = [state(*turns, *turns[2:], recovered=solved)["notes"] for solved in (False, True)]
    assert ["call" in one for one in notes] == [True, False]
