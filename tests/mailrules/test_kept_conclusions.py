"""What the rules conclude from one mail is kept for the next judgement of its case."""

from dataclasses import replace

from mailrules.engine.judge import KEPT_TEXT
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput

RULES = load()

QUESTION = "Could you send us the log of the export service?"
TURN = RuleInput(id="7", side="vendor", author="support@acme.example", text=QUESTION, towards=frozenset({"team"}))
SAID = (Statement("ask.logs", "value", QUESTION, 0, len(QUESTION)),)


def test_a_mail_that_is_judged_again_is_not_concluded_again() -> None:
    reading = RULES.reading(TURN, SAID, "embedded", "1")
    assert RULES.conclude(TURN, reading) is RULES.conclude(replace(TURN), reading)


def test_another_side_is_another_mail() -> None:
    reading = RULES.reading(TURN, SAID, "embedded", "1")
    assert RULES.conclude(TURN, reading).reading.asks
    assert RULES.conclude(replace(TURN, side="team"), reading).reading.findings != reading.findings


def test_a_very_long_mail_is_concluded_each_time_and_holds_no_memory() -> None:
    turn = replace(TURN, text=QUESTION + "x" * KEPT_TEXT)
    reading = RULES.reading(turn, SAID, "embedded", "1")
    first, second = RULES.conclude(turn, reading), RULES.conclude(turn, reading)
    assert first == second
    assert first is not second
