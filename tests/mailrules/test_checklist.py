"""Which items are missing: by what the mails state, and by whether the problem is over."""

from datetime import UTC, datetime

import pytest

from mailrules.judgement import Judgement
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput

RULES = load()
FAULT = "kind.incident item.symptom"


def judge(*mails: str, user_writes: int = -1) -> Judgement:
    """Judge mails of the team to a vendor: the statements of each, as ``meaning=state``. One can be a user's mail."""
    thread, readings = [], []
    for at, said in enumerate(mails):
        side, to = ("requester", "team") if at == user_writes else ("team", "vendor")
        date, author = datetime(2031, 5, at + 1, tzinfo=UTC), f"{side}@lab.test"
        thread.append(RuleInput(str(at), side, author, said, "", date=date, towards=frozenset({to})))  # type: ignore[arg-type]
        parts = [one.partition("=") for one in said.split()]
        found = [Statement(one, state or "value", f"{one} {at}.{n}", n) for n, (one, _, state) in enumerate(parts)]
        readings.append(RULES.reading(thread[-1], found, "model", "1"))
    return RULES.judge(tuple(thread), readings)


def missing(*mails: str) -> set[str]:
    return set(judge(*mails).missing)


def value(item: str, judged: Judgement) -> str | None:
    return next(line.value for line in judged.checklist if line.item == item)


def test_once_the_problem_is_over_only_its_cause_may_need_more() -> None:
    assert "question" in missing(FAULT)
    assert missing(FAULT, "recovered") == set()
    assert missing(FAULT, "recovered parked.rca") >= {"related_case", "occurred_at"}
    assert "workaround" not in missing(FAULT, "recovered parked.rca")


def test_the_state_of_a_solved_problem_is_not_that_of_an_earlier_mail() -> None:
    assert value("ongoing_state", judge(FAULT, "item.ongoing_state")) == "item.ongoing_state 1.0"
    assert value("ongoing_state", judge(FAULT, "item.ongoing_state", "recovered")) is None
    assert value("ongoing_state", judge(FAULT, "item.ongoing_state", "recovered item.ongoing_state")) is not None


def test_the_question_to_a_vendor_is_that_of_the_team_and_a_list_of_questions_is_kept() -> None:
    assert value("question", judge("item.question", FAULT, user_writes=0)) == "item.question 0.0"
    assert value("question", judge("item.question", "item.question", user_writes=0)) == "item.question 1.0"
    assert value("question", judge("item.question", "item.question", user_writes=1)) == "item.question 0.0"
    assert value("question", judge(f"{FAULT} item.question item.question")) == "item.question 0.2 item.question 0.3"


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
