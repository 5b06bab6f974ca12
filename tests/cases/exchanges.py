"""Mails of small exchanges: given by their statements, as any reader would find them, or read from their text."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.statement import NEXT_SIDES, NextSide, Statement
from mailrules.thread import File, RuleInput, Side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.turn import Course, follow

UTC0 = datetime(2031, 5, 12, 0, 0, tzinfo=UTC)
RULES = load()
Draft = Callable[[int], CaseMessage]  # makes the mail of this number, written so many hours after the start


def line(
    number: int,
    side: Side,
    *says: str,
    to: Sequence[Side] = (),
    files: Sequence[str] = (),
    then: NextSide | None = None,
    facts: dict[str, Any] | None = None,
    reads: dict[str, Any] | None = None,
    **turn: Any,
) -> CaseMessage:
    """Return a mail that says these meanings (``item.logs=pending``: with a state).

    ``then``: who has to act next by its words; without it, the reader does not tell. ``facts``, ``reads``, ``turn``:
    more fields of the facts, the reading and the input of the rules.
    """
    at, author = UTC0 + timedelta(hours=number), f"{side}@x.test"
    attached = tuple(File(name, "text/plain", 9) for name in files)
    fields: dict[str, Any] = {"text": " ".join(says), "subject_is_new": number == 0, "files": attached} | turn
    given = RuleInput(str(number), side, author, date=at, towards=frozenset(to), **fields)
    statements = []
    for place, one in enumerate(says):
        meaning, _, state = one.partition("=")
        statements.append(Statement(meaning, state or "value", f"{one} of {number}", place * 40, place * 40 + 30))
    scores = tuple(0.0 if one == then else -6.0 for one in NEXT_SIDES) if then else ()
    reading = Reading(statements=tuple(statements), next_scores=scores)
    recipients = tuple(f"{one}@x.test" for one in to)
    node = MessageFacts(number, at, author=author, side=side, to=recipients, automatic=given.automatic)
    reading = msgspec.structs.replace(RULES.conclude(given, reading).reading, **(reads or {}))
    return CaseMessage(number, node.evolve(**(facts or {})), given, at, reading)


def writes(side: Side, *to: Side) -> Callable[..., Draft]:
    """Return a function that drafts mails of a side: its arguments are those of ``line``."""
    return lambda *says, **more: lambda number: line(number, side, *says, to=to, **more)


user, stranger, vendor = writes("requester", "team"), writes("unknown", "team"), writes("vendor", "team")
note, inquire, reply = writes("team"), writes("team", "vendor"), writes("team", "requester")


def written(number: int, mail: str) -> CaseMessage:
    """Return a mail as the embedded reader reads it: ``user: It works.``

    ``user`` and ``vendor`` write to the team, ``team`` to the vendor, ``reply`` (of the team) and ``asks user`` (of the
    vendor) to the user, and ``direct`` (of a user) to the vendor.
    """
    side, _, text = mail.partition(": ")
    drafts = {"user": user, "team": inquire, "vendor": vendor, "reply": reply, "direct": writes("requester", "vendor")}
    drafts["asks user"] = writes("vendor", "requester")
    made = drafts[side](text=text, language="en" if text.isascii() else "ja", is_reply=number > 0)(number)
    return replace(made, reading=RULES.read(made.turn))


REPORTS = user("act.report", "item.symptom")
INQUIRES = inquire("act.report", "item.symptom", "item.question")
ASKS_LOGS = vendor("ask.logs")
ASKS_LOGS_AND_SLOT = vendor("ask.logs", "ask.time_slot")
OPENING, INQUIRY, LOGS_AND_SLOT = REPORTS(0), INQUIRES(1), ASKS_LOGS_AND_SLOT(2)


def course(*drafts: Draft, **more: Any) -> Course:
    return follow([draft(number) for number, draft in enumerate(drafts)], RULES.answers_ask, **more)


def outcome(told: Course) -> str | None:
    """Return who has to act next, or the status of a case that is not open."""
    assert told.status == "open" or told.waiting_on is None
    return told.waiting_on if told.status == "open" else told.status


def states(told: Course) -> str:
    return ", ".join(f"{ask.what} {ask.state}" for ask in told.asks)
