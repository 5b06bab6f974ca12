"""Whose turn it is to act. Each mail of a case gives the turn to a side or leaves it unchanged.

==========================================  ==================================================================
mail                                        turn after it
==========================================  ==================================================================
automatic (receipt, absence, notification)  unchanged
vendor, automatic, states a case status     by that status (`desk.customer`, `desk.vendor`, `desk.closed`)
forged sender (DMARC failed)                unchanged
user or team: only thanks, or a reminder    unchanged; after a reminder by the user who has to act: team
user or team: the problem is solved         nobody; resolved (closed if the team lets the vendor close), except if the
                                            words of the mail name a side that has to act
team to vendor: solved, but asks for more   vendor; the case stays open
our side answers some numbered questions    team
team, forwards a mail, not to the vendor    as for the forwarded mail, except if its words say that a user has to
                                            act
vendor: the case was closed                 nobody; the case is closed
unknown sender: by its words nobody         team
every other mail of a person                who has to act next by its words (`Reading.next_side`)
the same, its words do not tell             by side: user → team; team → the addressee; vendor → team
sodan: questions to a user                  user if it was the team's (in P1 and P2 only if a person sent them)
reply of another matter: this one is solved nobody; resolved
==========================================  ==================================================================

After a case is resolved, polite phrases of the vendor, automatic mail and thanks change nothing. A request, a new
report or news that the vendor continues to work reopens the case. If the words of a user or of the team say that nobody
has to act, the case is resolved; the first mail of a case, such as a notice, leaves it open without a turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter

from mailrules.judgement import Reading
from mailrules.statement import NextSide
from mailrules.thread import Side
from service.cases.asks import SOMETHING, Answers, Ledger
from service.cases.facts.case_message import CaseMessage
from service.cases.state import Ask, Setting, Status

UNDERWAY = timedelta(hours=1)  # mail that is received later than this after its Date is from an archive
_NOTHING = Reading()
Solved = tuple[datetime, str]  # (time, id of the message)
_CLOSING = frozenset(("confirm_close", SOMETHING))  # requests of a proposal to close: "… or tell us what is left"
_MERE_THANKS = ("act.thanks", "heard", "kind.", "impact.", "urgency.")  # a mail with only thanks has nothing else


@dataclass(slots=True)
class Course:
    """How the turn and the status of a case developed."""

    status: Status = "open"
    waiting_on: Side | None = None
    since: datetime | None = None
    last_turn: Side | None = None  # who had to act before the case was resolved
    moves: list[tuple[datetime, Side | None]] = field(default_factory=list)
    asks: tuple[Ask, ...] = ()


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
    if line.turn.automatic is not None and not _by_a_person(line, reading):
        if line.turn.side == "vendor" and "auto_ack" not in reading.acts:
            _by_state(course, line, reading)
    elif line.turn.side == "vendor":
        _vendor(course, ledger, line, reading)
    else:
        _ours(course, ledger, line, reading)


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


def _vendor(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts = set(reading.acts)
    if acts == {"auto_ack"}:
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
    else:
        said = _next(line, "vendor" if not asks and _goes_on(reading) else "team")
        _give(course, line, "team" if asks and said == "nobody" else said)


def _goes_on(reading: Reading) -> bool:
    """Whether the vendor will write next, by its acts: for readings that do not say who has to act next."""
    if "escalated" in reading.acts or reading.says("act.promise"):
        return True
    return "progress" in reading.acts and "answer" not in reading.acts


def _ours(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts, to_vendor, by_team = set(reading.acts), "vendor" in line.turn.towards, line.turn.side == "team"
    stranger, back = line.turn.side == "unknown", "reopen" in acts
    goes_on = reading.next_side not in (None, "nobody")  # by its words, somebody has to act
    if stranger and course.status != "open":
        return
    answered = 0
    if to_vendor or (by_team and (_hands_over(line, reading) or reading.says("act.elsewhere"))):
        answered = ledger.record_answers(line)
    if to_vendor or answered:
        said = _next(line, "team" if ledger.open() else "vendor")
    else:
        said = _next(line, "requester" if by_team and course.moves else "team")
    their_turn = line.turn.side == course.waiting_on == "requester"
    to_user = reading.next_side == "requester" and "requester" in line.turn.towards and course.status == "open"
    forwards = by_team and line.wrapper and not (to_vendor or to_user)
    thanks = _only_thanks(reading)
    confirms = "confirm_resolved" in acts and not (back or line.turn.begins)
    over = said == "nobody" and course.moves and not (stranger or forwards or thanks or back or line.turn.begins)
    again = course.status != "open" and "ask" not in acts
    if confirms or over:
        ledger.record_solved(line.node.at, line.turn.id)
    if over or (confirms and (again or not goes_on)):
        may_close = to_vendor and reading.says("act.close")
        _settle(course, line.node.at, "closed" if may_close else "resolved")
        if by_team and to_vendor and not may_close and ("ask" in acts or reading.parked):
            _move(course, line, "vendor")  # solved, but the vendor is asked for more: the cause, a refund
    elif "chase" in acts and their_turn:
        _move(course, line, "team")
    elif forwards or (course.moves and not back and (thanks or ("chase" in acts and not confirms))):
        return
    elif answered and line.by_number and ledger.open():
        _move(course, line, "team")
    else:
        wanted = back or line.turn.begins or (stranger and course.moves)  # then somebody has to act
        _give(course, line, "team" if said == "nobody" and wanted else said)


def _hands_over(line: CaseMessage, reading: Reading) -> bool:
    """Whether a mail brings logs for a case number: the vendor gets them, even if the mail is addressed only to us."""
    return "give_logs" in reading.acts and bool(line.node.stated)


def _next(line: CaseMessage, otherwise: NextSide) -> NextSide:
    """Return who has to act after a mail of a person, by its words; `otherwise` if its reader does not tell."""
    said = line.reading.next_side if line.reading else None
    return said or otherwise


def _give(course: Course, line: CaseMessage, said: NextSide) -> None:
    """Give the turn to a side. If nobody has to act, the case stays open, but waits for nobody."""
    if said != "nobody":
        _move(course, line, said)
    elif course.status == "open" and (course.waiting_on is not None or not course.moves):
        course.moves.append((max(line.node.at, course.moves[-1][0]) if course.moves else line.node.at, None))
        course.waiting_on, course.since = None, None


def _only_thanks(reading: Reading) -> bool:
    """Whether the mail contains only thanks or an acknowledgement, so that nobody has to act."""
    return reading.says("act.thanks") and all(s.meaning.startswith(_MERE_THANKS) for s in reading.statements)


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
