"""Which items are missing: by what the mails state, by the kind of trouble, and by whether it is over."""

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput

RULES = load()
FAULT = "kind.incident item.symptom"


def missing(*mails: str) -> set[str]:
    """Return the missing items of mails that the team wrote: the statements of each, as ``meaning=state``."""
    thread, readings = [], []
    for at, said in enumerate(mails):
        date = datetime(2031, 5, at + 1, tzinfo=UTC)
        thread.append(RuleInput(str(at), "team", "ren@lab.test", said, "", date=date, towards=frozenset({"vendor"})))
        parts = [one.partition("=") for one in said.split()]
        found = [Statement(meaning, state or "value", said) for meaning, _, state in parts]
        readings.append(RULES.reading(thread[-1], found, "model", "1"))
    return set(RULES.judge(tuple(thread), readings).missing)


@pytest.mark.parametrize(
    ("item", "unneeded", "needed"),
    [
        ("expected", FAULT, f"{FAULT} matter.wrong"),
        ("error_message", FAULT, f"{FAULT} item.error_message=partial"),
        ("frequency", FAULT, f"{FAULT} act.reopen"),
        ("ongoing_state", FAULT, f"{FAULT} recovered=unsure impact.high"),
        ("environment", FAULT, f"{FAULT} item.version"),
        ("environment", f"{FAULT} item.version item.business_impact", f"{FAULT} item.version"),
    ],
)
def test_a_vendor_needs_an_item_only_for_this_kind_of_trouble(item: str, unneeded: str, needed: str) -> None:
    assert item not in missing(unneeded)
    assert item in missing(needed)


def test_once_the_problem_is_over_only_its_cause_may_need_more() -> None:
    assert "question" in missing(FAULT)
    assert missing(FAULT, "recovered") == set()
    assert missing(FAULT, "recovered parked.rca") >= {"related_case", "occurred_at"}
    assert "workaround" not in missing(FAULT, "recovered parked.rca")


@pytest.mark.parametrize(
    ("text", "language", "item", "asked"),
    [
        ("My laptop does not start any more.", "en", "impact_scope", False),
        ("私のパソコンが起動しなくなりました。", "ja", "impact_scope", False),
        ("The archive search shows a white page.", "en", "impact_scope", True),
        ("The archive search shows a white page for all of the museum staff.", "en", "impact_scope", False),
    ],
)
def test_what_a_word_of_the_mail_perhaps_says_is_not_asked(text: str, language: str, item: str, asked: bool) -> None:
    mail = RuleInput("1", "requester", "ren@lab.test", text, "", language=language, towards=frozenset({"team"}))
    assert (item in RULES.judge((mail,)).missing) is asked


@pytest.mark.parametrize(
    ("text", "language", "asked"),
    [
        ("The loan system RISO shows the wrong total on every slip.", "en", True),
        ("The loan system RISO does not open.", "en", False),
        ("貸出システムの督促状が二重に印刷されます。", "ja", True),
        ("貸出システムにログインできません。", "ja", False),
        ("貸出システムの検索に1分かかります。", "ja", False),
    ],
)
def test_the_expected_behaviour_is_asked_of_a_wrong_result(text: str, language: str, asked: bool) -> None:
    mail = RuleInput("1", "team", "ren@lab.test", text, "", language=language, towards=frozenset({"vendor"}))
    assert ("expected" in RULES.judge((mail,)).missing) is asked
