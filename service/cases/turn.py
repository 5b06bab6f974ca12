"""Whose turn it is to act. Each mail of a case gives the turn to a side or leaves it unchanged.

==========================================  ==================================================================
mail                                        turn after it
==========================================  ==================================================================
automatic (receipt, absence, notification)  unchanged
vendor, automatic, states a case status     by that status (`desk.customer`, `desk.vendor`, `desk.closed`)
vendor: short, only a new case number       unchanged: a receipt, also if it is not marked as automatic
forged sender (DMARC failed)                unchanged
user: report, answer, another report        team
user or team: reminder or only thanks       unchanged
user or team: the problem is solved         nobody; resolved (closed if the team lets the vendor close)
team to vendor: solved, but asks for more   vendor; the case stays open
team to vendor                              vendor; team while a request of the vendor is open or refused
team to user: question or answer            user; unchanged if it only says that we are working on it
team to user: the vendor is slow            vendor; team while a request of the vendor is open
team, note that a ticket was opened         vendor
team, forwards a mail, not to the vendor    as for the forwarded mail
vendor: request, answer, proposal to close  team
vendor: progress, escalation, promise       vendor
vendor: the case was closed                 nobody; the case is closed
sodan: questions to a user                  user if it was the team's (in P1 and P2 only if a person sent them)
reply of another matter: this one is solved nobody; resolved
==========================================  ==================================================================

After a case is resolved, polite phrases of the vendor, automatic mail and thanks change nothing. A request, a new
report or news that the vendor continues to work reopens the case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from mailrules.judgement import Reading
from mailrules.thread import Side
from service.cases.asks import SOMETHING, Answers, Ledger
from service.cases.facts.case_message import CaseMessage
from service.cases.state import Ask, Setting, Status

UNDERWAY = timedelta(hours=1)  # mail that is received later than this after its Date is from an archive
RECEIPT_CHARS = 400  # longest text of a receipt; a longer mail whose content was not recognised goes to the team
_NOTHING = Reading()
Solved = tuple[datetime, str]  # (time, id of the message)
_CLOSING = frozenset(("confirm_close", SOMETHING))  # requests of a proposal to close: "… or tell us what is left"
_MERE_THANKS = ("act.thanks", "heard")  # statement types that a mail with only thanks may contain


@dataclass(slots=True)
class Course:
    """How the turn and the status of a case developed."""

    status: Status = "open"
    waiting_on: Side | None = None
    since: datetime | None = None
    last_turn: Side | None = None  # who had to act before the case was resolved
    moves: list[tuple[datetime, Side | None]] = field(default_factory=list)
    asks: tuple[Ask, ...] = ()
    numbers: set[tuple[str, str]] = field(default_factory=set)  # the vendors' case numbers stated so far


def follow(
    lines: Sequence[CaseMessage],
    answers: Answers,
    by_hand: Mapping[str, Setting] | None = None,
    asked: Sequence[datetime] = (),
    solved: Sequence[Solved] = (),
) -> Course:
    """Process the mails of a case, oldest first, and return how its turn developed.

    `answers`: whether a mail answers a request. `by_hand`: request id → state that a person set. When the last open
    request is answered by hand, the vendor has to act, as after a mail. `asked`: times at which sodan sent questions to
    the requester. If the team had to act then, the requester has to act. `solved`: news that the problem is solved,
    from replies that begin another matter and therefore are in other cases.
    """
    course, ledger = Course(), Ledger(answers)
    by_time = ((one.at, ask, one) for ask, one in (by_hand or {}).items() if one.at is not None)
    said = sorted(by_time, key=itemgetter(0, 1))
    waits, news = sorted(asked), sorted(solved)
    for line in lines:
        while said and said[0][0] <= line.node.at:
            _told(course, ledger, *said.pop(0))
        while waits and waits[0] < _arrival(line):
            _asked(course, waits.pop(0))
        while news and news[0][0] < line.node.at:
            _solved(course, ledger, *news.pop(0))
        _step(course, ledger, line)
    for one in said:
        _told(course, ledger, *one)
    for at in waits:
        _asked(course, at)
    for at, message in news:
        _solved(course, ledger, at, message)
    if not course.moves:  # only automatic mail: the team has to check the case, unless all mails are notifications
        if all(line.turn.automatic == "notification" for line in lines):
            course.waiting_on = None
        else:
            _move(course, lines[0], "team")
    course.asks = ledger.asks
    return course


def _arrival(line: CaseMessage) -> datetime:
    """Return when a mail arrived, for comparison with our own mails.

    This is the time of receipt, because Date depends on the author's clock and contains only whole seconds. Date is
    used if the mail was received before Date, or more than an hour after Date, which means that it is from an archive.
    """
    return line.received_at if timedelta() <= line.received_at - line.node.at < UNDERWAY else line.node.at


def _asked(course: Course, at: datetime) -> None:
    """Pass the turn to the requester because questions were sent."""
    if course.moves:
        _pass_on(course, at, "requester")


def _solved(course: Course, ledger: Ledger, at: datetime, message: str) -> None:
    if course.moves:
        ledger.record_solved(at, message)
        _settle(course, max(at, course.moves[-1][0]), "resolved")


def _told(course: Course, ledger: Ledger, at: datetime, ask: str, setting: Setting) -> None:
    settled = ledger.set_by_hand(ask, str(setting.value), at, setting.by or "somebody", setting.text or None)
    if settled and setting.value == "answered" and not ledger.open():
        _pass_on(course, at, "vendor")


def _pass_on(course: Course, at: datetime, side: Side) -> None:
    """Give the team's turn to another side."""
    if course.status == "open" and course.waiting_on == "team":
        course.waiting_on, course.since, course.last_turn = side, at, side
        course.moves.append((at, side))


def _step(course: Course, ledger: Ledger, line: CaseMessage) -> None:
    if line.node.forged:
        return  # a forged mail changes nothing
    reading = line.reading or _NOTHING
    brings_number = bool(course.moves) and not course.numbers.issuperset(line.node.stated)
    course.numbers.update(line.node.stated)
    if line.turn.automatic is not None and not _by_a_person(line, reading):
        if line.turn.side == "vendor" and "auto_ack" not in reading.acts:
            _by_state(course, line, reading)
    elif line.turn.side == "vendor":
        _vendor(course, ledger, line, reading, brings_number=brings_number)
    elif line.turn.side == "team":
        _team(course, ledger, line, reading)
    else:
        _user(course, ledger, line, reading)


def _by_a_person(line: CaseMessage, reading: Reading) -> bool:
    """Whether a person wrote a vendor's mail that is marked as automatic. True if the mail asks for something."""
    marked = line.turn.side == "vendor" and line.turn.automatic in ("auto_reply", "notification")
    return marked and bool(reading.asks) and "auto_ack" not in reading.acts


def state_told(reading: Reading) -> Side | str | None:
    """Return whose turn it is by the status in a notice: a side, `closed`, or None without a status."""
    for meaning, side in (("desk.vendor", "vendor"), ("desk.customer", "team"), ("desk.closed", "closed")):
        if reading.says(meaning):
            return side
    return None


def _by_state(course: Course, line: CaseMessage, reading: Reading) -> None:
    if not course.moves or course.status != "open":
        return
    state = state_told(reading)
    if state == "closed":
        _settle(course, line.node.at, "closed")
    elif state is not None:
        _move(course, line, "vendor" if state == "vendor" else "team")


def _is_receipt(line: CaseMessage, reading: Reading) -> bool:
    """Whether a vendor's mail only confirms that a message arrived. It is short, and nothing else was recognised."""
    tells = reading.acts or reading.asks or line.turn.files or reading.says("act.", "desk.")
    return not tells and len(line.turn.text) <= RECEIPT_CHARS


def _vendor(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading, *, brings_number: bool) -> None:
    acts = set(reading.acts)
    if acts == {"auto_ack"} or (brings_number and _is_receipt(line, reading)):
        return
    asks = ledger.record_asks(line)
    closes = reading.says("act.close", "desk.closed")
    settled = course.status != "open"
    if settled and not asks and not acts & {"progress", "escalated"}:
        if closes:
            course.status = "closed"
    elif asks and settled and "confirm_close" in (told := {a.what for a in ledger.open()}) and told <= _CLOSING:
        ledger.record_solved(line.node.at, line.turn.id)
    elif closes and not asks:
        ledger.record_closed(line)
        _settle(course, line.node.at, "closed")
    elif not asks and "scope_statement" not in acts and _goes_on(reading):
        _move(course, line, "vendor")
    else:
        _move(course, line, "team")


def _goes_on(reading: Reading) -> bool:
    """Whether the vendor will write next: it works on the case, escalated it or promised an update."""
    if "escalated" in reading.acts or reading.says("act.promise"):
        return True
    return "progress" in reading.acts and "answer" not in reading.acts


def _team(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts, towards = set(reading.acts), line.turn.towards
    to_vendor = "vendor" in towards
    handed_over = "give_logs" in acts and bool(line.node.stated)
    answered = ledger.record_answers(line) if to_vendor or handed_over or reading.says("act.elsewhere") else 0
    if "confirm_resolved" in acts and "reopen" not in acts:
        ledger.record_solved(line.node.at, line.turn.id)
        may_close = to_vendor and reading.says("act.close")
        _settle(course, line.node.at, "closed" if may_close else "resolved")
        if to_vendor and not may_close and ("ask" in acts or reading.parked):
            _move(course, line, "vendor")  # solved, but the vendor is asked for more: the cause, a refund
    elif to_vendor:
        _to_vendor(course, ledger, line, reading, answered)
    elif line.wrapper:
        return
    elif "requester" in towards:
        _to_user(course, ledger, line, reading)
    elif answered:
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    elif handed_over:
        _move(course, line, "vendor")  # also if addressed only to us: its case number shows who needs the logs
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
        # if the first mail is a status report, it asks nobody for anything: the team continues
        _move(course, line, "requester" if asks or course.moves else "team")


def _owes(ledger: Ledger, line: CaseMessage) -> bool:
    return any(ask.asked_at <= line.node.at for ask in ledger.open())


def _hints(reading: Reading, tone: str) -> bool:
    return any(found.value == tone for found in reading.tone)


def _only_thanks(reading: Reading) -> bool:
    """Whether the mail contains only thanks or an acknowledgement, so that nobody has to act."""
    return reading.says("act.thanks") and all(s.meaning in _MERE_THANKS for s in reading.statements)


def _user(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts = set(reading.acts)
    if "confirm_resolved" in acts and "reopen" not in acts and not line.turn.begins:
        ledger.record_solved(line.node.at, line.turn.id)
        _settle(course, line.node.at, "resolved")
    elif _leaves(course, line, reading, acts):
        return
    elif "vendor" in line.turn.towards:
        ledger.record_answers(line)
        _move(course, line, "team" if _owes(ledger, line) else "vendor")
    else:
        _move(course, line, "team")


def _leaves(course: Course, line: CaseMessage, reading: Reading, acts: set[str]) -> bool:
    """Whether a user's mail leaves the turn unchanged: a reminder, thanks, a stranger in a resolved case."""
    if line.turn.side == "unknown" and course.status != "open":
        return True
    return bool(course.moves) and "reopen" not in acts and ("chase" in acts or _only_thanks(reading))


def _move(course: Course, line: CaseMessage, side: Side) -> None:
    """Give the turn to `side` and reopen the case; `since` is unchanged if the side already has the turn."""
    course.status = "open"
    if course.waiting_on != side:
        at = max(line.node.at, course.moves[-1][0]) if course.moves else line.node.at
        course.waiting_on, course.since = side, at
        course.moves.append((at, side))
    course.last_turn = side


def _settle(course: Course, at: datetime, status: Status) -> None:
    if course.status == "closed" and status == "resolved":
        return
    course.status = status
    if course.waiting_on is not None or not course.moves:
        course.moves.append((at, None))
    course.waiting_on, course.since = None, None
