"""Finds the answers to questions of sodan and to numbered questions of people."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from mailrules.judgement import Reading
from mailrules.statement import Statement
from service.cases.asks import request_key
from service.cases.facts.case_message import CaseMessage
from service.cases.numbered_questions import NumberedList, answers_by_number, item_of, numbered_lists
from service.cases.replies import Asked, Reply, match

READER = "replies"  # reader name of statements that were found as the answer to a question


def with_replies(lines: Sequence[CaseMessage], asked: Sequence[Asked], quoted: Mapping[int, str]) -> list[CaseMessage]:
    """Return the messages with the answers that they give. ``lines``: oldest first.

    ``asked``: mails with questions of sodan. ``quoted``: message id → its quoted text, in which people write answers.
    """
    questions: dict[str, tuple[CaseMessage, NumberedList]] = {}  # side → its newest mail with numbered questions
    answered: list[CaseMessage] = []
    for line in lines:
        if line.turn.automatic is None and not line.node.forged:
            line = _answered(_numbered(line, questions, quoted.get(line.id, "")), asked, quoted)
            if (found := asks_by_number(line)) is not None:
                questions[line.turn.side] = line, found
        answered.append(line)
    return answered


def asks_by_number(line: CaseMessage) -> NumberedList | None:
    """Return the numbered questions in a mail of a vendor, or of the team to a requester.

    None if the mail has no such list, or several.
    """
    if line.turn.side == "vendor":
        starts = [ask.finding.start for ask in line.reading.asks]
        lists = [one for one in numbered_lists(line.turn.text) if any(one.number_at(start) for start in starts)]
    elif line.turn.side == "team" and "requester" in line.turn.towards:
        lists = [one for one in numbered_lists(line.turn.text) if any(map(item_of, one.entries))]
    else:
        return None
    return lists[0] if len(lists) == 1 else None


def _numbered(line: CaseMessage, questions: Mapping[str, tuple[CaseMessage, NumberedList]], quoted: str) -> CaseMessage:
    """Return the message with its answers to the newest numbered questions of its addressee."""
    side = line.turn.side
    to = "vendor" if "vendor" in line.turn.towards else "team" if side == "requester" else None
    if side == "vendor" or to is None or to not in questions:
        return line
    asking, listed = questions[to]
    answers = answers_by_number(listed, asking.turn.text, line.turn.text, quoted, line.reading)
    if not answers:
        return line
    items = {number: item_of(entry) for number, entry in enumerate(listed.entries, start=1)}
    if to == "vendor":
        places = [(ask, listed.number_at(ask.finding.start)) for ask in asking.reading.asks]
        keys = ((request_key(ask.what, ask.finding.quote), number) for ask, number in places if number)
        line = replace(line, by_number={key: answers.get(number) is not None for key, number in keys})
        sure = {(number, ask.what.removeprefix("info:")) for ask, number in places}
        items = {number: item for number, item in items.items() if (number, item) in sure}
    told = ((reply, items.get(number)) for number, reply in answers.items())
    return _with_items(line, [replace(reply, item=item) for reply, item in told if reply and item])


def _answered(line: CaseMessage, asked: Sequence[Asked], quoted: Mapping[int, str]) -> CaseMessage:
    """Return the message; a requester's reply to a mail of ``asked`` gets the answers."""
    if line.turn.side != "requester" or line.node.origin != "delivered":
        return line
    before = [one for one in asked if one.at <= line.received_at and one.items]
    return _with_items(line, match(line.turn.text, quoted.get(line.id, ""), before[-1])) if before else line


def _with_items(line: CaseMessage, replies: Iterable[Reply]) -> CaseMessage:
    added = [reply for reply in replies if _adds(reply, line.reading)]
    if not added:
        return line
    meanings = {f"item.{reply.item}" for reply in added}
    kept = tuple(said for said in line.reading.statements if said.meaning not in meanings)
    statements = (*kept, *map(_statement, added))
    return replace(line, reading=msgspec.structs.replace(line.reading, statements=statements))


def _adds(reply: Reply, reading: Reading) -> bool:
    """Whether to add this answer to the statements of the reader.

    It is added if the reader found no value for the item. An answer that stands beside its question or has its number
    is also added if the reader found its value elsewhere in the mail.
    """
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
