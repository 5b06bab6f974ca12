"""Whose turn it is, step by step: each mail of a case moves the turn, or leaves it, by who wrote it and what it says.

==========================================  ==================================================================
mail                                        turn after it
==========================================  ==================================================================
machine's (receipt, absence, notice)        as before
vendor's machine's that names a state       as the state says: "ご返信待ち" team, "in progress" vendor, "closed" nobody
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
==========================================  ==================================================================

After a resolution a vendor's courtesy, a machine's mail or thanks change nothing; a question, a new report or a promise
to go on opens the case again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mailrules.thread import Side
from service.case import phrases
from service.case.deskstate import told_state
from service.case.ledger import Ledger
from service.case.line import Line
from service.case.state import Ask, Setting, Status


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


def follow(lines: Sequence[Line], by_hand: Mapping[str, Setting] | None = None) -> Course:
    """Go through the mails of a case, oldest first. ``by_hand``: asks that a person says were answered elsewhere (by a
    portal, by phone), each at its time: with the last of them the turn is the vendor's, as after a mail."""
    course, ledger = Course(), Ledger()
    said = sorted(((one.at, ask, one) for ask, one in (by_hand or {}).items() if one.at is not None), key=_when)
    for line in lines:
        while said and said[0][0] <= line.node.at:
            _told(course, ledger, *said.pop(0))
        _step(course, ledger, line)
    for one in said:
        _told(course, ledger, *one)
    if not course.moves:  # only machines wrote: somebody of the team has to look, unless it is a mere notice
        first = lines[0]
        if all(line.turn.automatic == "notification" for line in lines):
            course.waiting_on = None
        else:
            _move(course, first, "team")
    course.asks = ledger.asks
    return course


def _when(told: tuple[datetime, str, Setting]) -> tuple[datetime, str]:
    return told[:2]


def _told(course: Course, ledger: Ledger, at: datetime, ask: str, setting: Setting) -> None:
    settled = ledger.told(ask, str(setting.value), at, setting.by or "somebody")
    if not settled or setting.value != "answered" or ledger.open():
        return
    if course.status == "open" and course.waiting_on == "team":
        course.waiting_on, course.since, course.last_turn = "vendor", at, "vendor"
        course.moves.append((at, "vendor"))


def _step(course: Course, ledger: Ledger, line: Line) -> None:
    if line.node.forged:
        return  # whoever wrote it: it moves nothing
    acts = set(line.reading.acts) if line.reading else set()
    if line.turn.automatic is not None and not _human_all_the_same(line, acts):
        if line.turn.side == "vendor" and not acts & {"auto_ack", "out_of_office"}:
            _by_state(course, line)
        return
    if line.turn.side == "vendor":
        _vendor(course, ledger, line, acts)
    elif line.turn.side == "team":
        _team(course, ledger, line, acts)
    else:
        _user(course, ledger, line, acts)


def _by_state(course: Course, line: Line) -> None:
    """A machine's notice that names the state at the vendor's desk: that state says whose turn it is."""
    if not course.moves or course.status != "open":
        return
    state = told_state(line.turn.text)
    if state == "closed":
        _settle(course, line, "closed")
    elif state is not None:
        _move(course, line, state)


def _human_all_the_same(line: Line, acts: set[str]) -> bool:
    """Ticket desks mark what their people write as a machine's too: a mail that asks for something is a person's."""
    if line.turn.side != "vendor" or line.turn.automatic not in ("auto_reply", "notification") or line.reading is None:
        return False
    return bool(line.reading.asks) and not acts & {"auto_ack", "out_of_office"}


def _vendor(course: Course, ledger: Ledger, line: Line, acts: set[str]) -> None:
    if acts == {"auto_ack"}:
        return
    asks = ledger.asked(line)
    settled = course.status != "open"
    if settled and not asks and not acts & {"progress", "escalated"}:
        if phrases.says_closed(line.turn.text):
            course.status = "closed"
        return
    if asks and settled and {a.what for a in ledger.open()} <= {"confirm_close"}:
        ledger.settled(line)
        return
    if not asks and phrases.says_case_closed(line.turn.text):
        ledger.closed(line)
        _settle(course, line, "closed")
    elif asks or "scope_statement" in acts:
        _move(course, line, "team")
    elif _goes_on(line, acts):
        _move(course, line, "vendor")
    elif "answer" in acts:
        _move(course, line, "team")
    elif phrases.says_closed(line.turn.text):
        _settle(course, line, "closed")
    else:
        _move(course, line, "team")


def _goes_on(line: Line, acts: set[str]) -> bool:
    """Whether the next word is the vendor's: it is at it, handed the case on or names the day it will write."""
    if "escalated" in acts or (line.reading is not None and line.reading.promises):
        return True
    return "progress" in acts and "answer" not in acts


def _team(course: Course, ledger: Ledger, line: Line, acts: set[str]) -> None:
    text, towards = line.turn.text, line.turn.towards
    to_vendor = "vendor" in towards
    handed_over = "give_logs" in acts and bool(line.node.stated)
    answered = ledger.answered(line) if to_vendor or handed_over or phrases.answered_elsewhere(text) else 0
    if "confirm_resolved" in acts and "reopen" not in acts:
        ledger.settled(line)
        may_close = to_vendor and phrases.says_may_close(text)
        _settle(course, line, "closed" if may_close else "resolved")
        if to_vendor and not may_close and _asks_on(line, acts):
            _move(course, line, "vendor")
    elif line.wrapper:
        return
    elif to_vendor:
        if course.status != "open" and phrases.only_thanks(text):
            return
        if "chase" in acts and not answered and course.waiting_on is not None and not acts & {"report", "give_logs"}:
            return
        _move(course, line, "team" if _owes(ledger, line) or _refuses(line) else "vendor")
    elif "requester" in towards:
        if phrases.only_thanks(text) or phrases.only_says_wait(text):
            if course.waiting_on is None and course.status == "open":
                _move(course, line, "team")
            return
        if _blames_vendor(line) and (course.moves or not line.turn.subject_is_new):
            _move(course, line, "team" if _owes(ledger, line) else "vendor")
            return
        asks = "ask" in acts or phrases.asks_something(text)
        if course.waiting_on == "vendor" and not asks:
            return
        # a report of how things stand, with nothing before it, asks nobody for anything: we go on
        _move(course, line, "requester" if asks or course.moves else "team")
    elif answered:
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    elif handed_over:
        _move(course, line, "vendor")  # to whom else, under the vendor's number, though only we are addressed
    elif not course.moves or "report" in acts or "reopen" in acts:
        raised = phrases.says_ticket_raised(line.turn.subject) or phrases.says_ticket_raised(text)
        _move(course, line, "vendor" if raised else "team")


def _asks_on(line: Line, acts: set[str]) -> bool:
    """It works again, and the vendor is asked for more: the cause on paper, a reduction, how to go on."""
    return "ask" in acts or bool(line.reading and line.reading.parked)


def _owes(ledger: Ledger, line: Line) -> bool:
    return any(ask.asked_at <= line.node.at for ask in ledger.open())


def _refuses(line: Line) -> bool:
    """What was refused was asked, even where the mail that asked never reached us: it stays with us (DOMAIN 5)."""
    return line.reading is not None and any(found.value == "refuse_logs" for found in line.reading.tone)


def _blames_vendor(line: Line) -> bool:
    """Users are told that it is the vendor who keeps them waiting: then it is the vendor's turn, kindly put or not."""
    return line.reading is not None and any(found.value == "blame_vendor_slow" for found in line.reading.tone)


def _user(course: Course, ledger: Ledger, line: Line, acts: set[str]) -> None:
    if "confirm_resolved" in acts and "reopen" not in acts:
        ledger.settled(line)
        _settle(course, line, "resolved")
        return
    if course.moves and ("chase" in acts or phrases.only_thanks(line.turn.text)) and "reopen" not in acts:
        return
    if line.turn.side == "unknown" and course.status != "open":
        return
    if "vendor" in line.turn.towards:
        ledger.answered(line)
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
        return
    _move(course, line, "team")


def _move(course: Course, line: Line, side: Side) -> None:
    """Give the turn; ``since`` stays where the same side keeps it."""
    if course.status != "open":
        course.status = "open"
    if course.waiting_on != side:
        course.waiting_on, course.since = side, line.node.at
        course.moves.append((line.node.at, side))
    course.last_turn = side


def _settle(course: Course, line: Line, status: Status) -> None:
    if course.status == "closed" and status == "resolved":
        return
    course.status = status
    if course.waiting_on is not None or not course.moves:
        course.moves.append((line.node.at, None))
    course.waiting_on, course.since = None, None
