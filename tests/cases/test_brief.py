"""The brief: worth pasting as it is. Nothing twice, nothing made up, nothing of us that the reader does not need."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from service.cases.brief import brief
from service.cases.brief_text import markdown, text

TABLES = yaml.safe_load(Path(__file__).with_name("brief.yaml").read_text(encoding="utf-8"))

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


@pytest.mark.parametrize(("words", "shown"), TABLES["the_label_of_a_form_line_is_not_repeated"])
def test_the_label_of_a_form_line_is_not_repeated(words: str, shown: str) -> None:
    labels = {
        "impact_scope": {"ja": "影響範囲", "en": "Scope of impact"},
        "occurred_at": {"ja": "発生日時", "en": "When it started"},
        "device_id": {"ja": "端末名", "en": "PC name"},
    }
    made = brief(case(line("impact_scope", words), problem={"statement": words}), MAILS, lang="ja", labels=labels)
    assert made["problem"]["statement"] == shown
    assert [entry["text"] for section in made["sections"] for entry in section["entries"]] == [shown]


def test_the_team_and_the_requester_read_the_key_and_when_to_expect_news() -> None:
    promise = {"due": "2026-12-01T06:00:00Z", "kept": False, "overdue": False, "quote": "by 15:00"}
    made = brief(case(promises=[promise]), MAILS, for_="requester", lang="ja")
    assert "ケース番号: SD-7\n" in text(made)
    assert "次の連絡の予定: 2026-12-01 15:00 (JST)\n" in text(made, ZoneInfo("Asia/Tokyo"))
    assert "Case: SD-7\n" in (team := said(case(), for_="team"))
    assert "Vendor's case number: 550123\n" in team
    assert "SD-7" not in said(case())


def test_what_is_not_known_is_left_out_for_a_vendor_and_listed_for_the_team() -> None:
    document = case(line("version", "", state="missing"), missing=["version"])
    assert "version" not in said(document)
    assert "Still to be asked\n- version" in said(document, for_="team")
    assert [gap["item"] for gap in brief(document, MAILS, lang="en")["gaps"]] == ["version"]


@pytest.mark.parametrize("over", [{"recovered": True}, {"status": "resolved"}, {"status": "closed"}])
def test_nothing_is_left_to_ask_once_the_problem_is_solved(over: dict[str, Any]) -> None:
    document = case(line("version", "", state="missing"), missing=["version"], **over)
    assert brief(document, MAILS, lang="en", for_="team")["gaps"] == []
    assert "Still to be asked" not in said(document, for_="requester")


def test_requests_of_a_vendor_are_listed_without_their_numbers() -> None:
    ask = {"what": "logs", "quote": "1. Please send the log.", "message": "1", "asked_at": None, "state": "open"}
    assert "not answered yet\n- Please send the log.\n" in said(case(asks=[ask]), for_="team")


ROUGH = case(line("occurred_at", "since this morning", state="missing", partial=True), missing=["occurred_at"])
OTHER = {"author": "jun@lab.test", "message": "2", "value": "plant 3 too", "quote": "plant 3 too"}
JUN = {"address": "jun@lab.test", "name": "Jun Aoki", "role": "requester"}
WHO, CALL = line("requester", "mika@lab.test"), line("contact", "Mika, extension 2245")
CAUSE = {"topic": "rca", "message": "1", "quote": "Please send a report on the cause."}
GRIPE = {"topic": "support_dissatisfaction", "message": "1", "quote": "We are not happy."}


@pytest.mark.parametrize(
    ("document", "lang", "for_", "words", "times"),
    [
        (ROUGH, "en", "vendor", "- occurred_at: since this morning (not exact)", 1),
        (ROUGH, "en", "vendor", "occurred", 1),
        (case(line("version", "no idea", state="unknown")), "en", "vendor", "- version: unknown (checked)", 1),
        (case(line("version", "", state="unknown")), "ja", "vendor", "・version: 不明(確認済み)", 1),
        # a second reporter follows the first, by name
        (case(line("impact_scope", "plant 2", others=[OTHER]), participants=[JUN]), "en", "vendor",
         "- impact_scope: plant 2 / Jun Aoki: plant 3 too", 1),
        # who of us is concerned is told to a vendor only where it is needed
        (case(WHO), "en", "vendor", "mika@", 0),
        (case(WHO), "en", "team", "mika@", 1),
        (case(WHO, asks=[{"what": "info:requester", "state": "open"}]), "en", "vendor", "mika@", 1),
        (case(WHO, kind="request"), "en", "vendor", "mika@", 1),
        (case(CALL), "en", "vendor", "2245", 0),
        (case(CALL | {"message": "2"}), "en", "vendor", "2245", 1),
        # a vendor's own number is no related case
        (case(line("related_case", "Re: [550123] Scanner")), "en", "vendor", "related", 0),
        (case(line("related_case", "as in 540001")), "en", "vendor", "related", 1),
        # a request for the cause waits until the case is over; a complaint is not sent
        (case(parked=[CAUSE], recovered=False), "en", "vendor", "report on the cause", 0),
        (case(parked=[CAUSE], recovered=True), "en", "vendor", "report on the cause", 1),
        (case(parked=[GRIPE], recovered=True), "en", "vendor", "happy", 0),
    ],
)  # fmt: skip
def test_what_is_told_to_whom(document: Mapping[str, Any], lang: str, for_: str, words: str, times: int) -> None:
    assert said(document, lang, for_).count(words) == times


def test_a_sentence_that_tells_several_items_is_written_once_and_quotes_no_other() -> None:
    words = "Since noon plant 2 prints nothing."
    written = said(case(line("impact_scope", words), line("occurred_at", words), line("frequency", words)))
    assert written.count(words) == 1
    assert "sentence" not in written
    assert said(case(line("symptom", LEAD), line("ongoing_state", LEAD))).count(LEAD) == 1


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
    assert "Status: being worked on\nWho acts next: the vendor\nNext update expected: 2031-05-13 09:00 (UTC)" in written
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


@pytest.mark.parametrize(("words", "lang", "shown"), TABLES["a_day_in_words_is_followed_by_the_date_of_the_mail"])
@pytest.mark.parametrize("for_", ["vendor", "team", "requester"])
def test_a_day_in_words_is_followed_by_the_date_of_the_mail(words: str, lang: str, shown: str, for_: str) -> None:
    mails = [MAILS[0] | {"date": "2026-11-30T23:40:00Z"}]  # 1 December in Tokyo
    others = [{"author": "b@x.example", "message": "1", "value": words, "quote": words}]
    document = case(line("symptom", "It beeps."), line("occurred_at", words, others=others))
    document["problem"] = {"statement": words, "message": "1"}
    made = brief(document, mails, lang=lang, for_=for_, zone=ZoneInfo("Asia/Tokyo"))
    entries = [entry["text"] for section in made["sections"] for entry in section["entries"]]
    assert entries == ["It beeps.", f"{shown} / b@x.example: {shown}"]
    assert made["problem"]["statement"] == shown


def test_requests_and_topics_for_tomorrow_tell_when_they_were_written() -> None:
    ask = {"state": "open", "what": "logs", "quote": "Send the log tomorrow.", "message": "1"}
    topic = {"topic": "rca", "quote": "Tell the cause next week.", "message": "1"}
    made = brief(case(asks=[ask], parked=[topic]), [MAILS[0] | {"date": "2026-12-01T06:00:00Z"}], for_="team")
    for kind, quote in (("open_asks", ask["quote"]), ("parked", topic["quote"])):
        assert made[kind][0]["quote"] == f"{quote} (mail of 1 December)"
        assert f"- {quote} (mail of 1 December)\n" in text(made)
