"""Replies are matched to the questions that were asked: numbered or free, quoted or not."""

# ruff: noqa: E501 -- a case a line

from datetime import UTC, datetime

import pytest

from service.cases.replies import Asked, match, question_lines
from tests.tables import table_beside

TABLES = table_beside(__file__, "replies.yaml")

ITEMS = ("occurred_at", "version", "impact_scope")
EN = (
    "When did it start (day and approximate time)?",
    'Which version is it (see "About" in its menu)?',
    "Is it only you, or are others affected (roughly how many, which department or site)?",
)
JA = (
    "いつごろから起きていますか(日付とおおよその時刻)。",
    "バージョンを教えてください(「バージョン情報」などの画面に表示されます)。",
    "あなただけですか、ほかの方にも起きていますか(おおよその人数・部署・拠点)。",
)


def asked(questions: tuple[str, ...] = EN, items: tuple[str, ...] = ITEMS) -> Asked:
    numbered = "\n".join(f"{n}. {question}" for n, question in enumerate(questions, start=1))
    text = f"Hello Aiko,\n\nYour case number is SD-1.\n\n{numbered}\n\nWrite unknown where you do not know.\n\n--\nIT desk\n"
    return Asked(datetime(2026, 11, 4, tzinfo=UTC), "acknowledgement", "", items, question_lines(text), text)


ANSWERS = TABLES["numbered_answers_go_to_their_questions"] + TABLES["free_answers_are_known_by_their_words"]


@pytest.mark.parametrize(("text", "told"), ANSWERS)
def test_answers_are_known_by_their_number_or_their_words(text: str, told: dict[str, str | None]) -> None:
    found = match(text, "", asked(JA if any(ord(c) > 0x2500 for c in text) else EN))
    assert _told(found) == told
    assert all(" ".join(text[reply.start : reply.end].split()) == reply.words for reply in found)


@pytest.mark.parametrize("text", [*TABLES["what_answers_nothing_fills_nothing"], "7. something"])
def test_what_answers_nothing_fills_nothing(text: str) -> None:
    assert match(text, "", asked(JA)) == ()


def test_answers_below_quoted_questions_are_found() -> None:
    quoted = (
        "From: IT desk <it@corp.example>\nSent: Wednesday\n\nHello Aiko,\n\n"
        f'1. {EN[0]}\n-> since 9 this morning\n2. Which version is it (see\n"About" in its menu)?\nno idea\n3. {EN[2]}\n\n--\nIT desk\n'
    )
    assert _told(match("Please see inline.", quoted, asked())) == {
        "occurred_at": "since 9 this morning",
        "version": None,
    }


def test_answers_between_quote_marks_are_found_in_order() -> None:
    quoted = "\n".join(f"> {n}. {question}" for n, question in enumerate(EN, start=1))
    text = "Hi, see below.\n\nsince 9 this morning\n\nno idea\n\nall of us here"
    told = {"occurred_at": "since 9 this morning", "version": None, "impact_scope": "all of us here"}
    assert _told(match(text, quoted, asked())) == told


def test_copied_questions_are_taken_off_their_answers() -> None:
    text = f"1. {EN[0]} since 9\n2. {EN[1]}\nunknown\n\nThanks\nAiko"
    assert _told(match(text, "", asked())) == {"occurred_at": "since 9", "version": None}


def test_a_single_question_is_answered_by_a_short_reply() -> None:
    one = asked(("At which site and on which floor is it?",), ("location",))
    assert _told(match("Osaka, the third.", "", one)) == {"location": "Osaka, the third."}
    assert match("When will somebody come?", "", one) == ()


@pytest.mark.parametrize("name", ["森", "Kenji Mori", "経理部 森"])
def test_a_name_below_the_answers_is_no_answer(name: str) -> None:
    two = asked((*JA[2:], "どの業務に、どのような支障が出ていますか。"), ("impact_scope", "business_impact"))
    told = {"impact_scope": "私と隣の席の2名です。", "business_impact": "在庫の登録ができません。"}
    assert _told(match(f"私と隣の席の2名です。\n在庫の登録ができません。\n\n{name}\n", "", two)) == told


def test_an_endless_reply_is_looked_at_in_linear_time() -> None:
    for text in ("1. " * 100_000, "> " * 100_000, "あ" * 200_000, "\n".join(["1. a"] * 50_000), "(" * 100_000):
        match(text, text, asked())


def _told(found: object) -> dict[str, str | None]:
    return {one.item: one.words if one.known else None for one in found}  # type: ignore[attr-defined]
