"""Replies that end a matter, and replies that only look like it. The reader was trained on other mails."""

import pytest

from mailrules.reader.partly_solved import without_partial_recovery
from mailrules.statement import MailText, ReaderResult, Statement
from tests.mailrules.mails import READER, mail, next_side
from tests.tables import table_beside

TEXTS = table_beside(__file__, "settling.yaml")
LOOK_ALIKE: dict[str, list[str]] = {text: [] for text in TEXTS["look alike"]} | TEXTS["misread"]


def given(text: str, side: str = "requester", to: str = "team") -> MailText:
    return mail(text, side, to, subject="Re: Badge", opens=False)


def acts(told: ReaderResult) -> set[str]:
    return {one.meaning for one in told.statements if one.meaning in ("act.confirm_resolved", "act.close")}


@pytest.mark.parametrize(
    ("texts", "side", "to", "least"),
    [
        (TEXTS["dropped"], "requester", "team", 7),
        (TEXTS["works"], "requester", "team", 5),
        (TEXTS["let close"], "team", "vendor", 4),
        (TEXTS["closes"], "team", "requester", 2),
    ],
    ids=["dropped", "works", "let close", "closes"],
)
def test_most_replies_that_end_a_matter_are_recognised(texts: list[str], side: str, to: str, least: int) -> None:
    assert sum(next_side(READER.read(given(text, side, to))) == "nobody" for text in texts) >= least


@pytest.mark.parametrize(("text", "misread"), LOOK_ALIKE.items())
def test_a_reply_that_only_looks_like_an_end_ends_nothing_except_for_the_known_misses(
    text: str, misread: list[str]
) -> None:
    told = READER.read(given(text))
    assert (next_side(told) == "nobody") == ("ended" in misread)
    assert acts(told) == ({"act.confirm_resolved"} if "solved" in misread else set())


@pytest.mark.parametrize("text", TEXTS["dropped"] + TEXTS["works"] + TEXTS["let close"])
def test_a_vendor_settles_nothing(text: str) -> None:
    assert "act.confirm_resolved" not in acts(READER.read(given(text, "vendor")))


@pytest.mark.parametrize("text", TEXTS["completely solved"])
def test_what_is_not_known_asked_or_past_is_no_problem_that_is_left(text: str) -> None:
    view = READER.view(given(text))
    [start] = [one.start for one in view.units if any(word in one.text for word in ("solved", "again", "直"))]
    recovery = Statement("recovered", start=start)
    assert without_partial_recovery([recovery], view) == [recovery]
