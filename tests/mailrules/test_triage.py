"""Which later mails of a case make a person look at its impact again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput

RULES = load()
OPENING = (Statement("item.symptom"), Statement("impact.medium"), Statement("urgency.medium"))
UNSURE = (Statement("impact.high", "unsure"), Statement("urgency.high", "unsure"))


@pytest.mark.parametrize(
    ("said", "triage"),
    [
        ((), False),
        (UNSURE, False),
        ((*UNSURE, Statement("act.thanks")), False),
        ((*UNSURE, Statement("item.impact_scope")), True),
        ((*UNSURE, Statement("act.reopen")), True),
    ],
)
def test_only_a_later_mail_that_tells_something_asks_for_triage(said: tuple[Statement, ...], triage: bool) -> None:
    assert needs_triage(OPENING, said) is triage


def test_an_opening_mail_whose_impact_is_unsure_asks_for_triage() -> None:
    assert needs_triage(UNSURE)
    assert needs_triage((Statement("kind.request"), *UNSURE), ())


def needs_triage(*mails: tuple[Statement, ...]) -> bool:
    thread = tuple(
        RuleInput(str(at), "requester", "ren@lab.test", "Hello.", date=datetime(2031, 5, at + 1, tzinfo=UTC))
        for at in range(len(mails))
    )
    readings = [RULES.reading(turn, said, "test", "1") for turn, said in zip(thread, mails, strict=True)]
    return RULES.judge(thread, readings).priority.needs_triage
