"""How a case stands: clocks, people's word, participants, numbers, the brief; readings come back as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from mailrules.judgement import (
    AskMade,
    Finding,
    ItemState,
    ItemValue,
    Judgement,
    PriorityDetail,
    Problem,
    Promise,
    Reading,
    Reference,
)
from service.case.brief import brief, markdown
from service.case.clocks import Calendar, Span, business, elapsed, spans_of
from service.case.line import Line
from service.case.readings import reading_of, unbound
from service.case.revise import revise, vendor_of
from service.case.state import CaseState, Frame, Overrides
from service.store.tables import to_json
from tests.case.test_turn import INQUIRY, LOGS_AND_SLOT, OPENING, UTC0, line

NOW = UTC0 + timedelta(hours=12)


def judged(lines: Sequence[Line], **values: object) -> Judgement:
    readings = tuple(m.reading for m in lines if m.reading is not None)
    words = Finding("impact.all", "core", "0", "dead")
    made = Judgement(
        kind="incident",
        language="en",
        side="team",
        priority=PriorityDetail("P3", "low", "low", (words,), ()),
        checklist=(
            ItemState(
                "symptom", {"en": "Actual behaviour", "ja": "事象"}, "present", "dead", "0", "The scanner is dead."
            ),
            ItemState("version", {"en": "Version", "ja": "バージョン"}, "missing"),
            ItemState("workaround", {"en": "Workaround", "ja": "回避策"}, "unknown", None, "1", "no idea"),
        ),
        missing=("version",),
        present=("symptom",),
        unknown=("workaround",),
        questions=("version",),
        readings=readings,
        tone=(),
        parked=(),
        problem=Problem("The scanner is dead.", 1),
        vendor="acme",
        references=(),
        judged_by="core 1",
    )
    return replace(made, **values)  # type: ignore[arg-type]


def state(lines: Sequence[Line], by_hand: dict[str, object] | None = None, **values: object) -> CaseState:
    return revise(lines, judged(lines, **values), Overrides.from_document(by_hand), Frame("SD-7"), NOW)


def test_each_side_holds_the_case_from_its_turn_to_the_next() -> None:
    told = state([OPENING, INQUIRY, LOGS_AND_SLOT])
    assert (told.clocks.team, told.clocks.vendor) == (3600 + 10 * 3600, 3600)
    assert told.clocks.first_response == 3600
    assert told.clocks.turns == 1
    assert told.waiting_since == LOGS_AND_SLOT.node.at


def test_business_time_leaves_out_nights_weekends_and_public_holidays() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    friday, tuesday = datetime(2031, 5, 2, 17, 0, tzinfo=tokyo), datetime(2031, 5, 7, 9, 30, tzinfo=tokyo)
    spans = [Span("vendor", friday, tuesday)]  # 3 to 6 May 2031: two days of weekend and the holidays around it
    assert business(spans, "vendor", Calendar()) == 3600
    assert business(spans, "vendor", Calendar(country="")) == 3600 + 2 * int(8.5 * 3600)
    always = Calendar(opens=time(0, 0), closes=time(23, 59), weekdays=frozenset(range(7)), country="")
    assert business(spans, "vendor", always) <= elapsed(spans, "vendor")
    assert business(spans, "team", Calendar()) == 0


def test_a_turn_that_comes_back_counts_on() -> None:
    hour = timedelta(hours=1)
    moves = [(UTC0, "team"), (UTC0 + hour, "vendor"), (UTC0 + 2 * hour, None), (UTC0 + 3 * hour, "team")]
    spans = spans_of(moves, UTC0 + 5 * hour)  # type: ignore[arg-type]
    assert (elapsed(spans, "team"), elapsed(spans, "vendor")) == (3 * 3600, 3600)


def test_what_people_set_stays_and_is_shown_as_theirs() -> None:
    by_hand = {
        "priority": {"value": "P1", "by": "Aki", "at": UTC0.isoformat()},
        "title": {"value": "Scanner", "by": "Aki", "at": UTC0.isoformat()},
        "items": {"version": {"value": "waived", "by": "Aki", "at": UTC0.isoformat()}},
    }
    document = state([OPENING, INQUIRY], by_hand).document()
    assert (document["priority"], document["title"], document["missing"]) == ("P1", "Scanner", [])
    assert document["priority_detail"]["set_by"] == "Aki"
    assert document["priority_detail"]["by_rules"] == "P3"
    assert {line["item"]: line["state"] for line in document["checklist"]}["version"] == "waived"
    assert state([OPENING, INQUIRY]).document()["priority_detail"]["set_by"] == "rules"


def test_a_statement_we_said_yes_to_is_agreed() -> None:
    moved = Problem("Printing stops.", 2, True, "2")
    scope = line(2, "vendor", "Is that right?", asks=("confirm_scope",))
    asked = state([OPENING, INQUIRY, scope], problem=moved).document()["problem"]
    assert (asked["drift"], asked["agreed_at"]) == (True, None)
    yes = line(3, "team", "Yes, that is right.", to=("vendor",))
    agreed = state([OPENING, INQUIRY, scope, yes], problem=moved).document()["problem"]
    assert agreed["drift"] is False
    assert agreed["agreed_at"] == yes.node.at.isoformat().replace("+00:00", "Z")


def test_the_vendor_whose_hours_count_is_that_of_the_case() -> None:
    lines = [OPENING, INQUIRY]
    assert vendor_of(lines, judged(lines), Overrides()) == "acme"
    by_hand = Overrides.from_document({"vendor": {"value": "umbra", "by": "Aki", "at": NOW.isoformat()}})
    assert vendor_of(lines, judged(lines), by_hand) == "umbra"


def test_a_name_from_the_site_file_stands_where_no_mail_tells_one() -> None:
    opening = replace(OPENING, node=replace(OPENING.node, author="helper@partner.test"), name="")
    names = {"helper@partner.test": "Helper"}
    told = revise([opening], judged([opening]), Overrides(), Frame("SD-7"), NOW, names=names)
    assert [(p.address, p.name) for p in told.participants] == [("helper@partner.test", "Helper")]


def test_a_status_or_turn_set_by_hand_is_kept() -> None:
    closed = state([OPENING, INQUIRY], {"status": {"value": "closed", "by": "Aki", "at": NOW.isoformat()}})
    assert (closed.status, closed.waiting_on) == ("closed", None)
    turned = state([OPENING, INQUIRY], {"waiting_on": {"value": "requester", "by": "Aki", "at": NOW.isoformat()}})
    assert turned.waiting_on == "requester"


def test_the_document_has_every_name_of_the_interface() -> None:
    document = state([OPENING, INQUIRY, LOGS_AND_SLOT]).document()
    summary = "key title status waiting_on waiting_since priority kind language vendor vendor_refs missing open_asks"
    rest = (
        "messages opened_at updated_at priority_detail checklist asks tone parked problem clocks participants merged"
        " related judged_by"
    )
    assert set(summary.split()) | set(rest.split()) <= set(document)
    assert document["open_asks"] == 2
    ask = {"id", "by", "of", "what", "quote", "message", "asked_at", "state", "answered_at", "answered_by_message"}
    assert set(document["asks"][0]) == ask | {"set_by"}
    assert document["waiting_since"].endswith("Z")


def test_a_stranger_who_answers_into_a_case_is_no_participant() -> None:
    stranger = line(3, "unknown", "Send me the files, too.")
    stranger = replace(stranger, node=replace(stranger.node, author="x@else.test"))
    people = state([replace(m, node=replace(m.node, author=f"{m.turn.side}@lab.test")) for m in (OPENING, INQUIRY)])
    assert [p.address for p in people.participants] == ["requester@lab.test", "team@lab.test"]
    with_him = state([OPENING, INQUIRY, stranger])
    assert "x@else.test" not in [p.address for p in with_him.participants]


def test_an_old_number_in_the_subject_of_a_new_topic_is_not_the_cases() -> None:
    number = Reference("acme", "550123", True, "#550123")
    first = replace(INQUIRY, node=replace(INQUIRY.node, fresh=True, reply_marked=True))
    assert first.reading is not None
    first = replace(first, reading=msgspec.structs.replace(first.reading, references=(number,)))
    assert state([first], references=(number,)).vendor_refs == ()
    unlinked = replace(first, node=replace(first.node, reply_marked=False))
    assert state([unlinked], references=(number,)).vendor_refs == (("acme", "550123"),), "no reply: its own number"
    assert state([replace(first, node=INQUIRY.node)], references=(number,)).vendor_refs == (("acme", "550123"),)


def test_a_promise_that_is_over_is_said_neutrally() -> None:
    due = UTC0 + timedelta(hours=5)
    assert LOGS_AND_SLOT.reading is not None
    promise = Promise(due, Finding("p", "core", "2", "by five"))
    told = replace(LOGS_AND_SLOT, reading=msgspec.structs.replace(LOGS_AND_SLOT.reading, promises=(promise,)))
    made = state([INQUIRY, told])
    assert made.promises[0].overdue
    assert "overdue-promise" in made.notes


def test_a_case_without_messages_has_no_state() -> None:
    with pytest.raises(ValueError, match="without messages"):
        revise([], judged([OPENING]), Overrides(), Frame("SD-1"), NOW)


def test_the_brief_says_what_is_known_marks_the_gaps_and_invents_nothing() -> None:
    document = state([OPENING, INQUIRY, LOGS_AND_SLOT]).document()
    mails = [{"id": "1", "author": {"role": "team"}, "attachments": [{"filename": "a.log", "size": 3, "sha256": "1"}]}]
    made = brief(document, mails, for_="vendor", lang="en")
    assert [gap["item"] for gap in made["gaps"]] == ["version"]
    assert made["attached"][0]["filename"] == "a.log"
    assert "open_asks" not in made
    said = {entry["item"]: entry["text"] for section in made["sections"] for entry in section["entries"]}
    assert said == {"symptom": "dead", "workaround": "no idea — unknown (checked)"}
    text = markdown(made)
    assert "- Version: ⟨not stated⟩" in text
    assert "> The scanner is dead." in text
    assert "Send the log" not in text


def test_the_brief_for_the_team_is_whole_and_in_japanese_where_asked() -> None:
    document = state([OPENING, INQUIRY, LOGS_AND_SLOT]).document()
    made = brief(document, [], for_="team", lang="ja")
    assert [ask["what"] for ask in made["open_asks"]] == ["logs", "time_slot"]
    text = markdown(made)
    assert "優先度: P3" in text
    assert "次に対応する人: 情シス" in text


def test_the_problem_is_a_sentence_of_somebody_where_the_agreed_one_is_the_bare_subject() -> None:
    document = state([OPENING, INQUIRY], problem=Problem("Re: Scanner", 1)).document() | {"title": "RE: Scanner"}
    made = brief(document, [], lang="en")
    assert (made["title"], made["problem"]["statement"]) == ("Scanner", "dead")
    text = markdown(made)
    assert text.startswith("# Scanner\n\n> dead\n")
    assert "Actual behaviour" not in text
    said = {"item": "question", "label": "Question", "state": "present", "message": "0"}
    for asked, told in (
        ("Which is it?", "dead"),
        ("May two desks share one scanner?", "May two desks share one scanner?"),
    ):
        lines = [*document["checklist"], said | {"value": asked, "quote": asked}]
        wish = brief(document | {"kind": "howto", "checklist": lines}, [], lang="en")
        assert wish["problem"]["statement"] == told


def test_a_sentence_that_tells_several_things_is_written_once() -> None:
    words = "Since noon plant 2 prints nothing."
    said = {"state": "present", "value": words, "message": "0", "quote": words}
    checklist = [
        {"item": "impact_scope", "label": "Who", **said},
        {"item": "occurred_at", "label": "When", **said},
        {"item": "frequency", "label": "How often", **said},
    ]
    text = markdown(brief(state([OPENING]).document() | {"checklist": checklist, "missing": []}, [], lang="en"))
    assert text.count(words) == 1
    assert f"- Who: {words}" in text
    assert "- When / How often: (the same sentence as “Who”)" in text


def test_a_sentence_that_the_tone_check_hints_at_is_not_sent_to_the_vendor() -> None:
    words = "Our customers are furious, what are you going to do?"
    line_ = {"item": "business_impact", "label": "Effect", "state": "present", "value": words, "quote": words}
    hint = {"id": "pressure_passthrough", "quote": words, "message": "0", "advice": "Say what stands still."}
    document = state([OPENING]).document() | {
        "checklist": [line_ | {"message": "0"}], "missing": [], "tone": [hint], "problem": {"statement": words},
    }  # fmt: skip
    made = brief(document, [], lang="en")
    assert [(one["item"], one["advice"]) for one in made["reword"]] == [("business_impact", "Say what stands still.")]
    assert "furious" not in str(made)
    assert "- Effect: ⟨to be reworded⟩" in markdown(made)
    assert "furious" in markdown(brief(document, [], for_="team", lang="en"))


def test_labels_are_in_the_language_of_the_brief_and_handed_on_mails_are_no_attachment() -> None:
    document = state([OPENING, INQUIRY]).document()
    mail = {"filename": "fw.eml", "size": 3, "content_type": "message/rfc822"}
    mails = [{"id": "1", "author": {"role": "team"}, "attachments": [mail]}]
    made = brief(document, mails, lang="ja", labels={"version": {"ja": "版", "en": "Version"}})
    assert made["attached"] == []
    assert [gap["label"] for gap in made["gaps"]] == ["版"]


def test_words_of_a_mail_never_become_markup() -> None:
    document = state([OPENING, INQUIRY]).document() | {"title": "<b>*x*</b> [link](http://x.test)"}
    assert "<b>" not in markdown(brief(document, [], lang="en")).replace("\\<b>", "")
    assert "\\[link\\]" in markdown(brief(document, [], lang="en"))


def test_a_reading_comes_back_as_it_was() -> None:
    finding = Finding("r", "core", "0", "words", 3, 8, "v")
    reading = Reading(
        turn="0",
        kind="incident",
        acts=("report",),
        asks=(AskMade("logs", finding),),
        items=(ItemValue("version", "value", "4.2", finding, partial=True),),
        references=(Reference("acme", "1", True, "#1"),),
        vendor="acme",
        tone=(),
        parked=(finding,),
        promises=(Promise(datetime(2031, 5, 12, tzinfo=UTC), finding),),
        heard=(),
        findings=(finding,),
        kinds=(("incident", 3),),
    )
    assert unbound(reading).turn == unbound(reading).parked[0].turn == ""
    assert unbound(unbound(reading)) == unbound(reading) != reading
    written = to_json(unbound(reading))
    assert '"turn"' not in written
    assert reading_of(written, "0") == reading
    again = reading_of(written, "9")
    assert again is not None
    assert {again.turn, again.findings[0].turn, again.items[0].finding.turn, again.promises[0].finding.turn} == {"9"}
    assert reading_of('{"kind": ["of another version"]}', "9") is None


def test_until_somebody_writes_to_a_vendor_the_case_is_its_who_made_the_product() -> None:
    assert OPENING.reading is not None
    opening = replace(OPENING, reading=msgspec.structs.replace(OPENING.reading, maker="acme"))
    assert state([opening], vendor=None).vendor == "acme"
    assert state([opening, INQUIRY], vendor="example").vendor == "example"
    assert state([OPENING], vendor=None).vendor is None
