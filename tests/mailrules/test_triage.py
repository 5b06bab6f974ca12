"""Which statements of earlier mails are valid after later ones, and when a person must check the impact."""

import pytest

from tests.mailrules.mails import RULES, judge

OPENING = "item.symptom impact.medium urgency.medium"
UNSURE = "impact.high=unsure urgency.high=unsure"


@pytest.mark.parametrize(
    ("mails", "triage"),
    [
        ([OPENING, ""], False),
        ([OPENING, UNSURE], False),
        ([OPENING, f"{UNSURE} act.thanks"], False),
        ([OPENING, f"{UNSURE} item.impact_scope"], True),
        ([OPENING, f"{UNSURE} act.reopen"], True),
        ([UNSURE], True),
        ([f"kind.request {UNSURE}", ""], True),
        ([f"impact.medium urgency.high {UNSURE}"], False),  # urgent all the same
        (["impact.high urgency.high=unsure"], False),
        ([UNSURE, "impact.low"], False),  # a later mail states the impact
        ([UNSURE, "urgency.low"], True),
        (["security=unsure", "impact.low"], True),
    ],
)
def test_an_opening_mail_in_doubt_or_a_later_one_that_tells_something_asks_for_triage(
    mails: list[str], triage: bool
) -> None:
    assert judge(*mails).priority.needs_triage is triage


@pytest.mark.parametrize(("opening", "triage"), [(OPENING, False), ("item.symptom", True)])
def test_doubts_in_mail_of_the_team_need_no_triage_if_a_mail_states_the_impact(opening: str, triage: bool) -> None:
    judged = judge(opening, f"{UNSURE} item.impact_scope", sides=("requester", "team"))
    assert judged.priority.needs_triage is triage


def test_the_rules_list_what_leaves_a_doubt_about_the_impact() -> None:
    [rule, _] = RULES.files["standing"].final
    terms = [term for term in rule.condition.terms() if term.name != "item.workaround"]  # lowers the impact
    assert len(terms) >= 8
    for said in (f"{term.name}={state}" for term in terms for state in term.states or ("value",)):
        assert judge(OPENING, f"{UNSURE} {said}").priority.needs_triage, said


@pytest.mark.parametrize(
    ("said", "asked"),
    [("", True), ("impact.low", False), (UNSURE, True), ("item.impact_scope=unsure", False), ("recovered", False)],
)
def test_without_a_word_about_the_impact_its_scope_is_missing(said: str, asked: bool) -> None:
    assert ("impact_scope" in judge(f"kind.incident item.symptom {said}").missing) is asked


GRAVE = "kind.incident impact.high urgency.high"


@pytest.mark.parametrize(
    ("mails", "level"),
    [
        ([GRAVE], "P1"),
        # only a clear sentence lowers a severe problem
        ([GRAVE, "recovered"], "P3"),
        ([GRAVE, "recovered=unsure"], "P1"),
        (["kind.incident item.symptom impact.low", "recovered=unsure"], "P4"),
        ([GRAVE, "item.workaround"], "P2"),
        ([GRAVE, "item.workaround=partial"], "P1"),
        # what is replaced replaces nothing
        ([GRAVE, "recovered", "act.reopen"], "P1"),
        ([GRAVE, "recovered", "ongoing"], "P1"),
        ([GRAVE, "recovered", "act.reopen", "recovered"], "P3"),
        ([GRAVE, "urgency.low", "recovered", "act.reopen"], "P1"),
        ([GRAVE, "item.workaround", "act.reopen"], "P1"),
    ],
)
def test_later_mails_lower_the_priority_until_others_replace_them(mails: list[str], level: str) -> None:
    assert judge(*mails).priority.level == level
