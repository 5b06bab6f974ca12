"""A mail of a thread as readers and rules see it: its text for a reader, its facts for rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailrules.engine.conditions import Hit, View
from mailrules.judgement import Finding, Reading
from mailrules.statement import MailText, Statement
from mailrules.thread import RuleInput, Thread

_MACHINES = ("notification", "bounce", "calendar")


def mail_text(turn: RuleInput) -> MailText:
    """What a reader gets of a mail."""
    return MailText(
        text=turn.text,
        subject=turn.subject if turn.subject_is_new else "",
        language=turn.language,
        side=turn.side,
        to=addressee(turn),
        opens=opens(turn),
        automatic=turn.automatic,
        files=tuple(file.filename for file in turn.files),
        written_at=turn.date,
    )


def addressee(turn: RuleInput) -> str:
    """Who a mail is written to: a vendor before a requester before the team; "" where nobody is known."""
    return next((side for side in ("vendor", "requester", "team") if side in turn.towards), "")


def opens(turn: RuleInput) -> bool:
    """Whether a mail opens a matter."""
    return turn.subject_is_new or turn.begins


def ours(turn: RuleInput) -> bool:
    """Whether a person of our side wrote it."""
    return turn.side != "vendor" and turn.automatic is None


def facts_of(turn: RuleInput, vendor: str | None) -> Mapping[str, Any]:
    """The facts that rules about one mail may read."""
    return {
        "side": turn.side,
        "to": addressee(turn),
        "opens": opens(turn),
        "automatic": turn.automatic or "",
        "language": turn.language,
        "vendor": vendor or "",
        "files": sum(not file.inline and not file.content_type.startswith("message/") for file in turn.files),
        "messages": 1,
        "due_soon": False,
        "towards": "",
    }


@dataclass(frozen=True, slots=True)
class ConcludedMail:
    """A mail and what the rules conclude from it alone."""

    turn: RuleInput
    reading: Reading
    """With its conclusions."""
    view: View
    replaces: frozenset[str]
    """Meanings of which earlier statements stand no more."""
    offered: tuple[Hit, ...]
    """Words in which a vendor states the problem for agreement."""
    told: tuple[Hit, ...]
    """Words in which our side tells the problem."""


def view_of(turn: RuleInput, reading: Reading) -> View:
    """One mail alone."""
    return View(tuple(Hit(turn.id, s) for s in reading.statements), facts_of(turn, turn.vendor or reading.vendor))


def opener(thread: Thread) -> RuleInput:
    """The first mail that a person wrote; the first of all where only machines wrote."""
    return next((turn for turn in thread if turn.automatic is None), thread[0])


def only_notices(thread: Thread) -> bool:
    """Whether machines alone wrote, and only to notify."""
    return all(turn.automatic in _MACHINES for turn in thread)


def finding(rule: str, pack: str, hit: Hit) -> Finding:
    """A rule that fired, with the words of a statement."""
    said: Statement = hit.statement
    return Finding(rule, pack, hit.mail, said.quote, said.start, said.end, said.value or said.meaning)
