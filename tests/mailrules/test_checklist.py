"""Which items are missing: by what the mails state, and by whether the problem is over."""

from collections.abc import Sequence

import pytest

from mailrules.statement import Statement
from mailrules.thread import RuleInput, Side
from tests.mailrules.mails import RULES, judge

FAULT = "kind.incident item.symptom"


def missing(*mails: str) -> set[str]:
    return set(judge(*mails, sides=["team"], reader="model").missing)


def value(item: str, *mails: str, sides: Sequence[Side] = ("team",)) -> str | None:
    return next(line.value for line in judge(*mails, sides=sides, reader="model").checklist if line.item == item)


def test_once_the_problem_is_over_only_its_cause_may_need_more() -> None:
    assert "question" in missing(FAULT)
    assert missing(FAULT, "recovered") == set()
    assert missing(FAULT, "recovered parked.rca") >= {"related_case", "occurred_at"}
    assert "workaround" not in missing(FAULT, "recovered parked.rca")


def test_the_state_of_a_solved_problem_is_not_that_of_an_earlier_mail() -> None:
    assert value("ongoing_state", FAULT, "item.ongoing_state") == "item.ongoing_state 1.0"
    assert value("ongoing_state", FAULT, "item.ongoing_state", "recovered") is None
    assert value("ongoing_state", FAULT, "item.ongoing_state", "recovered item.ongoing_state") is not None


def test_the_question_to_a_vendor_is_that_of_the_team_and_a_list_of_questions_is_kept() -> None:
    assert value("question", "item.question", FAULT, sides=["requester", "team"]) == "item.question 0.0"
    assert value("question", "item.question", "item.question", sides=["requester", "team"]) == "item.question 1.0"
    assert value("question", "item.question", "item.question", sides=["team", "requester"]) == "item.question 0.0"
    assert value("question", f"{FAULT} item.question item.question") == "item.question 0.2 item.question 0.3"


def stated(meaning: str, text: str, language: str) -> list[str]:
    """Return the quotes of a meaning in a mail of the team to a vendor."""
    mail = RuleInput("1", "team", "ren@lab.test", text, "", language=language, towards=frozenset({"vendor"}))
    return [one.quote for one in RULES.read(mail).statements if one.meaning == meaning and one.state == "value"]


@pytest.mark.parametrize(
    ("text", "language", "changed"),
    [
        ("The kiosk at the gate has been blank since 9:10. We rebooted the kiosk controller, no change.", "en", False),
        ("今朝から改札機の画面が真っ黒です。制御盤を再起動しましたが変化はありません。", "ja", False),
        ("今朝から改札機の画面が真っ黒です。昨夜、制御盤を更新しました。", "ja", True),
        ("The kiosk is blank since 9:10. The only recent change was a new firmware on Monday.", "en", True),
    ],
)
def test_what_was_tried_is_no_recent_change(text: str, language: str, changed: bool) -> None:
    assert bool(stated("item.recent_changes", text, language)) is changed


def test_all_questions_of_a_list_and_polite_requests_are_read() -> None:
    ports = "1. Which port does the relay use?\n2. Can we move it to port 8443?"
    assert sorted(stated("item.question", ports, "en")) == ports.split("\n")
    dates = "移行日、承知しました。停止時間の見込みを教えてください。"
    assert stated("item.question", dates, "ja") == ["停止時間の見込みを教えてください。"]
    assert stated("item.question", "移行日、承知しました。当日はよろしくお願いします。", "ja") == []


def test_a_reply_that_begins_another_matter_tells_the_outcome_of_the_earlier_one() -> None:
    text = "The lift works again. Thanks!\nOne more thing: the lamp at my desk flickers."
    own = {"subject_is_new": False, "begins": True, "language": "en", "towards": frozenset({"team"})}
    turn = RuleInput("1", "requester", "jo@lab.test", text, "Re: Lift", **own)  # type: ignore[arg-type]
    said = [Statement("recovered", "value", "The lift works again.", 0, 21), Statement("kind.incident")]
    judged = RULES.judge((turn,), (RULES.reading(turn, said, "model", "1"),))
    assert (judged.recovered, judged.priority.level) == (False, "P3")
    assert judged.excerpt == "One more thing: the lamp at my desk flickers."
