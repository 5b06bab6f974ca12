"""Adds requesters' answers to the readings of a case. The questions were asked by mail."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from mailrules.judgement import Reading
from mailrules.statement import Statement
from service.cases.facts.case_message import CaseMessage
from service.cases.replies import Asked, Reply, match

READER = "replies"  # reader name of statements that were found as the answer to a question


def with_replies(lines: Sequence[CaseMessage], asked: Sequence[Asked], quoted: Mapping[int, str]) -> list[CaseMessage]:
    """Return the messages, with answers added to replies to ``asked``. ``quoted``: message id → quoted text."""
    return [_answered(line, asked, quoted) for line in lines] if asked else list(lines)


def _answered(line: CaseMessage, asked: Sequence[Asked], quoted: Mapping[int, str]) -> CaseMessage:
    if line.turn.side != "requester" or line.turn.automatic is not None or line.node.origin != "delivered":
        return line
    before = [one for one in asked if one.at <= line.received_at and one.items]
    if not before:
        return line
    found = match(line.turn.text, quoted.get(line.id, ""), before[-1])
    reading = line.reading or Reading(turn=line.turn.id)
    told = [reply for reply in found if _adds(reply, reading)]
    if not told:
        return line
    meanings = {f"item.{reply.item}" for reply in told}
    kept = tuple(said for said in reading.statements if said.meaning not in meanings)
    statements = (*kept, *map(_statement, told))
    return replace(line, reading=msgspec.structs.replace(reading, statements=statements))


def _adds(reply: Reply, reading: Reading) -> bool:
    """Whether to add the answer: the reader found nothing for the item, or the answer names its question."""
    said = [one for one in reading.statements if one.meaning == f"item.{reply.item}" and one.state in ("value", "none")]
    inside = any(one.quote and one.quote in reply.words for one in said)
    return not said or (reply.explicit and not inside)  # the reader's normalised value of the same words is kept


def _statement(reply: Reply) -> Statement:
    return Statement(
        meaning=f"item.{reply.item}",
        state="value" if reply.known else "unknown",
        quote=reply.words,
        start=reply.start,
        end=reply.end,
        reader=READER,
    )
