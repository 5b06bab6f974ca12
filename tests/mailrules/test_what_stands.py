"""Which of several mails' words stand for the case: of each item, of the problem, and for a priority."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailrules.judge import Rules
from mailrules.judgement import ItemState
from mailrules.library import load
from mailrules.thread import Side, Turn

INQUIRY = """Product: ExampleDesk 9.2
Environment: production
Since: 2031-03-04 08:37 JST, still going on
Error: ED-4410 store is locked
Effect: nobody at our 46 branches can enter an order
Changed: update 9.2 went in on Sunday night
"""


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load()


def turn(id: str, side: Side, text: str, to: Side = "vendor", subject: str = "", *, new: bool = False) -> Turn:
    return Turn(
        id=id, side=side, author=f"{side}@lab.test", text=text, subject=subject, subject_is_new=new,
        language="en", towards=frozenset((to,)), vendor="acme" if to == "vendor" else None,
    )  # fmt: skip


def lines(rules: Rules, *thread: Turn) -> dict[str, ItemState]:
    return {line.item: line for line in rules.judge(thread).checklist}


def test_what_the_inquiry_states_stays_where_a_later_mail_speaks_in_passing(rules: Rules) -> None:
    inquiry = turn("1", "team", INQUIRY, subject="Orders cannot be entered", new=True)
    passing = turn("2", "team", "The trace files of db-01 are in your drop since 09:48, error ED-1 is no concern.")
    told = lines(rules, inquiry, passing)
    assert {told[item].turn for item in ("occurred_at", "environment", "error_message")} == {"1"}
    inside = turn("2", "team", "The counter in hall 4 stopped at 09:48.", "requester")
    assert lines(rules, inquiry, inside)["occurred_at"].turn == "1"


def test_what_the_vendor_asks_for_again_is_told_by_the_answer(rules: Rules) -> None:
    inquiry = turn("1", "team", INQUIRY, subject="Orders cannot be entered", new=True)
    ask = turn("2", "vendor", "Could you tell us exactly when it started?", "team")
    answer = turn("3", "team", "It started at 08:31 on 4 March.")
    assert [one.what for one in rules.read(ask).asks] == ["info:occurred_at"]
    assert lines(rules, inquiry, ask, answer)["occurred_at"].turn == "3"
    assert lines(rules, inquiry, answer)["occurred_at"].turn == "1"


def test_once_it_is_over_no_later_mail_tells_the_trouble_anew_until_it_comes_back(rules: Rules) -> None:
    first = turn("1", "requester", "The order portal fails since 9:05 with error ED-4410.", "team")
    over = turn("2", "requester", "It works again, thank you!", "team")
    after = turn("3", "team", "The trace has been running since 19:30, error ED-1 is harmless.", "requester")
    assert lines(rules, first, over, after)["occurred_at"].turn == "1"
    back = turn("3", "requester", "It is back: the order portal fails again since 10:15.", "team")
    assert "reopen" in rules.read(back).acts
    assert lines(rules, first, over, back)["occurred_at"].turn == "3"


def test_the_problem_is_told_by_the_subject_of_our_inquiry_rather_than_by_the_users(rules: Rules) -> None:
    first = turn("1", "requester", "Nothing works.", "team", "help!", new=True)
    ours = turn("2", "team", "The order portal fails for all.", subject="ED-4410 on saving orders", new=True)
    problem = rules.judge((first, ours)).problem
    assert (problem.statement, problem.version, problem.drift) == ("ED-4410 on saving orders", 1, False)
    reply = replace(ours, subject_is_new=False)
    assert rules.judge((first, reply)).problem.statement == "help!"
    scope = turn("3", "vendor", "Problem definition: saving an order fails with ED-4410.", "team")
    agreed = rules.judge((first, ours, scope, replace(ours, id="4", subject="Another question"))).problem
    assert (agreed.statement, agreed.version) == ("saving an order fails with ED-4410.", 2)


def test_a_reply_about_something_else_is_told_by_its_own_words(rules: Rules) -> None:
    text = "On a different topic: our May invoice from you lists 31 seats and we have 28. What are the others?"
    reply = turn("1", "team", text, subject="Re: guests in one channel")
    assert rules.read(reply).topic == "Re: guests in one channel"
    begun = rules.read(replace(reply, begins=True)).topic
    assert begun.endswith("our May invoice from you lists 31 seats and we have 28.")


def test_a_priority_lowered_by_our_yes_rests_on_those_words(rules: Rules) -> None:
    first = turn("1", "requester", "The order portal fails for all 46 of us.", "team")
    yes = turn("2", "requester", "Hello, all fixed, please close it.", "team")
    detail = rules.judge((first, yes)).priority
    assert detail.level == "P4"
    assert detail.evidence[-1].rule == "act.ours.confirm_resolved"
    assert "fixed" in detail.evidence[-1].quote


def test_a_value_on_the_line_below_its_label_is_quoted_from_there(rules: Rules) -> None:
    text = "Hello.\n\nProblem definition:\nThe scanner of plant 2 prints nothing.\nScope:\n  Scanner \uff12 only.\n"
    looked = rules.reader.look(turn("1", "vendor", text))
    spans = [looked.sheet.span(unit.start, unit.end) for unit in looked.sheet.units if unit.where == "label"]
    assert [text[low:high] for low, high in spans] == ["The scanner of plant 2 prints nothing.", "Scanner \uff12 only."]


def test_a_question_that_says_nothing_by_itself_does_not_stand_for_one_that_does(rules: Rules) -> None:
    first = turn("1", "team", "How can two plants share one licence of ExampleDesk?", subject="Licences", new=True)
    second = turn("2", "team", "Some more on the other plant. Which is it?")
    assert lines(rules, first, second)["question"].turn == "1"
    full = turn("3", "team", "Where do we enter the licence of plant 2?")
    assert lines(rules, first, second, full)["question"].turn == "3"


def test_words_quoted_over_the_end_of_a_line_stay_one_sentence(rules: Rules) -> None:
    text = (
        'Since 11:30 today files above 150 MB stop at 60 % with "Upload failed.\nPlease try again." in our shared'
        " folder. It happens every time.\n"
    )
    units = rules.reader.look(turn("1", "team", text)).sheet
    said = [units.text[unit.start : unit.end] for unit in units.units]
    assert said[-1] == "It happens every time."
    assert len(said) == 2
    apart = 'The label of that button says "Upload" in all of our browsers here.\nPlease try again.'
    assert len(rules.reader.look(turn("1", "team", apart)).sheet.units) == 2
