"""A message found in a mail, and the facts that follow from the reading of the message."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from mailrules.judgement import UNREAD, Reading
from mailrules.statement import UNSURE
from mailrules.thread import RuleInput, Side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import NOTHING_LEARNED, LearnedRoles
from service.mail.message import Earlier, Mail

_PREVIOUS = re.compile(
    r"(?:前回|以前|過去|昨年|先月|先日|関連)(?:の|する)?(?:お問い?合わ?せ|ケース|案件|件|チケット)|(?:previous|earlier|former|past|related"
    r"|last (?:month|year)'s) (?:case|ticket|issue|request|sr)"
    r"|(?:nothing to do with|not (?:about|related to|part of)|unrelated to|separate from)"
    r" (?:\w{1,20} ){0,2}[#\w-]{0,20}\d"
    r"|\d[ ]?(?:の件)?とは(?:別|関係|無関係)",
    re.IGNORECASE,
)
"""Matches the mention of another case: an earlier or related one, or a number that the mail is not about."""


@dataclass(frozen=True, slots=True)
class ExtractedMessage:
    """One message found in a mail. ``source`` is the mail itself, or the ``Earlier`` found in it."""

    node: MessageFacts
    turn: RuleInput  # input for ``Rules.read``; until the message is stored, ``id`` is the position in the mail
    source: Mail | Earlier
    part: str  # empty for the mail itself, otherwise the position in the mail (``f0`` forwarded, ``h1`` quoted)
    sides: tuple[tuple[str, Side], ...]  # recipients as (address, side)
    forwarded_by: str | None = None
    learned: LearnedRoles = NOTHING_LEARNED  # team members and partners that follow from this mail
    reading: Reading = UNREAD
    as_vendor: RuleInput | None = None  # input to read it as a vendor's mail, if its words can show that it is one


_ANY = ("value", "partial", UNSURE)
Message = TypeVar("Message", ExtractedMessage, CaseMessage)


def read_message(message: ExtractedMessage, read: Callable[[RuleInput], Reading]) -> ExtractedMessage:
    """Return the message with its reading.

    The first mail of an unknown company is read as a vendor's mail if its words are a vendor's. This is not done if it
    may report a danger, an urgent matter or more than a low impact: if the author is one of our people after all, the
    mail must keep its priority.
    """
    reading = read(message.turn)
    serious = reading.says("impact.high", "impact.medium", "urgency.high") or reading.says("kind.security", states=_ANY)
    if message.as_vendor is not None and reading.vendor_author and not serious:
        message = replace(message, turn=replace(message.as_vendor, id=message.turn.id))
        reading = read(message.turn)
    return with_reading(message, reading)


def with_reading(message: Message, reading: Reading) -> Message:
    """Return the message with a reading and the facts that follow from it."""
    turn = message.turn
    node = _node_as_read(message.node, reading, turn)
    if (node.automatic, node.fresh) != (turn.automatic, turn.begins):
        turn = replace(turn, automatic=node.automatic, begins=node.fresh)
    return replace(message, node=node, turn=turn, reading=reading)


def _node_as_read(node: MessageFacts, reading: Reading, turn: RuleInput) -> MessageFacts:
    """Return the facts of a message, with the case numbers, vendor and kind of its reading."""
    stated = tuple(dict.fromkeys((r.vendor, r.ref) for r in reading.references if r.stated))
    mentioned = tuple(dict.fromkeys((r.vendor, r.ref) for r in reading.references if not r.stated))
    acts = set(reading.acts)
    automatic = node.automatic
    acknowledges = acts == {"auto_ack"} if automatic is None else automatic == "notification" and "auto_ack" in acts
    if turn.side == "vendor" and acknowledges:
        automatic = "auto_reply"
    return node.evolve(
        stated=stated,
        mentioned=tuple(pair for pair in mentioned if pair not in stated),
        vendor=node.vendor or reading.vendor,
        maker=None if node.vendor or reading.vendor else reading.maker,
        kind=reading.kind,
        fresh=reading.departs,
        continues=reading.continues,
        automatic=automatic,
        tells_previous=reading.says("item.related_case") or bool(_PREVIOUS.search(turn.text)),
    )
