"""The second reading of a mail: the request that a language model gets, and the reading its answer becomes."""

from __future__ import annotations

from mailrules.engine import mails
from mailrules.engine.judge import Rules
from mailrules.judgement import Reading
from mailrules.reader import model_request
from mailrules.reader.model_answer import READER, Answer, check, join
from mailrules.reader.model_request import Request
from mailrules.reader.units import split_units
from mailrules.thread import RuleInput


def request_for(rules: Rules, turn: RuleInput) -> Request:
    """What a language model is asked about this mail."""
    text = mails.mail_text(turn)
    return model_request.request(text, split_units(text.text), rules.catalogue)


def checked(rules: Rules, turn: RuleInput, answer: str) -> Answer:
    """What is kept of the model's answer. Raises AnswerRefused."""
    return check(answer, request_for(rules, turn), mails.mail_text(turn), rules.catalogue)


def reading_of(rules: Rules, turn: RuleInput, answer: Answer, version: str) -> Reading:
    """The reading by the model's statements, with the normal forms that the embedded reader saw in the same words."""
    embedded = rules.read(turn)
    return rules.reading(turn, join(answer.statements, embedded.statements), READER, version)
