"""What a vendor's engineer reads: nothing twice, nothing torn off, nothing of us that he does not need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.case.brief import brief, markdown

LEAD = "The scanner of plant 2 prints nothing."


def line(item: str, text: str, *, message: str = "1", **more: Any) -> dict[str, Any]:
    return {"item": item, "label": item, "state": "present", "value": text, "quote": text, "message": message} | more


def case(*lines: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "key": "SD-7", "title": "Scanner", "kind": "incident", "checklist": list(lines), "missing": [], "asks": [],
        "vendor": "acme", "vendor_refs": [{"vendor": "acme", "ref": "550123"}], "problem": {"statement": LEAD},
        "tone": [],
    } | more  # fmt: skip


MAILS = [
    {"id": "1", "author": {"role": "requester"}, "attachments": []},
    {"id": "2", "author": {"role": "team"}, "attachments": []},
]


def said(document: Mapping[str, Any], lang: str = "en", for_: str = "vendor") -> str:
    return markdown(brief(document, MAILS, lang=lang, for_=for_))


def test_what_is_only_roughly_known_is_one_line() -> None:
    when = line("occurred_at", "since this morning", state="missing", partial=True)
    text = said(case(when, missing=["occurred_at"]))
    assert text.count("occurred") == 1
    assert "- occurred\\_at: since this morning (not exact)" in text


def test_the_sentence_of_the_problem_is_not_told_again() -> None:
    text = said(case(line("symptom", LEAD), line("ongoing_state", LEAD), line("version", "4.2")))
    assert text.count(LEAD) == 1
    assert "symptom" not in text
    assert "- ongoing\\_state: (the sentence above)" in text
    assert "(上の文のとおり)" in said(case(line("ongoing_state", LEAD)), "ja")


def test_the_question_stands_in_full_where_it_is_asked() -> None:
    asked = "Can it be mended before Friday noon, when the trucks leave?"
    text = said(case(line("question", asked), line("deadline", asked)))
    assert "- deadline: (the same sentence as “question”)" in text
    assert f"- question: {asked}" in text


def test_a_time_of_day_is_told_with_its_day() -> None:
    sentence = "Since 4 March, 08:50 JST, it prints nothing."
    assert f"- occurred\\_at: {sentence}" in said(case(line("occurred_at", "08:50", quote=sentence)))
    long = line("occurred_at", "08:50", quote=sentence * 5)
    assert "- occurred\\_at: 08:50" in said(case(long))
    assert "- version: 4.2" in said(case(line("version", "4.2", quote="We run 4.2 on all.")))


def test_who_of_us_is_concerned_is_told_to_a_vendor_only_where_he_needs_it() -> None:
    who = line("requester", "mika@lab.test")
    call = line("contact", "Mika, extension 2245")
    assert "mika@" not in said(case(who))
    assert "mika@" in said(case(who), for_="team")
    assert "mika@" in said(case(who, asks=[{"what": "info:requester", "state": "open"}]))
    assert "mika@" in said(case(who, kind="request"))
    assert "2245" not in said(case(call))
    assert "2245" in said(case(call | {"message": "2"}))
    assert "2245" in said(case(call), for_="team")


def test_a_vendors_own_number_is_no_related_case() -> None:
    assert "related" not in said(case(line("related_case", "Re: [550123] Scanner")))
    assert "related" in said(case(line("related_case", "as in 540001")))


def test_a_subject_that_says_what_happens_is_the_problem() -> None:
    title = "Scanner of plant 2 prints nothing"
    asked = line("question", "Where do we begin to look for the reason of it?")
    made = brief(case(line("symptom", title), asked, title=title, problem={"statement": title}), MAILS, lang="en")
    assert made["problem"]["statement"] == title
    other = case(line("symptom", "It eats paper."), asked, title=title, problem={"statement": title})
    assert brief(other, MAILS, lang="en")["problem"]["statement"] == "It eats paper."


def test_a_question_that_says_nothing_by_itself_stands_behind_its_subject() -> None:
    subject = "More licences for plant 2"
    wish = case(line("question", "Which is it?"), kind="howto", title=subject, problem={"statement": "Re: " + subject})
    assert brief(wish, MAILS, lang="en")["problem"]["statement"] == f"{subject} — Which is it?"
    full = line("question", "May plant 2 use the licences of plant 1?")
    assert brief(wish | {"checklist": [full]}, MAILS, lang="en")["problem"]["statement"] == full["value"]
