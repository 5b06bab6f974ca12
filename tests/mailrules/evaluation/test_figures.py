"""Figures of labelled mail."""

import json
from pathlib import Path

from mailrules.evaluation.figures import Outcome, compare, labelled_outcome
from mailrules.evaluation.judged import judged_outcome
from mailrules.statement import Statement
from tests.mailrules.mails import RULES, StatingReader

MAIL = json.loads(Path(__file__).with_name("mail.json").read_text(encoding="utf-8"))


def test_labels_become_the_outcome_of_a_mail() -> None:
    labelled = labelled_outcome(MAIL)
    assert labelled.sets["present"] == {"symptom", "workaround"}
    assert labelled.sets["unknown"] == {"occurred_at"}
    assert labelled.meanings == {
        "item.symptom", "impact.high", "act.report", "item.occurred_at", "item.workaround", "urgency.high",
    }  # fmt: skip


def test_a_missed_disaster_and_a_false_missing_show_in_the_figures() -> None:
    said = Outcome(
        "en", "requester", "incident", "P3", needs_triage=True, sets={"present": {"symptom"}}, missing=("workaround",)
    )
    figures = compare([(said, labelled_outcome(MAIL))])["en"]
    assert figures["P1/P2 found"] == {"share": 0.0, "count": 1}
    assert figures["P1/P2 found or to be triaged"]["share"] == 1.0
    assert figures["present"]["precision"] == 1.0
    assert figures["present"]["recall"] == 0.5
    assert figures["missing"]["precision"] == 0.0


def test_a_labelled_mail_is_judged_by_the_rules_of_the_service() -> None:
    mail = {**MAIL, "subject": "", "to": "team", "opens": True, "automatic": None, "files": []}

    def priority(*meanings: str, kind: str = "incident") -> str:
        return judged_outcome(StatingReader(*map(Statement, (f"kind.{kind}", *meanings))), mail, RULES).priority

    assert priority("impact.high", "urgency.high") == "P1"
    assert priority("impact.medium", "urgency.low") == "P4"
    assert priority("impact.high", "urgency.high", "recovered") == "P3"
    assert priority("security", kind="security") == "P2"
    assert priority("impact.high", kind="howto") == "P4"
    assert priority() == "P3"
