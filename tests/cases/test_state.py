"""How a case stands: clocks, people's word, participants, numbers, the brief; readings come back as they were."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mailrules.judgement import (
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
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.readings import reading_of, unbound
from service.cases.facts.trust import counted
from service.cases.revise import revise, vendor_of
from service.cases.state import Overrides, stamp
from service.store.tables import to_json
from tests.cases.exchanges import INQUIRY, LOGS_AND_SLOT, OPENING, RULES, UTC0, line

NOW = UTC0 + timedelta(hours=12)


def judged(lines: Sequence[CaseMessage], **values: object) -> Judgement:
    readings = tuple(line.reading or Reading() for line in counted(lines))
    words = Finding("impact.all", "core", "0", "dead")
    made = Judgement(
        kind="incident",
        language="en",
        priority=PriorityDetail("P3", "low", "low", (words,), (), needs_triage=True),
        checklist=(
            ItemState(
                "symptom", {"en": "Actual behaviour", "ja": "事象"}, "present", "dead", "0", "The scanner is dead."
            ),
            ItemState("version", {"en": "Version", "ja": "バージョン"}, "missing"),
            ItemState("workaround", {"en": "Workaround", "ja": "回避策"}, "unknown", None, "1", "no idea"),
        ),
        missing=("version",),
        questions=("version",),
        readings=readings,
        excerpt="The scanner is dead.",
        tone=(),
        parked=(),
        problem=Problem("The scanner is dead.", 1),
        vendor="acme",
        references=(),
        judged_by="core 1",
    )
    return replace(made, **values)  # type: ignore[arg-type]


def state(lines: Sequence[CaseMessage], by_hand: dict[str, object] | None = None, **values: object) -> dict[str, Any]:
    return revise(lines, judged(lines, **values), Overrides.from_document(by_hand or {}), NOW, RULES)


@pytest.mark.parametrize(
    ("lines", "requester"),
    [
        ([OPENING, line(1, "team", wrapper=True)], OPENING.node.author),
        ([line(0, "vendor", to=("team",)), line(1, "team", wrapper=True)], None),
        ([line(0, "vendor", to=("team",))], None),
        ([line(0, "team", wrapper=True)], "team@x.test"),
        ([line(0, "vendor"), line(1, "team", to=("vendor",))], "team@x.test"),
    ],
    ids=["a user", "nobody", "nobody either", "only the forward", "the team"],
)
def test_who_only_forwards_a_mail_is_not_the_requester(lines: Sequence[CaseMessage], requester: str | None) -> None:
    told = state(lines)["requester"]
    assert (told and told["address"]) == requester


def test_each_side_holds_the_case_from_its_turn_to_the_next() -> None:
    told = state([OPENING, INQUIRY, LOGS_AND_SLOT])
    assert (told["clocks"]["team"], told["clocks"]["vendor"]) == (3600 + 10 * 3600, 3600)
    assert told["clocks"]["first_response"] == 3600
    assert told["clocks"]["turns"] == 1
    assert told["waiting_since"] == stamp(LOGS_AND_SLOT.node.at)


@pytest.mark.parametrize(("subject_is_new", "title"), [(True, "Scanner dead"), (False, "The scanner is dead.")])
def test_only_a_reply_that_begins_another_matter_leaves_its_subject_out_of_the_title(
    subject_is_new: bool, title: str
) -> None:
    own = {"begins": True, "subject_is_new": subject_is_new}
    told = replace(OPENING.turn, subject="Scanner dead", text="Another matter: a desk lamp.", **own)  # type: ignore[arg-type]
    assert state([replace(OPENING, turn=told)])["title"] == title


@pytest.mark.parametrize(("excerpt", "title"), [("A desk lamp.", "A desk lamp."), ("", "Hello! A desk lamp.")])
def test_a_case_without_a_subject_has_the_sentence_that_tells_the_matter_as_title(excerpt: str, title: str) -> None:
    bare = replace(OPENING, turn=replace(OPENING.turn, subject="", text="Hello!\n\nA desk lamp."))
    assert state([bare], excerpt=excerpt)["title"] == title


def test_a_statement_we_said_yes_to_is_agreed() -> None:
    moved = Problem("Printing stops.", 2, True, "2")
    scope = line(2, "vendor", "ask.confirm_scope")
    asked = state([OPENING, INQUIRY, scope], problem=moved)["problem"]
    assert (asked["drift"], asked["agreed_at"]) == (True, None)
    yes = line(3, "team", "act.agree", to=("vendor",))
    agreed = state([OPENING, INQUIRY, scope, yes], problem=moved)["problem"]
    assert agreed["drift"] is False
    assert agreed["agreed_at"] == yes.node.at.isoformat().replace("+00:00", "Z")


def test_the_vendor_whose_hours_count_is_that_of_the_case() -> None:
    lines = [OPENING, INQUIRY]
    assert vendor_of(lines, judged(lines), Overrides()) == "acme"
    by_hand = Overrides.from_document({"vendor": {"value": "umbra", "by": "Aki", "at": NOW.isoformat()}})
    assert vendor_of(lines, judged(lines), by_hand) == "umbra"


def test_a_name_from_the_site_file_stands_where_no_mail_tells_one() -> None:
    opening = replace(OPENING, node=OPENING.node.evolve(author="helper@partner.test"), name="")
    site = Site(people=[Person(address="helper@partner.test", side="team", name="Helper")])
    told = revise([opening], judged([opening]), Overrides(), NOW, replace(RULES, site=site))
    assert [(p["address"], p["name"]) for p in told["participants"]] == [("helper@partner.test", "Helper")]


def test_a_case_needs_triage_until_it_is_over_or_a_person_sets_the_priority() -> None:
    assert state([OPENING])["needs_triage"] is True
    assert state([OPENING, line(2, "requester", "act.confirm_resolved", to=("team",))])["needs_triage"] is False
    set_: dict[str, object] = {"priority": {"value": "P4", "by": "Aki", "at": UTC0.isoformat()}}
    assert state([OPENING], set_)["needs_triage"] is False


def test_a_stranger_who_answers_into_a_case_is_no_participant() -> None:
    stranger = line(3, "unknown", "act.report")
    stranger = replace(stranger, node=stranger.node.evolve(author="x@else.test"))
    people = state([replace(m, node=m.node.evolve(author=f"{m.turn.side}@lab.test")) for m in (OPENING, INQUIRY)])
    assert [p["address"] for p in people["participants"]] == ["requester@lab.test", "team@lab.test"]
    with_him = state([OPENING, INQUIRY, stranger])
    assert "x@else.test" not in [p["address"] for p in with_him["participants"]]


def test_an_old_number_in_the_subject_of_a_new_topic_is_not_the_cases() -> None:
    number, own = Reference("acme", "550123", True, "#550123"), [{"vendor": "acme", "ref": "550123"}]
    first = replace(INQUIRY, node=INQUIRY.node.evolve(fresh=True, reply_marked=True))
    assert first.reading is not None
    first = replace(first, reading=msgspec.structs.replace(first.reading, references=(number,)))
    assert state([first], references=(number,))["vendor_refs"] == []
    unlinked = replace(first, node=first.node.evolve(reply_marked=False))
    assert state([unlinked], references=(number,))["vendor_refs"] == own, "no reply: its own number"
    assert state([replace(first, node=INQUIRY.node)], references=(number,))["vendor_refs"] == own


def test_a_promise_that_is_over_is_said_neutrally() -> None:
    due = UTC0 + timedelta(hours=5)
    assert LOGS_AND_SLOT.reading is not None
    promise = Promise(due, Finding("p", "core", "2", "by five"))
    told = replace(LOGS_AND_SLOT, reading=msgspec.structs.replace(LOGS_AND_SLOT.reading, promises=(promise,)))
    made = state([INQUIRY, told])
    assert made["promises"][0]["overdue"]
    assert "overdue-promise" in made["notes"]


def test_a_reading_comes_back_as_it_was() -> None:
    finding = Finding("r", "core", "0", "words", 3, 8, "v")
    reading = Reading(
        turn="0",
        statements=(Statement("item.version", "value", "version 4.2", 3, 14, value="4.2"), Statement("ongoing")),
        reader="embedded",
        version="7",
        references=(Reference("acme", "1", True, "#1"),),
        vendor="acme",
        kind="incident",
        acts=("report",),
        asks=(AskMade("logs", finding),),
        parked=(finding,),
        promises=(Promise(datetime(2031, 5, 12, tzinfo=UTC), finding),),
        findings=(finding,),
    )
    assert unbound(reading).turn == unbound(reading).parked[0].turn == ""
    assert unbound(unbound(reading)) == unbound(reading) != reading
    written = to_json(unbound(reading))
    assert '"turn"' not in written
    assert reading_of(written, "0") == reading
    again = reading_of(written, "9")
    assert again is not None
    assert {again.turn, again.findings[0].turn, again.promises[0].finding.turn} == {"9"}
    assert reading_of('{"kind": ["of another version"]}', "9") is None


def test_until_somebody_writes_to_a_vendor_the_case_is_its_who_made_the_product() -> None:
    assert OPENING.reading is not None
    opening = replace(OPENING, reading=msgspec.structs.replace(OPENING.reading, maker="acme"))
    assert state([opening], vendor=None)["vendor"] == "acme"
    assert state([opening, INQUIRY], vendor="example")["vendor"] == "example"
    assert state([OPENING], vendor=None)["vendor"] is None
