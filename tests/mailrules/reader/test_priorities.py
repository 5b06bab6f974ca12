"""Mails of many trades get the right priority. Those that the reader does not understand yet are named as such."""

from typing import Any

import pytest

from mailrules.evaluation.judged import judged_outcome
from mailrules.library import load
from tests.tables import table_beside

MAILS = table_beside(__file__, "priorities.yaml")
RULES = load()


def outcome(mail: dict[str, Any], side: str = "requester") -> Any:
    units = [{"t": sentence, "l": []} for sentence in mail["text"].split("\n")]
    facts = {"lang": mail["lang"], "side": side, "to": "team", "opens": True, "automatic": None, "files": []}
    return judged_outcome(RULES.reader, {**facts, "subject": mail["subject"], "units": units}, RULES)


@pytest.mark.parametrize("mail", MAILS, ids=[mail["id"] for mail in MAILS])
def test_the_priority_is_right(mail: dict[str, Any], request: pytest.FixtureRequest) -> None:
    if mail.get("missed"):
        request.applymarker(pytest.mark.xfail(strict=True, reason="not understood yet"))
    assert outcome(mail).priority in mail["right"]


def test_no_disaster_is_passed_off_as_a_considered_low_priority() -> None:
    missed = [mail["id"] for mail in MAILS if "P1" in mail["right"] and not _seen(outcome(mail))]
    assert missed == []


DOUBTFUL = """The status page shows 80 requests currently being processed and 12 idle workers, then it hangs.
Is there a limit in the scheduler? Every slot is open with no process."""


def test_mail_from_outside_needs_clearer_words_to_be_urgent() -> None:
    mail = {"lang": "en", "subject": "worker slots", "text": DOUBTFUL}
    assert outcome(mail).priority == "P2"
    for side in ("unknown", "vendor"):
        assert (outcome(mail, side).priority, outcome(mail, side).needs_triage) == ("P3", True)
    missed = [one["id"] for one in MAILS if "P1" in one["right"] and not _seen(outcome(one, "unknown"))]
    assert missed == []


def _seen(said: Any) -> bool:
    return said.priority in ("P1", "P2") or said.needs_triage
