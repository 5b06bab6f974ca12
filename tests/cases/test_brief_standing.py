"""A brief tells where the matter stands: the newest answer and outcome that stand, in words meant for the reader."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from mailrules.engine.problem import without_opening
from mailrules.reader.courtesy import is_courtesy
from service.cases.brief import brief
from service.cases.brief_text import text

CASES = yaml.safe_load(Path(__file__).with_name("brief_standing.yaml").read_text(encoding="utf-8"))
PEOPLE = {
    side: {"address": f"{side}@x.example", "name": side, "role": side} for side in ("requester", "team", "vendor")
}


def mail(number: int, side: str, to: str, language: str, words: str, **statements: str) -> dict[str, Any]:
    said = [
        {"meaning": meaning, "quote": quote, "start": words.index(quote), "end": words.index(quote) + len(quote)}
        for meaning, quote in statements.items()
    ]
    role, automatic = ("vendor", "notification") if side == "machine" else (side, None)
    return {
        "id": str(number), "date": f"2026-11-{number + 10}T03:00:00Z", "author": {"role": role}, "attachments": [],
        "to": [PEOPLE[to]], "language": language, "automatic": automatic, "text": words, "statements": said,
    }  # fmt: skip


def case(**more: Any) -> dict[str, Any]:
    return {
        "key": "SD-7", "title": "Till", "kind": "incident", "checklist": [], "missing": [], "asks": [], "vendor": None,
        "vendor_refs": [], "problem": {}, "tone": [], "parked": [], "status": "open", "waiting_on": "team",
        "priority": "P3", "participants": list(PEOPLE.values()), "language": "en",
    } | more  # fmt: skip


def line(item: str, words: str, message: str) -> dict[str, Any]:
    return {"item": item, "label": item, "state": "present", "value": words, "quote": words, "message": message}


def mails_of(rows: list[Any]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        if isinstance(row, list):
            made.append(mail(len(made) + 1, *row, **(after if isinstance(after, dict) else {})))
    return made


@pytest.mark.parametrize(
    ("told", "reader"), [pytest.param(c, r, id=f"{c['id']}: {r}") for c in CASES for r in c["shown"]]
)
def test_where_it_stands(told: dict[str, Any], reader: str) -> None:
    made = brief(case(**told["case"]), mails_of(told["mails"]), for_=reader, lang=told["case"]["language"])
    entries = [entry for section in made["sections"] if section["id"] == "standing" for entry in section["entries"]]
    shown = [[entry["label"], entry["text"].rpartition("(")[0].rstrip()] for entry in entries]
    assert shown == told["shown"][reader]


def test_the_text_tells_it_before_the_facts_with_the_date_of_the_mail() -> None:
    mails = [mail(1, "vendor", "team", "en", "It was a loose plug.", **{"act.answer": "It was a loose plug."})]
    written = text(brief(case(checklist=[line("version", "4.2", "1")]), mails, for_="team", lang="en"))
    assert "Where it stands\n- Vendor's answer: It was a loose plug. (mail of 11 November)\n\nEnv" in written


def test_a_vendor_reads_no_outcome_with_a_tone_hint() -> None:
    words = "It works at last, after you slept for days."
    hint = {"id": "blame_vendor_slow", "quote": words, "message": "1", "advice": "Say only that it works."}
    mails = [mail(1, "team", "vendor", "en", words, recovered=words)]
    assert "slept" not in text(brief(case(recovered=True, tone=[hint]), mails, lang="en"))


def test_a_cure_that_no_longer_helps_is_left_out() -> None:
    cured = "I swapped the cable and it printed."
    first = mail(1, "requester", "team", "en", cured, recovered=cured)
    back = mail(2, "requester", "team", "en", "Blank paper again.", **{"act.reopen": "Blank paper again."})
    document = case(checklist=[line("tried", cured, "1"), line("version", "4.2", "1")])
    assert cured in text(brief(document, [first], lang="en"))
    assert cured not in (written := text(brief(document, [first, back], lang="en")))
    assert "4.2" in written


@pytest.mark.parametrize("status", ["open", "resolved", "closed"])
def test_the_next_update_is_a_promise_that_can_still_be_kept(status: str) -> None:
    promises = [
        {"due": f"2026-11-{day}T09:00:00Z", "kept": kept, "overdue": False}
        for day, kept in (("10", False), ("12", True), ("20", False))
    ]
    made = brief(case(promises=promises, status=status), [], now=datetime(2026, 11, 11, tzinfo=UTC))
    assert made["promised"] == ("2026-11-20T09:00:00Z" if status == "open" else None)


ASKED = mail(1, "requester", "team", "ja", "レジの釣銭が合いません。")
INQUIRY = mail(2, "team", "vendor", "en", "Dear TillWorks, the change is wrong on till 3.")
ANSWER = mail(3, "vendor", "team", "en", "This is custom work.")


@pytest.mark.parametrize(
    ("statement", "asks", "reader", "shown"),
    [
        (INQUIRY, [], "vendor", "the change is wrong on till 3."),
        (INQUIRY, [], "team", "レジの釣銭が合いません。"),
        (INQUIRY, [], "requester", "レジの釣銭が合いません。"),
        (ANSWER, [], "team", "レジの釣銭が合いません。"),
        (ANSWER, ["confirm_scope"], "team", "This is custom work."),
        (ANSWER, ["confirm_scope"], "requester", "レジの釣銭が合いません。"),
    ],
)
def test_the_problem_is_stated_in_words_for_the_reader(
    statement: dict[str, Any], asks: list[str], reader: str, shown: str
) -> None:
    document = case(
        language="ja", excerpt=ASKED["text"], problem={"statement": statement["text"], "message": statement["id"]},
        asks=[{"what": what, "message": "3", "quote": "", "state": "answered"} for what in asks],
    )  # fmt: skip
    made = brief(document, [ASKED, INQUIRY, ANSWER], for_=reader, lang="ja")
    assert made["problem"]["statement"] == shown


def test_a_requester_reads_no_facts_from_mail_to_the_vendor_that_only_the_team_can_give() -> None:
    document = case(
        language="ja", missing=["expected", "environment", "occurred_at"],
        checklist=[line("question", "Could you look into it?", "2"), line("impact_scope", "3番レジだけです。", "1")],
    )  # fmt: skip
    made = brief(document, [ASKED, INQUIRY], for_="requester", lang="ja")
    assert [gap["item"] for gap in made["gaps"]] == ["occurred_at"]
    assert [entry["item"] for section in made["sections"] for entry in section["entries"]] == ["impact_scope"]
    alone = case(missing=["error_message"], participants=[PEOPLE["requester"]])
    assert [gap["item"] for gap in brief(alone, [ASKED], for_="requester")["gaps"]] == ["error_message"]


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("星テック御中 3号機の扉が閉まりません。", "3号機の扉が閉まりません。"),
        ("木村様、3号機の扉が閉まりません。", "3号機の扉が閉まりません。"),
        ("Hello Dana, the door stays open.", "the door stays open."),
        ("Good morning all! The door stays open.", "The door stays open."),
        # no addressee
        ("多くのお客様、特に会員が入れません。", "多くのお客様、特に会員が入れません。"),
        ("同様、3号機も閉まりません。", "同様、3号機も閉まりません。"),
        ("Hi-res scans fail, all of them.", "Hi-res scans fail, all of them."),
        ("Hello is printed twice, on every label.", "Hello is printed twice, on every label."),
        ("画面の仕様、特に色が違います。", "画面の仕様、特に色が違います。"),
        ("Hello Dana,", "Hello Dana,"),
    ],
)
def test_the_addressee_before_a_sentence_is_left_out(sentence: str, shown: str) -> None:
    assert without_opening(sentence) == shown


@pytest.mark.parametrize(
    ("words", "polite"),
    [
        ("承知いたしました。", True),
        ("ご連絡ありがとうございます。", True),
        ("Thank you very much.", True),
        ("実施いたしました。", False),
        ("Thanks, the fuse was blown.", False),
        ("OK?", False),
        ("", False),
    ],
)
def test_courtesy_tells_nothing(words: str, polite: bool) -> None:
    assert is_courtesy(words) is polite
