"""Which statements of earlier mails are valid after later ones, and when a person must check the impact."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from mailrules.judgement import Judgement
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput, Side

RULES = load()
REQUESTERS: Sequence[Side] = ("requester",) * 9
OPENING = (Statement("item.symptom"), Statement("impact.medium"), Statement("urgency.medium"))
UNSURE = (Statement("impact.high", "unsure"), Statement("urgency.high", "unsure"))


@pytest.mark.parametrize(
    ("mails", "triage"),
    [
        ([OPENING, ()], False),
        ([OPENING, UNSURE], False),
        ([OPENING, (*UNSURE, Statement("act.thanks"))], False),
        ([OPENING, (*UNSURE, Statement("item.impact_scope"))], True),
        ([OPENING, (*UNSURE, Statement("act.reopen"))], True),
        ([UNSURE], True),
        ([(Statement("kind.request"), *UNSURE), ()], True),
        ([(Statement("impact.medium"), Statement("urgency.high"), *UNSURE)], False),  # urgent all the same
        ([(Statement("impact.high"), Statement("urgency.high", "unsure"))], False),
        ([UNSURE, (Statement("impact.low"),)], False),  # a later mail states the impact
        ([UNSURE, (Statement("urgency.low"),)], True),
        ([(Statement("security", "unsure"),), (Statement("impact.low"),)], True),
    ],
)
def test_an_opening_mail_in_doubt_or_a_later_one_that_tells_something_asks_for_triage(
    mails: list[tuple[Statement, ...]], triage: bool
) -> None:
    assert needs_triage(*mails) is triage


def test_doubts_in_mail_of_the_team_need_no_triage_if_a_mail_states_the_impact() -> None:
    doubting = (*UNSURE, Statement("item.impact_scope"))
    assert not judge(OPENING, doubting, sides=("requester", "team")).priority.needs_triage
    assert judge((Statement("item.symptom"),), doubting, sides=("requester", "team")).priority.needs_triage


def test_the_rules_list_what_leaves_a_doubt_about_the_impact() -> None:
    [rule, _] = RULES.files["standing"].final
    terms = [term for term in rule.condition.terms() if term.name != "item.workaround"]  # lowers the impact
    assert len(terms) >= 8
    for term in terms:
        for state in term.states or ("value",):
            assert needs_triage(OPENING, (*UNSURE, Statement(term.name, state))), (term.name, state)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ((), True),
        ((Statement("impact.low"),), False),
        (UNSURE, True),
        ((Statement("item.impact_scope", "unsure"),), False),
        ((Statement("recovered"),), False),
    ],
)
def test_without_a_word_about_the_impact_its_scope_is_missing(said: tuple[Statement, ...], asked: bool) -> None:
    judged = judge((Statement("kind.incident"), Statement("item.symptom"), *said))
    assert ("impact_scope" in judged.missing) is asked


def needs_triage(*mails: tuple[Statement, ...]) -> bool:
    return judge(*mails).priority.needs_triage


def judge(*mails: tuple[Statement, ...], sides: Sequence[Side] = ()) -> Judgement:
    thread = tuple(
        RuleInput(str(at), side, "ren@lab.test", "Hello.", language="en", date=datetime(2031, 5, at + 1, tzinfo=UTC))
        for at, side in enumerate(sides or REQUESTERS[: len(mails)])
    )
    readings = [RULES.reading(turn, said, "embedded", "1") for turn, said in zip(thread, mails, strict=True)]
    return RULES.judge(thread, readings)


@pytest.mark.parametrize(
    ("first", "later", "level"),
    [
        (("impact.high", "urgency.high"), Statement("recovered"), "P3"),
        (("impact.high", "urgency.high"), Statement("recovered", "unsure"), "P1"),
        (("impact.low",), Statement("recovered", "unsure"), "P4"),
        (("impact.high", "urgency.high"), Statement("item.workaround"), "P2"),
        (("impact.high", "urgency.high"), Statement("item.workaround", "partial"), "P1"),
    ],
)
def test_a_severe_problem_is_lowered_only_by_a_clear_sentence(
    first: tuple[str, ...], later: Statement, level: str
) -> None:
    opening = (Statement("kind.incident"), Statement("item.symptom"), *map(Statement, first))
    assert judge(opening, (later,)).priority.level == level


GRAVE = (Statement("kind.incident"), Statement("impact.high"), Statement("urgency.high"))
OVER, BACK, STILL = (Statement("recovered"),), (Statement("act.reopen"),), (Statement("ongoing"),)


@pytest.mark.parametrize(
    ("later", "priority"),
    [
        ((), "P1"),
        ((OVER,), "P3"),
        ((OVER, BACK), "P1"),
        ((OVER, STILL), "P1"),
        ((OVER, BACK, OVER), "P3"),
        (((Statement("urgency.low"),), OVER, BACK), "P1"),
        (((Statement("item.workaround"),),), "P2"),
        (((Statement("item.workaround"),), BACK), "P1"),
    ],
)
def test_what_is_replaced_replaces_nothing(later: tuple[tuple[Statement, ...], ...], priority: str) -> None:
    assert judge(GRAVE, *later).priority.level == priority
