"""The sentence that tells the matter: what happens, never a greeting."""

import pytest

from mailrules.engine.problem import excerpt_of
from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput
from tests.tables import table_beside

TABLES = table_beside(__file__, "excerpts.yaml")

RULES = load()


@pytest.mark.parametrize(("text", "said", "expected"), TABLES["mails"])
def test_the_matter_is_told_by_what_happens(text: str, said: list[tuple[str, str]], expected: int) -> None:
    turn = RuleInput(id="1", side="requester", author="a@corp.example", text=text, subject_is_new=True)
    statements = tuple(Statement(meaning, "value", quote, text.index(quote), 0) for meaning, quote in said)
    told = excerpt_of((turn,), (Reading(statements=statements),))
    assert told == text.split("\n")[expected]


def test_a_mail_that_only_greets_leaves_the_matter_to_the_next_one() -> None:
    greeting = RuleInput("1", "team", "it@corp.example", "Dear Sir or Madam,")
    handed = RuleInput("2", "vendor", "a@vendor.example", "The till needs a new drawer.")
    assert excerpt_of((greeting, handed), (Reading(), Reading())) == handed.text
    assert excerpt_of((greeting,), (Reading(),)) == greeting.text


@pytest.mark.parametrize(
    ("subject_is_new", "statement"),
    [(False, "Our trainee Jo Park starts on Monday and needs a login."), (True, "Re: Printer")],
)
def test_a_reply_that_begins_another_matter_states_it_in_its_own_words(subject_is_new: bool, statement: str) -> None:
    """Its subject, its thanks and its good news are about the earlier matter."""
    text = "It prints again, thanks a lot for that.\nOur trainee Jo Park starts on Monday and needs a login.\n"
    own = {"subject": "Re: Printer", "subject_is_new": subject_is_new, "begins": True}
    turn = RuleInput("1", "requester", "jo@corp.example", text, **own)  # type: ignore[arg-type]
    solved = Statement("act.confirm_resolved", "value", text.partition("\n")[0], 0, 39)
    judged = RULES.judge((turn,), (Reading(statements=(solved,)),))
    assert judged.problem.statement == statement
