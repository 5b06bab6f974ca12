"""The problem in a case's own words: the statement last offered or told, and the sentence that tells the matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailrules.apart import apart
from mailrules.engine.conditions import Hit
from mailrules.engine.mails import ConcludedMail, opens, ours
from mailrules.judgement import Problem, Reading
from mailrules.thread import RuleInput, Thread

_LONGEST = 400
_MOST_TOLD = 200
"""Different texts with which a vendor's offer is compared."""
_WHO = ("item.requester", "item.contact")
"""Items that say who is concerned, and nothing of the matter."""
_MATTER = ("item.symptom", "item.change_target", "item.question", "item.error_message", "act.report")
"""Meanings whose words tell the matter, those that say most of it first."""
_GREETING = re.compile(
    r"\s*(?:お疲れ|おつかれ|(?:いつも|平素)?(?:より)?(?:大変)?お世話|おはよう|こんにち|こんばん|はじめまして|初めまして"
    r"|(?:hi|hello|dear|good (?:morning|afternoon|evening|day))\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^\n。!?]+[。!?]*")
_SAYS = 16
"""Columns of a sentence that says something; greetings and names are shorter."""


def problem_of(concluded: Sequence[ConcludedMail]) -> Problem:
    """What a vendor last offered for agreement; before that, what our side tells (an inquiry to a vendor before a
    user's report). It drifts where a statement is about what nobody told before."""
    statements: list[tuple[str, str]] = []
    told: dict[str, None] = {}
    drift = inquired = False
    for one in concluded:
        turn = one.turn
        if one.offered:
            said = _joined(one.offered)
            drift = drift or (bool(told) and apart(said, "\n".join(told)))
            statements.append((said, turn.id))
            _tell(told, said)
        elif one.told and (not statements or (not inquired and _inquires(turn))):
            statements[:] = [(one.told[0].statement.quote[:_LONGEST], turn.id)]
            inquired = inquired or _inquires(turn)
        if ours(turn):
            items = (s.quote for s in one.reading.statements if s.meaning.startswith("item.") and s.meaning not in _WHO)
            _tell(told, turn.subject, *items)
    if not statements:
        first = next((one.turn for one in concluded if one.turn.subject), None)
        return Problem(first.subject, 1, False, first.id) if first is not None else Problem()
    return Problem(statements[-1][0], len(statements), drift, statements[-1][1])


def _tell(told: dict[str, None], *texts: str) -> None:
    """Add what was told, up to a bound: each offer is compared with all of it."""
    for text in texts:
        if len(told) < _MOST_TOLD:
            told.setdefault(text)


def excerpt_of(thread: Thread, readings: Sequence[Reading]) -> str:
    """The sentence that tells the matter, verbatim: what our side reports, else the first sentence that says much."""
    pairs = list(zip(thread, readings, strict=True))
    for turn, reading in [pair for pair in pairs if ours(pair[0])] or pairs:
        for meaning in _MATTER:
            quotes = [s.quote for s in reading.statements if s.meaning == meaning and s.quote and s.start >= 0]
            found = next((quote for quote in quotes if not _GREETING.match(quote)), None)
            if found is not None:
                return found[:_LONGEST]
        sentences = [told for match in _SENTENCE.finditer(turn.text[:4000]) if (told := match.group().strip())]
        telling = next((one for one in sentences if _columns(one) >= _SAYS and not _GREETING.match(one)), None)
        if telling or sentences:
            return (telling or sentences[0])[:_LONGEST]
    return ""


def _joined(hits: Sequence[Hit]) -> str:
    return " ".join(dict.fromkeys(hit.statement.quote for hit in hits))[:_LONGEST]


def _inquires(turn: RuleInput) -> bool:
    return turn.side == "team" and "vendor" in turn.towards and opens(turn)


def _columns(text: str) -> int:
    return sum(1 if char.isascii() else 2 for char in text)
