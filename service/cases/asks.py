"""Requests of vendors, and our mails that answered them.

`mailrules/rules/asks.yaml` defines which statements answer a request.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain, count
from typing import Any

import msgspec

from mailrules.judgement import Reading
from mailrules.statement import NEXT_SIDES, Statement
from mailrules.thread import RuleInput
from service.cases.facts.case_message import CaseMessage
from service.cases.plain_answers import by_stem, names_one, puts_off, states_something, told, words_of
from service.cases.state import Ask, AskState

Answers = Callable[[str, RuleInput, Reading], tuple[Statement, ...] | None]
"""What in a mail answers a request, None if nothing does (`Rules.answers_ask`)."""
SOMETHING = "something"  # a request that does not say what is wanted
_ASKED_BY_REMINDER = (SOMETHING, "test")  # requests found in reminders: "did you have a chance to look?"
_ANSWERED_BY_SOLUTION = frozenset(("confirm_close", "confirm_scope", "severity"))
"""If our side says that the problem is solved, these requests count as answered, and all others as withdrawn."""
_NOT_BY_PLAIN_WORDS = ("logs", "info:screenshot", "confirm_scope")
"""Requests that plain words do not answer: files have to come, or the problem statement has to be agreed to."""
_BY_NAME = re.compile(r"info:(?!screenshot)|(?:something|test|time_slot)$")
"""Requests that a sentence answers which repeats their words; the others need an agreement or a file."""
_INFORMATION = ("item.", "act.give_logs", "act.answer", "act.agree", "act.decline")
_DELIVERY = frozenset(("act.give_logs", "item.logs"))  # a sentence that only promises them delivers nothing
_FURTHER_CLAUSE = re.compile(r"、(?=[^、。]*[はがもの])|(?:[,;]|\band)\s+(?=[\w.-]+\s+(?!and\b|or\b)\w)")
"""Before a clause about something else: "RX-5, the lamp is red". A further value is no clause: "RX-5, RX-6"."""
_STATED = ("value", "partial", "none", "unknown", "not_applicable")


def request_key(what: str, quote: str) -> tuple[str, str]:
    """Return a key that is the same for equal requests: the topic, or the words if the topic is unknown."""
    return what, " ".join(quote.split()) if what == SOMETHING else ""


class Ledger:
    """The requests of one case, in the order in which they were made."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._asks: dict[str, Ask] = {}  # by id, in the order in which they were made
        self._open: dict[str, None] = {}
        self._words: dict[str, frozenset[str]] = {}  # request → its words that our side did not write before
        self._written: set[str] = set()  # words of our mails to the vendor
        self._informed_at: datetime | None = None  # when our side last gave the vendor information

    @property
    def asks(self) -> tuple[Ask, ...]:
        return tuple(self._asks.values())

    def open(self) -> list[Ask]:
        """Return the requests that are not answered yet."""
        return [self._asks[id] for id in self._open]

    def record_asks(self, line: CaseMessage) -> int:
        """Record the new requests of a vendor's mail. Return the number of all requests in the mail.

        A proposal to close withdraws earlier requests. But if our side has given no information since a request, the
        vendor still waits for the answer: such a request stays open, and a reminder of it is no new request.
        """
        reading = line.reading
        if reading.says("act.withdraw"):
            self._withdraw(line, {ask.what for ask in reading.asks})
        if any(ask.what == "confirm_close" for ask in reading.asks):
            gone = [ask for ask in self.open() if ask.what not in _ANSWERED_BY_SOLUTION and not self._is_owed(ask)]
            self._close(gone, "withdrawn", line.node.at, line.turn.id)
        known = {request_key(one.what, one.quote) for one in self.open()}
        reminders = {said.quote for said in reading.statements if said.meaning == "desk.reminder"}
        owed = any(map(self._is_owed, self.open()))
        for ask in reading.asks:
            if owed and ask.finding.quote in reminders and ask.what in _ASKED_BY_REMINDER:
                continue
            if (request := request_key(ask.what, ask.finding.quote)) not in known:
                known.add(request)
                self._add(ask.what, ask.finding.quote, line)
        return len(reading.asks)

    def _is_owed(self, ask: Ask) -> bool:
        """Whether our side has given the vendor no information since this request."""
        return self._informed_at is None or ask.asked_at >= self._informed_at

    def record_answers(self, line: CaseMessage) -> int:
        """Record which open requests a mail of ours answers. Return their number.

        If only one request is open, a mail with information answers it, even if no rule matches the two. If the mail
        answers by number, a numbered request for something unspecific is answered only by its number. A mail that
        answers a request also answers a later proposal to close.
        """
        waiting = [ask for ask in self.open() if ask.asked_at <= line.node.at]
        reading = line.reading
        self._written |= words_of(line.turn.text)
        if not waiting:
            return 0
        matched = waiting if reading.says("act.elsewhere") else self._answered(waiting, line, reading)
        since = min((ask.asked_at for ask in matched), default=line.node.at)
        proposals = [ask for ask in waiting if ask.what == "confirm_close" and ask.asked_at > since]
        matched += [ask for ask in proposals if ask not in matched]
        if matched or (states_something(line.turn.text) and not puts_off(line)):
            self._informed_at = line.node.at
        self._close(matched, "answered", line.node.at, line.turn.id)
        return len(matched)

    def _answered(self, waiting: Sequence[Ask], line: CaseMessage, reading: Reading) -> list[Ask]:
        numbered = {ask.id: line.by_number.get(request_key(ask.what, ask.quote)) for ask in waiting}
        named = [ask for ask in self._named(waiting, line, reading) if numbered[ask.id] is not False]
        named += [ask for ask in waiting if numbered[ask.id] and ask not in named]
        unsure = puts_off(line) and bool(named)  # any other unspecific request may be the one that is put off
        matched = named + [
            ask
            for ask in self._matched(waiting, line.turn, reading)
            if ask not in named and (ask.what != SOMETHING or (numbered[ask.id] is not False and not unsure))
        ]
        left = [ask for ask in waiting if ask not in matched]
        replies = [ask for ask in left if ask.what == SOMETHING and not words_of(ask.quote)]
        if matched and left == replies and all(numbered[ask.id] is not False for ask in left):
            return list(waiting)  # what is left only asks for a reply
        [first, *others] = waiting
        left_open = first.what == SOMETHING and numbered[first.id] is False
        if not (matched or others or left_open) and _answers_alone(first, line, reading):
            return [first]
        return matched

    def _named(self, waiting: Sequence[Ask], line: CaseMessage, reading: Reading) -> list[Ask]:
        """Return the requests of which a sentence repeats a word: "Leeds is fine" answers "is Leeds affected?".

        The word is in no other open request, except one that contains the request, and not in our earlier mails.
        """
        said = by_stem(told(line.turn.text, reading))
        found = []
        for ask in waiting:
            others = [one for one in waiting if one is not ask]
            if _BY_NAME.match(ask.what) and all(one.quote != ask.quote for one in others):
                shared = (self._words[one.id] for one in others if ask.quote not in one.quote)
                words = self._words[ask.id].difference(*shared)
                found += [ask] * names_one(words, said)
        return found

    def _matched(self, waiting: Sequence[Ask], turn: RuleInput, reading: Reading) -> list[Ask]:
        """Return the requests that a mail answers by `rules/asks.yaml`.

        A request for something unspecific needs more information than what answers the other requests of its mail.
        """
        hits = {
            what: self._answers(what, turn, _without_questions_and_promises(reading) if what == "logs" else reading)
            for what in {ask.what for ask in waiting} - {SOMETHING}
        }
        if _delivers_later(reading):
            hits["logs"] = None
        matched = [ask for ask in waiting if hits.get(ask.what) is not None]
        named: dict[str, set[str]] = {}  # message → its specific requests that this mail answers
        for ask in matched:
            named.setdefault(ask.message, set()).add(ask.what)
        answered: dict[frozenset[str], bool] = {}  # specific requests → whether more than their answers is told
        for ask in waiting:
            if ask.what == SOMETHING:
                beside = frozenset(named.get(ask.message, ()))
                if beside not in answered:
                    answered[beside] = self._tells_more(beside, hits, turn, reading)
                if answered[beside] or any(answered_with(ask, one, hits.get(one.what)) for one in matched):
                    matched.append(ask)
        return matched

    def _tells_more(
        self, beside: Iterable[str], hits: Mapping[str, tuple[Statement, ...] | None], turn: RuleInput, reading: Reading
    ) -> bool:
        """Whether a mail has more information than what answers the requests ``beside``."""
        spent = {said.quote for what in beside for said in hits[what] or ()}
        if any(self._answers(what, turn, Reading()) is not None for what in beside):
            turn = replace(turn, files=())
        told = _without_questions_and_promises(reading)
        rest = tuple(said for said in told.statements if said.quote not in spent)
        return self._answers(SOMETHING, turn, msgspec.structs.replace(told, statements=rest)) is not None

    def record_solved(self, at: datetime, message: str) -> None:
        """Record that our side says that the problem is solved. See ``_ANSWERED_BY_SOLUTION``."""
        waiting = self.open()
        self._close([a for a in waiting if a.what in _ANSWERED_BY_SOLUTION], "answered", at, message)
        self._close([a for a in waiting if a.what not in _ANSWERED_BY_SOLUTION], "withdrawn", at, message)

    def set_by_hand(self, ask: str, state: AskState, at: datetime, who: str, answer: str | None = None) -> int:
        """Set the state of a request (`*`: of all open requests) by hand. Return the number of changed requests."""
        named = [one for one in self.open() if ask in ("*", one.id) and one.asked_at <= at]
        self._close(named, state, at, set_by=who, answer=answer)
        return len(named)

    def record_closed(self, line: CaseMessage) -> None:
        """Record that the vendor closed the case: withdraw all open requests."""
        self._close(self.open(), "withdrawn", line.node.at, line.turn.id)

    def _add(self, what: str, quote: str, line: CaseMessage) -> None:
        name = f"{line.turn.id}-{what}"
        ids = chain([name], (f"{name}-{number}" for number in count(2)))
        ask = Ask(
            next(id for id in ids if id not in self._asks),
            line.turn.author, "team", what, quote, line.turn.id, line.node.at,
        )  # fmt: skip
        self._asks[ask.id] = ask
        self._words[ask.id] = words_of(quote) - self._written
        self._open[ask.id] = None

    def _withdraw(self, line: CaseMessage, again: set[str]) -> None:
        """Withdraw the open request; if there are several, only requests for logs. Those in ``again`` stay open."""
        waiting = [ask for ask in self.open() if ask.what not in again]
        gone = waiting if len(waiting) == 1 else [ask for ask in waiting if ask.what == "logs"]
        self._close(gone, "withdrawn", line.node.at, line.turn.id)

    def _close(
        self, asks: Sequence[Ask], state: AskState, at: datetime, message: str | None = None, **by_hand: Any
    ) -> None:
        answered_by = message if state == "answered" else None
        for ask in asks:
            self._asks[ask.id] = replace(ask, state=state, answered_at=at, answered_by_message=answered_by, **by_hand)
            del self._open[ask.id]


def _answers_alone(ask: Ask, line: CaseMessage, reading: Reading) -> bool:
    """Whether a mail answers the only open request, although no rule matches the two.

    It does if it has information that the reader recognises. Plain words answer it if they pass the turn to the vendor.
    """
    if ask.what == "confirm_scope" or puts_off(line):
        return False
    if _has_information(reading):
        return True
    scores = reading.next_scores
    if scores:
        for_vendor = max(scores) == scores[NEXT_SIDES.index("vendor")]
    else:
        for_vendor = not reading.says("act.thanks", "heard")
    plain = ask.what not in _NOT_BY_PLAIN_WORDS and "chase" not in reading.acts
    return plain and for_vendor and states_something(line.turn.text)


def answered_with(ask: Ask, other: Ask, answer: Sequence[Statement] | None) -> bool:
    """Whether ``answer``, which answers the request ``other``, also answers ``ask``.

    This is true if the words of ``ask`` are a part of the words of ``other``, and the answer has a second clause.
    """
    is_part = ask.message == other.message and ask.quote != other.quote and ask.quote in other.quote
    return is_part and any(_FURTHER_CLAUSE.search(said.quote) for said in answer or ())


def _has_information(reading: Reading) -> bool:
    """Whether a mail has information, and not only a reminder, thanks, a promise or a question."""
    told = _without_questions_and_promises(reading)
    return not reading.says("act.chase") and told.says(*_INFORMATION, states=_STATED)


def _delivers_later(reading: Reading) -> bool:
    """Whether a mail promises logs. The mail may contain some of the logs already."""
    promised = {one.quote for one in reading.statements if one.meaning == "act.promise" and one.quote}
    return any(one.meaning in _DELIVERY and one.quote in promised for one in reading.statements)


def _without_questions_and_promises(reading: Reading) -> Reading:
    """Return the reading without statements in questions, deliveries in promises, and answers beside promises.

    The reader often takes a promise for an answer, and quotes any sentence of the mail for it.
    """
    said = reading.statements
    asked = {one.quote for one in said if one.meaning == "item.question" and one.quote}
    promised = {one.quote for one in said if one.meaning == "act.promise" and one.quote}
    told = tuple(
        one
        for one in said
        if one.quote not in asked
        and not (one.quote in promised and one.meaning in _DELIVERY)
        and not (promised and one.meaning == "act.answer")
    )
    return msgspec.structs.replace(reading, statements=told)
