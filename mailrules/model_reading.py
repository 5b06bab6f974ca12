"""Second reading of a mail by a language model: the request, and the use of its answer."""

import msgspec

from mailrules.engine import mails
from mailrules.engine.judge import Rules
from mailrules.judgement import Reading
from mailrules.reader import model_request
from mailrules.reader.model_answer import READER, Answer, check, join
from mailrules.reader.model_request import Request
from mailrules.thread import RuleInput


def request_for(rules: Rules, turn: RuleInput) -> Request:
    """Return the request to the language model for this mail."""
    return model_request.request(mails.mail_text(turn), rules.catalogue)


def checked_answer(rules: Rules, turn: RuleInput, answer: str) -> Answer:
    """Return the valid part of the model's answer. Raises AnswerRefused."""
    return check(answer, request_for(rules, turn), mails.mail_text(turn), rules.catalogue)


def reading_of(rules: Rules, turn: RuleInput, answer: Answer, version: str) -> Reading:
    """Return the reading made from the model's statements.

    Values (times, codes), who has to act next, and what the mail reports come from the embedded reader.
    """
    embedded = rules.read(turn)
    reading = rules.reading(turn, join(answer.statements, embedded.statements), READER, version)
    return msgspec.structs.replace(reading, next_scores=embedded.next_scores, report=embedded.report)
