"""The brief: worth pasting as it is. Nothing twice, nothing made up, nothing of us that the reader does not need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from service.cases.brief import brief
from service.cases.brief_text import markdown, text

LONG = "May plant 2 use the licences of plant 1?"
LEAD = "The scanner of plant 2 prints nothing."


def line(item: str, words: str, *, message: str = "1", **more: Any) -> dict[str, Any]:
    return {"item": item, "label": item, "state": "present", "value": words, "quote": words, "message": message} | more


def case(*lines: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "key": "SD-7", "title": "Scanner", "kind": "incident", "checklist": list(lines), "missing": [], "asks": [],
        "vendor": "acme", "vendor_refs": [{"vendor": "acme", "ref": "550123"}], "problem": {"statement": LEAD},
        "tone": [], "parked": [], "status": "open", "waiting_on": "team", "priority": "P3",
    } | more  # fmt: skip


MAILS = [
    {"id": "1", "author": {"role": "requester"}, "attachments": []},
    {"id": "2", "author": {"role": "team"}, "attachments": []},
]


def said(document: Mapping[str, Any], lang: str = "en", for_: str = "vendor") -> str:
    return text(brief(document, MAILS, lang=lang, for_=for_))


def test_the_whole_text_for_a_vendor() -> None:
    document = case(line("symptom", LEAD), line("version", "4.2"), line("workaround", "no other way", none=True))
    assert said(document) == (
        "Scanner\n\nYour reference: 550123\n\nThe scanner of plant 2 prints nothing.\n\n"
        "Impact\n- workaround: no other way\n\nEnvironment and identifiers\n- version: 4.2\n"
    )


def test_the_text_has_no_markup_and_the_markdown_escapes_it() -> None:
    document = case(line("version", "<b>*4.2*</b> [x](http://x.test)"), title="a_b [c]")
    assert "<b>*4.2*</b> [x](http://x.test)" in said(document)
    assert "\\" not in said(document)
    assert "\\<b>\\*4.2\\*\\</b> \\[x\\](http://x.test)" in markdown(brief(document, MAILS, lang="en"))


def test_what_is_not_known_is_left_out_for_a_vendor_and_listed_for_the_team() -> None:
    document = case(line("version", "", state="missing"), missing=["version"])
    assert "version" not in said(document)
    assert "Still to be asked\n- version" in said(document, for_="team")
    assert [gap["item"] for gap in brief(document, MAILS, lang="en")["gaps"]] == ["version"]


def test_what_is_only_roughly_known_is_one_line() -> None:
    when = line("occurred_at", "since this morning", state="missing", partial=True)
    assert said(case(when, missing=["occurred_at"])).count("occurred") == 1
    assert "- occurred_at: since this morning (not exact)" in said(case(when, missing=["occurred_at"]))


def test_a_sentence_that_tells_several_items_is_written_once_and_quotes_no_other() -> None:
    words = "Since noon plant 2 prints nothing."
    written = said(case(line("impact_scope", words), line("occurred_at", words), line("frequency", words)))
    assert written.count(words) == 1
    assert "sentence" not in written
    assert said(case(line("symptom", LEAD), line("ongoing_state", LEAD))).count(LEAD) == 1


def test_said_to_be_unknown_is_told_as_such() -> None:
    assert "- version: unknown (checked)" in said(case(line("version", "no idea", state="unknown")))
    assert "・version: 不明(確認済み)" in said(case(line("version", "", state="unknown")), "ja")


def test_a_second_reporter_stands_behind_the_first_with_the_name() -> None:
    other = {"author": "jun@lab.test", "message": "2", "value": "plant 3 too", "quote": "plant 3 too"}
    scope = line("impact_scope", "plant 2", others=[other])
    document = case(scope, participants=[{"address": "jun@lab.test", "name": "Jun Aoki", "role": "requester"}])
    assert "- impact_scope: plant 2 / Jun Aoki: plant 3 too" in said(document)


def test_who_of_us_is_concerned_is_told_to_a_vendor_only_where_it_is_needed() -> None:
    who, call = line("requester", "mika@lab.test"), line("contact", "Mika, extension 2245")
    assert "mika@" not in said(case(who))
    assert "mika@" in said(case(who), for_="team")
    assert "mika@" in said(case(who, asks=[{"what": "info:requester", "state": "open"}]))
    assert "mika@" in said(case(who, kind="request"))
    assert "2245" not in said(case(call))
    assert "2245" in said(case(call | {"message": "2"}))


def test_a_vendors_own_number_is_no_related_case() -> None:
    assert "related" not in said(case(line("related_case", "Re: [550123] Scanner")))
    assert "related" in said(case(line("related_case", "as in 540001")))


def test_a_request_for_the_cause_stays_open_once_it_is_over_and_waits_until_then() -> None:
    wanted = {"topic": "rca", "message": "1", "quote": "Please send a report on the cause."}
    assert "report on the cause" in said(case(parked=[wanted], recovered=True))
    assert "report on the cause" not in said(case(parked=[wanted], recovered=False))
    gripe = {"topic": "support_dissatisfaction", "message": "1", "quote": "We are not happy."}
    assert "happy" not in said(case(parked=[gripe], recovered=True))


def test_a_sentence_that_the_tone_check_hints_at_is_not_sent_to_the_vendor() -> None:
    words = "Our customers are furious, what are you going to do?"
    hint = {"id": "pressure_passthrough", "quote": words, "message": "1", "advice": "Say what stands still."}
    document = case(line("business_impact", words), tone=[hint], problem={"statement": words})
    made = brief(document, MAILS, lang="en")
    assert [(one["item"], one["advice"]) for one in made["reword"]] == [("business_impact", "Say what stands still.")]
    assert "furious" not in str(made)
    assert "furious" in said(document, for_="team")


@pytest.mark.parametrize(
    ("kind", "lines", "statement"),
    [
        ("incident", [line("symptom", "It eats paper.")], "It eats paper."),
        ("howto", [line("question", LONG)], LONG),
        ("howto", [line("question", "Which is it?")], "Scanner"),
        ("request", [line("change_target", "Edit rights on A.")], "Edit rights on A."),
    ],
)  # fmt: skip
def test_the_bare_subject_is_no_problem(kind: str, lines: list[dict[str, Any]], statement: str) -> None:
    document = case(*lines, kind=kind, problem={"statement": "Re: Scanner"})
    assert brief(document, MAILS, lang="en")["problem"]["statement"] == statement


def test_the_requester_reads_what_is_known_and_what_comes_next() -> None:
    promise = {"due": "2031-05-13T09:00:00Z", "kept": False, "overdue": False}
    document = case(
        line("symptom", LEAD), line("version", "4.2"), waiting_on="vendor", promises=[promise], missing=["device_id"]
    )
    written = said(document, for_="requester")
    assert "Status: being worked on\nWho acts next: the vendor\nNext word expected: 2031-05-13T09:00:00Z" in written
    assert LEAD in written
    assert "4.2" not in written
    assert "550123" not in written
    assert "P3" not in written


def test_labels_are_in_the_language_of_the_brief_and_handed_on_mails_are_no_attachment() -> None:
    document = case(line("version", "4.2"))
    mail = {"filename": "fw.eml", "size": 3, "content_type": "message/rfc822"}
    mails = [{"id": "1", "author": {"role": "team"}, "attachments": [mail]}]
    made = brief(document, mails, lang="ja", labels={"version": {"ja": "版", "en": "Version"}})
    assert made["attached"] == []
    assert "・版: 4.2" in text(made)
