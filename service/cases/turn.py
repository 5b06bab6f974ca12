"""Decides which side has the turn, that is, has to act next. Each mail of a case sets the turn or leaves it unchanged.

==========================================  ==================================================================
mail                                        turn after it
==========================================  ==================================================================
automatic (receipt, absence, notification)  unchanged
only notifications, a problem continues      team, or the vendor whose service fails
vendor: a notice that states a case status  by that status (`desk.customer`, `desk.vendor`, `desk.closed`)
forged sender (DMARC failed)                unchanged
user or stranger: a reminder                unchanged; the user's own turn → team
team, forwards a mail, not to the vendor    as after the forwarded mail, except if the forward asks a requester to act
                                            or says that the problem is solved
vendor: reports that it works again         team (to check it); nobody if the mail is the first of the case
our machine: a further alarm, or a recovery  unchanged
every other mail of a person                by the table of weights: by its words, by who wrote to whom, and by who
                                            had to act before (`words/turn.yaml`)
the same, without a score for its words     by side and acts; thanks change nothing
vendor: asks for something, nobody acts     team
vendor: names what it asks for              team, unless its words make it very unlikely that the team has to act
vendor: only an answer                      team, if the table gives the turn to the vendor and the words are not clear
the same, to a user but not to the team     requester instead of team
vendor: the case was closed                 nobody; the case is closed
the same, by an unknown author              team
our side answers only some numbered         team; or the requester, if the words say so or the requester had the turn
questions, or postpones an answer
our side: it is solved, nobody acts         nobody; resolved (closed if the team lets the vendor close), unless the
                                            mail asks the vendor for more, such as the cause
a user: nobody acts, impact high, unsolved  team; unchanged if the vendor has the turn
our side: nobody acts, a part still fails   team; unchanged if the vendor has the turn
our side: only thanks                       unchanged, except if the requester has to act (by the table)
our side: cancels what a vendor works on    team, to tell the vendor; the vendor's acknowledgement resolves
our side: nobody acts                       resolved, with three exceptions. To a vendor who has the turn, without "it
                                            works again": unchanged. An answer to a vendor's request, without "it is
                                            over": vendor. A mail of a stranger: team
sodan: questions to a user                  user, if the team had the turn (in P1 and P2 only if a person sent them)
reply of another matter: this one is solved nobody; resolved
==========================================  ==================================================================

After a case is resolved, polite phrases of the vendor and thanks change nothing. A request, a question, a promise, news
that the vendor continues to work, or a new report reopens it. The first mail of a case, or a mail of a vendor, never
resolves a case: the case stays open, and waits for nobody if nobody has to act.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log
from operator import itemgetter
from typing import Any

from mailrules.judgement import Reading
from mailrules.statement import NEXT_SIDES, NextSide
from mailrules.thread import Side
from service.cases.asks import SOMETHING, Answers, Ledger
from service.cases.facts.case_message import CaseMessage
from service.cases.plain_answers import puts_off
from service.cases.state import Ask, Setting, Status
from service.cases.turn_weights import side_by_weights
from service.cases.vendor_mail import says_more, side_by_alarm, side_by_case_status, team_has_to_act, vendor_continues

UNDERWAY = timedelta(hours=1)  # mail that is received later than this after its Date is from an archive
_DANGERS = ("attack", "breach", "threat")  # reports after which the team acts, whoever had the turn
_MERE_THANKS = ("act.thanks", "heard", "kind.", "impact.", "urgency.")  # a mail with only thanks has nothing else
_SURELY_NOBODY = log(0.5)
"""Minimum chance by the words alone that nobody has to act after a mail of our side: such a mail resolves its case."""
Solved = tuple[datetime, str]  # (time, id of the message)
_CLOSING = frozenset(("confirm_close", SOMETHING))  # requests of a proposal to close: "… or tell us what is left"


@dataclass(slots=True)
class Course:
    """Status and turn of a case after its last mail, and all earlier turns."""

    status: Status = "open"
    waiting_on: Side | None = None
    since: datetime | None = None  # since when this side, or nobody, has to act
    last_turn: Side | None = None  # who had to act before the case was resolved
    with_vendor: bool = False  # a vendor takes part, or had to act once
    severe: bool = False  # a mail of our side says that the impact is high, and the case was not resolved since
    withdrawn: bool = False  # our side withdrew its whole request; the vendor has to be told, or to acknowledge it
    begun_by: str = ""  # author of the first mail, if only its words say that it is a vendor's mail
    moves: list[tuple[datetime, Side | None]] = field(default_factory=list)
    asks: tuple[Ask, ...] = ()


def follow(
    lines: Sequence[CaseMessage],
    answers: Answers,
    by_hand: Mapping[str, Setting] | None = None,
    asked: Sequence[datetime] = (),
    solved: Sequence[Solved] = (),
) -> Course:
    """Process the mails of a case, oldest first, and return who had to act, and when.

    `answers`: whether a mail answers a request. `by_hand`: request id → state that a person set. When the last open
    request is answered by hand, the vendor has to act, as after a mail. `asked`: times at which sodan sent questions to
    the requester. If the team had to act at such a time, the requester has to act from then on. `solved`: news that the
    problem is solved, from replies that begin another matter and therefore are in other cases.
    """
    course, ledger = Course(begun_by=lines[0].node.author if lines[0].read_as_vendor else ""), Ledger(answers)
    settings = sorted(((one.at, ask, one) for ask, one in (by_hand or {}).items()), key=itemgetter(0, 1))
    events: list[tuple[deque[Any], Callable[[datetime, CaseMessage], bool], Callable[..., None]]] = [
        (deque(settings), lambda at, line: at <= line.node.at, _set_by_hand),
        (deque((at,) for at in sorted(asked)), lambda at, line: at < _arrival(line), _questions_sent),
        (deque(sorted(solved)), lambda at, line: at < line.node.at, _solved_elsewhere),
    ]
    for line in (*lines, None):
        for queue, precedes, apply in events:
            while queue and (line is None or precedes(queue[0][0], line)):
                apply(course, ledger, *queue.popleft())
        if line is not None:
            _process(course, ledger, line)
    if not course.moves:  # only automatic mail: the team has to check the case, with two exceptions
        live = next((side for line in lines if (side := side_by_alarm(line.reading))), None)
        if lines[-1].turn.side == "vendor" and "auto_ack" in lines[-1].reading.acts:
            _give_turn(course, lines[-1], "vendor")  # somebody asked the vendor by phone or in a portal
        elif all(line.turn.automatic == "notification" for line in lines):
            course.since = lines[0].node.at
            if live is not None:
                _give_turn(course, lines[0], live)
        else:
            _give_turn(course, lines[0], "team")
    course.asks = ledger.asks
    return course


def _arrival(line: CaseMessage) -> datetime:
    """Return when a mail arrived, for comparison with our own mails.

    This is the time of receipt, because Date depends on the author's clock and contains only whole seconds. Date is
    used if the mail was received before Date, or more than an hour after Date, which means that it is from an archive.
    """
    return line.received_at if timedelta() <= line.received_at - line.node.at < UNDERWAY else line.node.at


def _questions_sent(course: Course, _ledger: Ledger, at: datetime) -> None:
    if course.moves:
        _pass_on(course, at, "requester")


def _solved_elsewhere(course: Course, ledger: Ledger, at: datetime, message: str) -> None:
    if course.moves:
        ledger.record_solved(at, message)
        _settle(course, max(at, course.moves[-1][0]), "resolved")


def _set_by_hand(course: Course, ledger: Ledger, at: datetime, ask: str, setting: Setting) -> None:
    changed = ledger.set_by_hand(ask, setting.value, at, setting.by, setting.text or None)
    if changed and setting.value == "answered" and not ledger.open():
        _pass_on(course, at, "vendor")


def _pass_on(course: Course, at: datetime, side: Side) -> None:
    """Give the team's turn to another side."""
    if course.status == "open" and course.waiting_on == "team":
        course.waiting_on, course.since, course.last_turn = side, at, side
        course.moves.append((at, side))


def _process(course: Course, ledger: Ledger, line: CaseMessage) -> None:
    if line.node.forged:
        return  # a forged mail changes nothing
    if line.read_as_vendor and (course.status != "open" or line.node.author != course.begun_by):
        if course.status == "open":
            _give_turn(course, line, "team")
        return
    reading = line.reading
    course.with_vendor |= "vendor" in (line.turn.side, *line.turn.towards)
    if line.turn.side != "vendor" and line.turn.automatic is None:
        course.severe |= reading.says("impact.high", states=("value",))
    if line.turn.automatic is not None and not _is_by_person(line, reading):
        if line.author_side == "vendor" and "auto_ack" not in reading.acts:
            _process_notice(course, line, reading)
    elif line.turn.side == "vendor":
        _process_vendor_mail(course, ledger, line, reading)
    else:
        _process_our_mail(course, ledger, line, reading)


def _is_by_person(line: CaseMessage, reading: Reading) -> bool:
    """Whether a person wrote a vendor's mail that is marked as automatic. True if the mail asks for something."""
    marked = line.turn.side == "vendor" and line.turn.automatic in ("auto_reply", "notification")
    return marked and bool(reading.asks) and "auto_ack" not in reading.acts


def _process_notice(course: Course, line: CaseMessage, reading: Reading) -> None:
    if not course.moves or course.status != "open":
        return
    state = side_by_case_status(reading)
    if state == "closed":
        _settle(course, line.node.at, "closed")
    elif state is not None:
        _give_turn(course, line, "vendor" if state == "vendor" else "team")


def _process_vendor_mail(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts = set(reading.acts)
    if acts == {"auto_ack"}:
        return
    asks, settled = ledger.record_asks(line), course.status != "open"
    state = side_by_case_status(reading)
    closes = reading.says("act.close") or state == "closed"
    ends = course.withdrawn and course.waiting_on == "vendor" and not says_more(reading, "answer")
    if settled and not says_more(reading):
        if closes:
            course.status = "closed"
    elif asks and settled and {"confirm_close"} <= {ask.what for ask in ledger.open()} <= _CLOSING:
        ledger.record_solved(line.node.at, line.turn.id)
    elif line.read_as_vendor and (closes or ends):
        _give_turn(course, line, "team")
    elif not asks and (closes or ends):
        ledger.record_closed(line)
        _settle(course, line.node.at, "closed" if closes else "resolved")
    elif not asks and (state == "team" or (state == "vendor" and "answer" not in acts)):
        _give_turn(course, line, "vendor" if state == "vendor" else "team")  # a notice without an automatic header
    else:
        then = _next_side(course, line, "vendor" if not asks and vendor_continues(reading) else "team")
        if then == "team" or team_has_to_act(reading, then):
            then = "requester" if "requester" in line.turn.towards else "team"
        _give_turn_or_nobody(course, line, then)


def _process_our_mail(course: Course, ledger: Ledger, line: CaseMessage, reading: Reading) -> None:
    acts, to_vendor, by_team = set(reading.acts), "vendor" in line.turn.towards, line.turn.side == "team"
    stranger, begins = line.turn.side == "unknown", line.turn.begins or "reopen" in acts
    if stranger and course.status != "open":
        return
    confirms, answered = "confirm_resolved" in acts and not begins, 0
    later = to_vendor and bool(ledger.open()) and puts_off(line)
    if to_vendor or (by_team and (_brings_logs_with_case_number(line, reading) or reading.says("act.elsewhere"))):
        answered = ledger.record_answers(line)
    owes = not confirms and (later or bool(answered and line.by_number and ledger.open()))
    if to_vendor or answered:
        then = _next_side(course, line, "nobody" if confirms else "team" if ledger.open() else "vendor")
        if owes and then != "requester":
            then = "requester" if course.waiting_on == "requester" else "team"
        elif then == "nobody" and answered and to_vendor and not (confirms or reading.says("recovered", "act.close")):
            then = "vendor"  # it waits for the answer
    else:
        then = _next_side(course, line, "nobody" if confirms else "requester" if by_team and course.moves else "team")
    withdraws = reading.says("act.withdraw") and not stranger and course.status == "open"
    if withdraws and then == "nobody" and not to_vendor:
        if course.with_vendor and not (course.withdrawn and course.waiting_on == "vendor"):
            then = "team"  # it has to tell the vendor
        course.withdrawn = True
    elif then != "nobody" and not (withdraws or stranger):
        course.withdrawn = False  # it is needed again, or there is more to do
    if not (confirms or begins) and course.moves and _leaves_turn(course, line, reading, then):
        if "chase" in acts and line.turn.side == course.waiting_on == "requester":
            _give_turn(course, line, "team")
        return
    if then == "nobody" and course.moves and "reopen" not in acts and _lacks_outcome(course, line, reading):
        if course.waiting_on != "vendor":
            _give_turn(course, line, "team")
    elif then != "nobody" or begins or not course.moves:
        _give_turn_or_nobody(course, line, "team" if then == "nobody" and begins else then)
    elif confirms or not (stranger or (to_vendor and course.waiting_on == "vendor" and not reading.says("recovered"))):
        ledger.record_solved(line.node.at, line.turn.id)
        may_close = to_vendor and reading.says("act.close")
        _settle(course, line.node.at, "closed" if may_close else "resolved")
        if by_team and to_vendor and not may_close and ("ask" in acts or reading.parked):
            _give_turn(course, line, "vendor")  # solved, but the vendor is asked for more: the cause, a refund
    elif stranger:
        _give_turn(course, line, "team")


def _lacks_outcome(course: Course, line: CaseMessage, reading: Reading) -> bool:
    """Whether the case stays open, because this mail of our side does not say that the problem is solved.

    It stays open if the mail says that the problem continues, or if the problem is severe and a user writes: the table
    of weights often gives "nobody has to act" for a mail about what people do meanwhile, or where they went.
    """
    ends = line.turn.begins or reading.says("act.confirm_resolved", "recovered", "act.close")
    severe = course.severe and line.turn.side != "team"
    return course.status == "open" and not ends and (severe or reading.says("ongoing"))


def _leaves_turn(course: Course, line: CaseMessage, reading: Reading, then: NextSide) -> bool:
    """Whether a mail of our side leaves the turn unchanged: a forward, a reminder, or thanks."""
    by_team = line.turn.side == "team"
    if course.status == "open" and reading.report and reading.report not in _DANGERS:
        return True
    if by_team and line.turn.wrapper and "vendor" not in line.turn.towards:
        return then != "requester" or "requester" not in line.turn.towards or not reading.next_scores
    if "chase" in reading.acts and not by_team and course.status == "open":
        return True
    return _only_thanks(reading) and course.waiting_on != "requester"


def _brings_logs_with_case_number(line: CaseMessage, reading: Reading) -> bool:
    """Whether a mail brings logs and states a case number.

    Such a mail of the team counts as an answer to the vendor, even if it is not addressed to the vendor.
    """
    return "give_logs" in reading.acts and bool(line.node.stated)


def _next_side(course: Course, line: CaseMessage, otherwise: NextSide) -> NextSide:
    """Return who has to act after a mail, by the table of weights, or else `otherwise`.

    A user's mail does not give the turn to a vendor who takes no part in the case.
    """
    chances = line.reading.next_scores
    if not chances:
        return otherwise
    if course.moves and line.reading.report == "over":
        return "team"
    possible = {
        "team": True,
        "vendor": course.with_vendor or line.turn.side == "team",
        "requester": not line.read_as_vendor,
        "nobody": line.turn.side == "vendor" or chances[-1] >= _SURELY_NOBODY,
    }
    before = (course.waiting_on or "nobody") if course.moves else "first"
    return side_by_weights(line.turn, before, chances, [side for side in NEXT_SIDES if possible[side]])


def _give_turn_or_nobody(course: Course, line: CaseMessage, then: NextSide) -> None:
    """Give the turn to a side. If nobody has to act, the case stays open, but waits for nobody."""
    if then != "nobody":
        _give_turn(course, line, then)
    elif course.status == "open" and (course.waiting_on is not None or not course.moves):
        course.moves.append((max(line.node.at, course.moves[-1][0]) if course.moves else line.node.at, None))
        course.waiting_on, course.since = None, course.moves[-1][0]


def _only_thanks(reading: Reading) -> bool:
    """Whether the mail contains only thanks or an acknowledgement, so that nobody has to act."""
    return reading.says("act.thanks") and all(s.meaning.startswith(_MERE_THANKS) for s in reading.statements)


def _give_turn(course: Course, line: CaseMessage, side: Side) -> None:
    """Give the turn to `side` and reopen the case. `since` stays if the side already has the turn."""
    course.status = "open"
    course.with_vendor |= side == "vendor"
    if course.waiting_on != side:
        at = max(line.node.at, course.moves[-1][0]) if course.moves else line.node.at
        course.waiting_on, course.since = side, at
        course.moves.append((at, side))
    course.last_turn = side


def _settle(course: Course, at: datetime, status: Status) -> None:
    if course.status == "closed" and status == "resolved":
        return
    course.status, course.severe, course.withdrawn = status, False, False
    if course.waiting_on is not None or not course.moves:
        course.moves.append((at, None))
    course.waiting_on, course.since = None, course.moves[-1][0]
