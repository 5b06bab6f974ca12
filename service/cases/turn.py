"""Whose turn it is: each mail of a case moves the turn, or leaves it, by who wrote it and what is stated in it.

==========================================  ==================================================================
mail                                        turn after it
==========================================  ==================================================================
machine's (receipt, absence, notice)        as before
vendor's machine's that names a state       as the state says (`desk.customer`, `desk.vendor`, `desk.closed`)
sent under another's name (DMARC failed)    as before
user's: opens, answers, reports again       team
user's or team's: chases, only thanks       as before
user's or team's: it is settled             nobody; the case is resolved (closed, where the vendor may close)
team's to a vendor: settled, and asks on    vendor; the case stays open
team's to a vendor                          vendor; team, while something the vendor asked is owed or refused
team's to a user: asks, answers             user; as before, where it only says that we are at it
team's to a user: the vendor is slow        vendor; team, while something the vendor asked is owed
team's note that a ticket was raised        vendor
team's forward of a mail                    as that mail says
vendor's: asks, answers, proposes to close  team
vendor's: progress, escalation, a promise   vendor
vendor's: the case was closed               nobody; the case is closed
sodan's, with questions to a user           user, where it was the team's (not of itself in a P1 or P2)
==========================================  ==================================================================

After a resolution a vendor's courtesy, a machine's mail or thanks change nothing; a question, a new report or a promise
to go on opens the case again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailrules.judgement import Reading
from mailrules.thread import Side
from service.cases.asks import Answers, Ledger
from service.cases.facts.case_message import CaseMessage
from service.cases.state import Ask, Setting, Status

UNDERWAY = timedelta(hours=1)
"""Delivery and wrong clocks take less; what was received later comes from an archive."""
_NOTHING = Reading()
_MERE_THANKS = ("act.thanks", "heard")
"""Meanings that a mail of mere thanks may hold."""


@dataclass(slots=True)
class Course:
    """How a case went."""

    status: Status = "open"
    waiting_on: Side | None = None
    since: datetime | None = None
    last_turn: Side | None = None
    """Who had to act before it was settled."""
    moves: list[tuple[datetime, Side | None]] = field(default_factory=list)
    asks: tuple[Ask, ...] = ()


def follow(
    lines: Sequence[CaseMessage],
    answers: Answers,
    by_hand: Mapping[str, Setting] | None = None,
    asked: Sequence[datetime] = (),
) -> Course:
    """Go through the mails of a case, oldest first.

    `answers` tells which mail answers which ask. `by_hand`: asks that a person says were answered elsewhere, each at
    its time; with the last of them the turn is the vendor's, as after a mail. `asked`: when sodan sent the requester
    questions; from then on the turn is the requester's, where it was the team's.
    """
    course, ledger = Course(), Ledger(answers)
    said = sorted(((one.at, ask, one) for ask, one in (by_hand or {}).items() if one.at is not None), key=_when)
    waits = sorted(asked)
    for line in lines:
        while said and said[0][0] <= line.node.at:
            _told(course, ledger, *said.pop(0))
        while waits and waits[0] < _arrival(line):
            _asked(course, waits.pop(0))
        _step(course, ledger, line)
    for one in said:
        _told(course, ledger, *one)
    for at in waits:
        _asked(course, at)
    if not course.moves:  # only machines wrote: somebody of the team has to look, unless it is a mere notice
        if all(line.turn.automatic == "notification" for line in lines):
            course.waiting_on = None
        else:
            _move(course, lines[0], "team")
    course.asks = ledger.asks
    return course


def _arrival(line: CaseMessage) -> datetime:
    """When a mail came, to compare with our own mails: its Date knows whole seconds, and by its author's clock."""
    return line.received_at if timedelta() <= line.received_at - line.node.at < UNDERWAY else line.node.at


def _when(told: tuple[datetime, str, Setting]) -> tuple[datetime, str]:
    return told[:2]


def _asked(course: Course, at: datetime) -> None:
    """Questions were sent to the requester."""
    if course.status == "open" and course.waiting_on == "team" and course.moves:
        course.waiting_on, course.since, course.last_turn = "requester", at, "requester"
        course.moves.append((at, "requester"))


def _told(course: Course, ledger: Ledger, at: datetime, ask: str, setting: Setting) -> None:
    settled = ledger.told(ask, str(setting.value), at, setting.by or "somebody")
    if not settled or setting.value != "answered" or ledger.open():
        return
    if course.status == "open" and course.waiting_on == "team":
        course.waiting_on, course.since, course.last_turn = "vendor", at, "vendor"
        course.moves.append((at, "vendor"))


def _step(course: Course, ledger: Ledger, line: CaseMessage) -> None:
    if line.node.forged:
        return  # whoever wrote it: it moves nothing
    reading = line.reading or _NOTHING
    if line.turn.automatic is not None and not _by_a_person(line, reading):
        if line.turn.side == "vendor" and "auto_ack" not in reading.acts:
            _by_state(course, line, reading)
    elif line.turn.side == "vendor":
        _vendor(course, ledger, line, reading)
    elif line.turn.side == "team":
        _team(course, ledger, line, reading)
    else:
        _user(course, ledger, line, reading)


def _by_a_person(line: CaseMessage, reading: Reading) -> bool:
    """Ticket desks mark what their people write as automatic too: a mail that asks for something is a person's."""
    marked = line.turn.side == "vendor" and line.turn.automatic in ("auto_reply", "notification")
    return marked and bool(reading.asks) and "auto_ack" not in reading.acts


def state_told(reading: Reading) -> Side | str | None:
    """Whose turn it is by the state that a notice names; `closed`, or None where it names none."""
    for meaning, side in (("desk.vendor", "vendor"), ("desk.customer", "team"), ("desk.closed", "closed")):
        if reading.says(meaning):
            return side
    return None


def _by_state(course: Course, line: CaseMessage, reading: Reading) -> None:
    if not course.moves or course.status != "open":
        return
    state = state_told(reading)
    if state == "closed":
        _settle(course, line, "closed")
    elif state is not None:
        _move(course, line, "vendor" if state == "vendor" else "team")


def _vendor(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts = set(reading.acts)
    if acts == {"auto_ack"}:
        return
    asks = ledger.asked(line)
    closes = reading.says("act.close", "desk.closed")
    settled = course.status != "open"
    if settled and not asks and not acts & {"progress", "escalated"}:
        if closes:
            course.status = "closed"
    elif asks and settled and {a.what for a in ledger.open()} <= {"confirm_close"}:
        ledger.settled(line)
    elif closes and not asks:
        ledger.closed(line)
        _settle(course, line, "closed")
    elif not asks and "scope_statement" not in acts and _goes_on(reading):
        _move(course, line, "vendor")
    else:
        _move(course, line, "team")


def _goes_on(reading: Reading) -> bool:
    """Whether the next word is the vendor's: it is at it, handed the case on or names the day it will write."""
    if "escalated" in reading.acts or reading.says("act.promise"):
        return True
    return "progress" in reading.acts and "answer" not in reading.acts


def _team(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts, towards = set(reading.acts), line.turn.towards
    to_vendor = "vendor" in towards
    handed_over = "give_logs" in acts and bool(line.node.stated)
    answered = ledger.answered(line) if to_vendor or handed_over or reading.says("act.elsewhere") else 0
    if "confirm_resolved" in acts and "reopen" not in acts:
        ledger.settled(line)
        may_close = to_vendor and reading.says("act.close")
        _settle(course, line, "closed" if may_close else "resolved")
        if to_vendor and not may_close and ("ask" in acts or reading.parked):
            _move(course, line, "vendor")  # it works again, and more is asked of the vendor: the cause, a reduction
    elif line.wrapper:
        return
    elif to_vendor:
        _to_vendor(course, ledger, line, reading, answered)
    elif "requester" in towards:
        _to_user(course, ledger, line, reading)
    elif answered:
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    elif handed_over:
        _move(course, line, "vendor")  # to whom else, under the vendor's number, though only we are addressed
    elif not course.moves or acts & {"report", "reopen"}:
        _move(course, line, "vendor" if reading.says("act.raised") else "team")


def _to_vendor(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading, answered: int) -> None:
    acts = set(reading.acts)
    if course.status != "open" and _only_thanks(reading):
        return
    if "chase" in acts and not answered and course.waiting_on is not None and not acts & {"report", "give_logs"}:
        return
    _move(course, line, "team" if _owes(ledger, line) or _hints(reading, "refuse_logs") else "vendor")


def _to_user(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    asks = "ask" in reading.acts
    at_it = "progress" in reading.acts or reading.says("act.promise")
    if _only_thanks(reading) or (at_it and not asks and "answer" not in reading.acts):
        if course.waiting_on is None and course.status == "open":
            _move(course, line, "team")
    elif _hints(reading, "blame_vendor_slow") and (course.moves or not line.turn.subject_is_new):
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    elif course.waiting_on != "vendor" or asks:
        # a report of how things stand, with nothing before it, asks nobody for anything: we go on
        _move(course, line, "requester" if asks or course.moves else "team")


def _owes(ledger: Ledger, line: CaseMessage) -> bool:
    return any(ask.asked_at <= line.node.at for ask in ledger.open())


def _hints(reading: Reading, tone: str) -> bool:
    return any(found.value == tone for found in reading.tone)


def _only_thanks(reading: Reading) -> bool:
    """Mere thanks or receipt, with nothing to do in it."""
    return reading.says("act.thanks") and all(s.meaning in _MERE_THANKS for s in reading.statements)


def _user(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts = set(reading.acts)
    if "confirm_resolved" in acts and "reopen" not in acts:
        ledger.settled(line)
        _settle(course, line, "resolved")
    elif _leaves(course, line, reading, acts):
        return
    elif "vendor" in line.turn.towards:
        ledger.answered(line)
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    else:
        _move(course, line, "team")


def _leaves(course: Course, line: CaseMessage, reading: Reading, acts: set[str]) -> bool:
    """Whether a user's mail leaves the turn where it is: a reminder, thanks, a stranger's word after the end."""
    if line.turn.side == "unknown" and course.status != "open":
        return True
    return bool(course.moves) and "reopen" not in acts and ("chase" in acts or _only_thanks(reading))


def _move(course: Course, line: CaseMessage, side: Side) -> None:
    """Give the turn; `since` stays where the same side keeps it."""
    if course.status != "open":
        course.status = "open"
    if course.waiting_on != side:
        at = max(line.node.at, course.moves[-1][0]) if course.moves else line.node.at
        course.waiting_on, course.since = side, at
        course.moves.append((at, side))
    course.last_turn = side


def _settle(course: Course, line: CaseMessage, status: Status) -> None:
    if course.status == "closed" and status == "resolved":
        return
    course.status = status
    if course.waiting_on is not None or not course.moves:
        course.moves.append((line.node.at, None))
    course.waiting_on, course.since = None, None
