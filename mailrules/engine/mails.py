"""Converts a mail of a thread into the input of readers (its text) and of rules (its facts)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from mailrules.engine.conditions import Hit, View
from mailrules.judgement import Finding, Reading
from mailrules.statement import UNSURE, MailText, Statement
from mailrules.thread import RuleInput, Thread

SENTENCE = re.compile(r"[^\n。!?]+[。!?]*")
_IMPACT = ("impact.", "urgency.", "security")
OF_EARLIER = ("act.thanks", "act.confirm_resolved", "act.close", "recovered")  # in a reply that begins another matter


def mail_text(turn: RuleInput) -> MailText:
    """Return the input of a reader for this mail."""
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
    """Return the side to which a mail is addressed; "" if unknown.

    Of several sides, a vendor takes precedence, then a requester, then the team. If no side is known, the mail of a
    user is addressed to the team, because it reached sodan. A vendor's mail is always addressed to the team.
    """
    if turn.side == "vendor":
        return "team"
    otherwise = "" if turn.side == "team" else "team"
    return next((side for side in ("vendor", "requester", "team") if side in turn.towards), otherwise)


def opens(turn: RuleInput) -> bool:
    """Whether a mail starts a new topic."""
    return turn.subject_is_new or turn.begins


def ours(turn: RuleInput) -> bool:
    """Whether a person who is not from a vendor wrote the mail."""
    return turn.side != "vendor" and turn.automatic is None


@dataclass(frozen=True, slots=True)
class ConcludedMail:
    """A mail, and the conclusions of the rules for this mail alone."""

    turn: RuleInput
    reading: Reading  # includes the conclusions
    view: View
    replaces: tuple[tuple[frozenset[str], frozenset[str]], ...]
    """Meanings that this mail states, and those whose earlier statements they make obsolete."""
    doubts: bool  # whether its unsure statements about the impact count if it is not the first mail
    remark: bool  # whether it forwards another mail, and its own text ("FYI") states nothing about the matter
    offered: tuple[Hit, ...]  # statements in which a vendor proposes a problem statement
    described: tuple[Hit, ...]  # statements in which our side describes the problem


def view_of(turn: RuleInput, reading: Reading) -> View:
    """Return the input of the rules for one mail: its statements and facts, without other mails of the case."""
    facts = {
        "side": turn.side,
        "to": addressee(turn),
        "opens": opens(turn),
        "automatic": turn.automatic or "",
        "language": turn.language,
        "vendor": turn.vendor or reading.vendor or "",
        "files": sum(not file.inline and not file.content_type.startswith("message/") for file in turn.files),
        "messages": 1,
    }
    return View(tuple(Hit(turn.id, s) for s in reading.statements), facts)


def opener(thread: Thread) -> RuleInput:
    """Return the first mail written by a person; if there is none, the first mail."""
    return next((turn for turn in thread if turn.automatic is None), thread[0])


def finding(rule: str, pack: str, said: Statement, value: str | None = None, turn: str = "") -> Finding:
    """Return a finding for a rule that fired on a statement. `value`: by default that of the statement."""
    told = said.value or said.meaning if value is None else value
    return Finding(rule, pack, said.quote, said.start, said.end, told, turn)


def findings_of_case(concluded: Sequence[ConcludedMail], name: Literal["tone", "parked"]) -> tuple[Finding, ...]:
    """Return the tone hints or parked topics of all mails, each with the id of its mail."""
    readings = ((one.turn.id, getattr(one.reading, name)) for one in concluded)
    return tuple(structs.replace(found, turn=id) for id, findings in readings for found in findings)


def valid_statements(concluded: Sequence[ConcludedMail]) -> tuple[Hit, ...]:
    """Return the statements of a case that are valid after its last mail, oldest first.

    `rules/standing.yaml` defines which earlier statements a later mail replaces, and in which later mails unsure
    statements about the impact count. If any mail states the impact for certain, an unsure statement about the impact
    counts neither in that mail or an earlier one, nor in mail of the team. Statements about `security` are not
    affected. A replaced statement replaces no other statement: after "it works" and then "it failed again", the urgency
    of the first mail is valid again.
    """
    kept: list[Hit] = []
    replaced: set[str] = set()
    first, *later = counted_mails(concluded)
    stating = [one for one in (first, *later) if one.reading.says("impact.", states=("value",))]
    known = False  # whether this mail or a later one states the impact
    for one in (*reversed(later), first):
        known = known or one in stating
        settled = known or (stating and one.turn.side == "team")
        for hit in reversed(one.view.hits):
            said = hit.statement
            is_doubt = said.state == UNSURE and said.meaning.startswith(_IMPACT)
            counts = (one is first or one.doubts) and (said.meaning == "security" or not settled)
            is_earlier = one.turn.begins and not one.turn.subject_is_new and said.meaning in OF_EARLIER
            if said.meaning not in replaced and (counts or not is_doubt) and not is_earlier:
                kept.append(hit)
        replaced = replaced.union(*(gone for said, gone in one.replaces if not said <= replaced))
    return tuple(reversed(kept))


def informative_mails(concluded: Sequence[ConcludedMail]) -> Sequence[ConcludedMail]:
    """Return the mails without mere remarks above forwarded mails. Returns all if there are only remarks."""
    return [one for one in concluded if not one.remark] or concluded


def counted_mails(concluded: Sequence[ConcludedMail]) -> Sequence[ConcludedMail]:
    """Return the mails that count for the case: of our people, otherwise of any person. Returns all if no person wrote.

    If our side wrote only remarks above forwarded mails, the forwarded mails count too.
    """
    own = [one for one in concluded if ours(one.turn)]
    people = [one for one in concluded if one.turn.automatic is None]
    return next((group for group in (own, people) if not all(one.remark for one in group)), concluded)
