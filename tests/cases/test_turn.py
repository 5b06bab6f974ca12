"""Whose turn it is, what is asked and answered, when a case is settled: tables of small exchanges."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import log
from typing import Any

import pytest

from mailrules.judgement import Reading
from mailrules.statement import NEXT_SIDES, Statement
from service.cases.asks import answered_with
from service.cases.state import Ask, Setting
from service.cases.turn import Course, follow
from tests.cases.exchanges import (
    ASKS_LOGS,
    ASKS_LOGS_AND_SLOT,
    INQUIRES,
    INQUIRY,
    LOGS_AND_SLOT,
    OPENING,
    REPORTS,
    RULES,
    UTC0,
    Draft,
    course,
    inquire,
    line,
    note,
    outcome,
    reply,
    states,
    stranger,
    user,
    vendor,
)

STANDSTILL = user("act.report", "impact.high", "urgency.high")
SETTLES = user("act.confirm_resolved")
ASKS = vendor("ask.something")
CANCELS, TELLS = user("act.withdraw", then="nobody"), inquire("act.withdraw", then="vendor")
LOGS_AND_MORE = vendor("ask.logs", "ask.something", "ask.something=value")
GIVES_LOGS = inquire("act.give_logs", files=("a.log",))
REFUSES = inquire("act.answer", "tone.refuse_logs", then="team")
CLOSES = [INQUIRES, vendor("ask.test", "ask.confirm_close"), vendor("act.close")]
NUMBERED_LOGS = note("act.give_logs", facts={"stated": (("cisco", "690011223"),)})
SAME_AGAIN = [INQUIRES, ASKS, lambda number: replace(ASKS(1), turn=replace(ASKS(1).turn, id=str(number)))]
NOTICE, RECEIPT = {"automatic": "notification"}, {"automatic": "auto_reply"}


@pytest.mark.parametrize(
    ("drafts", "turn", "asks"),
    [
        # each mail of a person moves the turn
        ([REPORTS], "team", ""),
        ([REPORTS, INQUIRES], "vendor", ""),
        ([INQUIRES, ASKS_LOGS], "team", "logs open"),
        ([INQUIRES, vendor()], "team", ""),
        ([INQUIRES, vendor("act.progress", then="vendor")], "vendor", ""),
        ([INQUIRES, vendor("act.progress")], "vendor", ""),  # read by an earlier version
        ([INQUIRES, vendor("act.answer", then="requester")], "requester", ""),
        ([REPORTS, INQUIRES, vendor(then="nobody")], None, ""),
        ([REPORTS, INQUIRES, vendor("ask.logs", then="nobody")], "team", "logs open"),
        ([INQUIRES, inquire("act.chase")], "vendor", ""),
        ([REPORTS, reply()], "requester", ""),
        ([REPORTS, reply(then="team")], "team", ""),
        ([REPORTS, user("act.chase")], "team", ""),
        ([REPORTS, reply(then="requester"), user("act.chase", then="vendor")], "team", ""),
        ([REPORTS, INQUIRES, user("act.chase", then="team")], "vendor", ""),
        ([REPORTS, INQUIRES, inquire("act.thanks", then="nobody")], "vendor", ""),
        ([REPORTS, INQUIRES, ASKS_LOGS, user("act.thanks", then="nobody")], "team", "logs open"),
        ([REPORTS, inquire(wrapper=True)], "vendor", ""),
        ([REPORTS, INQUIRES, note(wrapper=True)], "vendor", ""),
        ([REPORTS, INQUIRES, note(wrapper=True, then="nobody")], "vendor", ""),
        ([ASKS_LOGS, note(wrapper=True, then="requester")], "team", "logs open"),  # a question to colleagues
        ([REPORTS, INQUIRES, reply(wrapper=True, then="requester")], "requester", ""),
        ([note(wrapper=True), vendor("ask.test")], "team", "test open"),
        ([note("act.report", then="vendor")], "vendor", ""),
        ([note("act.report")], "team", ""),
        ([stranger()], "team", ""),
        ([user("kind.notice", then="nobody")], None, ""),
        ([user(then="nobody"), user(then="team")], "team", ""),
        # a user settles a case and can open it again
        ([REPORTS, user(then="nobody")], "resolved", ""),
        ([REPORTS, INQUIRES, SETTLES], "resolved", ""),
        ([REPORTS, user("act.confirm_resolved", then="team")], "team", ""),
        ([REPORTS, INQUIRES, SETTLES, vendor("act.thanks")], "resolved", ""),
        ([REPORTS, INQUIRES, SETTLES, vendor("act.thanks"), user("act.reopen")], "team", ""),
        ([REPORTS, user("act.reopen", then="nobody")], "team", ""),
        # a severe problem is over only if a mail says so
        ([STANDSTILL, user(then="nobody")], "team", ""),
        ([STANDSTILL, user("act.thanks", "item.tried", then="nobody")], "team", ""),
        ([STANDSTILL, reply(), user(then="nobody")], "team", ""),
        ([STANDSTILL, INQUIRES, user(then="nobody")], "vendor", ""),
        ([STANDSTILL, user("recovered", then="nobody")], "resolved", ""),
        # a request that our side withdraws: the vendor has to be told, and its acknowledgement resolves the case
        ([REPORTS, INQUIRES, CANCELS], "team", ""),
        ([REPORTS, INQUIRES, ASKS, reply(), CANCELS], "team", "something open"),
        ([REPORTS, reply(), CANCELS], "resolved", ""),  # no vendor takes part
        ([REPORTS, INQUIRES, CANCELS, TELLS], "vendor", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, note("act.withdraw", then="nobody")], "resolved", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, vendor(then="team")], "resolved", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, vendor("act.progress", then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, vendor("act.answer", then="team")], "team", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, ASKS], "team", "something open"),
        ([REPORTS, INQUIRES, CANCELS, vendor(then="team")], "team", ""),  # it does not know yet
        # only a part is withdrawn, or the request is needed again: the vendor's acknowledgement resolves nothing
        ([REPORTS, INQUIRES, TELLS, vendor(then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, inquire("act.withdraw", then="nobody"), vendor(then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, INQUIRES, vendor(then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, CANCELS, TELLS, user(then="vendor"), vendor(then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, CANCELS, user("act.thanks", then="nobody"), TELLS, vendor(then="team")], "resolved", ""),
        ([REPORTS, INQUIRES, user("act.withdraw", then="team")], "team", ""),
        # a problem that continues is not solved
        ([REPORTS, reply(), user("ongoing", then="nobody")], "team", ""),
        ([REPORTS, reply(), note("ongoing", then="nobody")], "team", ""),
        ([REPORTS, INQUIRES, ASKS, user("ongoing", then="nobody")], "team", "something open"),
        ([REPORTS, INQUIRES, user("ongoing", then="nobody")], "vendor", ""),
        ([STANDSTILL, user("act.close", then="nobody")], "resolved", ""),
        ([STANDSTILL, reply("act.answer", then="nobody")], "resolved", ""),
        ([STANDSTILL, user("recovered", then="nobody"), user("act.reopen", then="team"), user(then="nobody")],
         "resolved", ""),
        # the team settles a case, also towards the vendor
        ([REPORTS, INQUIRES, reply(then="vendor")], "vendor", ""),
        ([INQUIRES, inquire("recovered", "act.thanks", then="nobody")], "resolved", ""),
        ([INQUIRES, inquire("recovered", then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, inquire("act.confirm_resolved", then="vendor")], "vendor", ""),
        ([REPORTS, note("act.confirm_resolved", wrapper=True, then="nobody")], "resolved", ""),
        # a stranger settles nothing, except by saying that it is solved
        ([REPORTS, INQUIRES, stranger(then="nobody")], "team", ""),
        ([REPORTS, INQUIRES, stranger("act.thanks", then="nobody")], "vendor", ""),
        ([stranger(), stranger("act.confirm_resolved", "act.thanks", then="nobody")], "resolved", ""),
        # what reports only, moves the turn only if it is new trouble
        ([user("kind.incident", "ongoing", reads={"report": "alarm"}, then="team", **NOTICE)], "team", ""),
        ([user("kind.incident", "ongoing", then="team", **NOTICE)], None, ""),
        ([REPORTS, INQUIRES, user("kind.incident", "ongoing", reads={"report": "alarm"}, then="team")], "vendor", ""),
        ([REPORTS, INQUIRES, user("kind.security", "security", reads={"report": "attack"}, then="team")], "team", ""),
        ([REPORTS, INQUIRES, user("kind.security", "security", reads={"report": "threat"}, then="team")], "team", ""),
        ([REPORTS, INQUIRES, vendor("kind.notice", "recovered", reads={"report": "over"}, then="nobody")], "team", ""),
        ([vendor("kind.notice", "recovered", reads={"report": "over"}, then="nobody")], None, ""),
        # facts about the trouble do not agree to a scope
        ([INQUIRES, vendor("ask.confirm_scope"), inquire("item.symptom")], "team", "confirm_scope open"),
        # an answer given to a colleague answers no vendor; one that went by a portal can be told by mail
        ([INQUIRES, ASKS_LOGS_AND_SLOT, user("act.give_logs", files=("a.log",))], "team", "logs open, time_slot open"),
        ([INQUIRES, ASKS_LOGS_AND_SLOT, note("act.elsewhere")], "vendor", "logs answered, time_slot answered"),
        ([INQUIRES, ASKS_LOGS_AND_SLOT, vendor("act.withdraw", then="vendor")],
         "vendor", "logs withdrawn, time_slot open"),
        # a log handed over under the vendor's number answers though only we are addressed
        ([INQUIRES, ASKS_LOGS, NUMBERED_LOGS], "vendor", "logs answered"),
        # a case that the vendor closed is closed until it comes back
        (CLOSES, "closed", "test withdrawn, confirm_close withdrawn"),
        ([*CLOSES, user("act.reopen")], "team", "test withdrawn, confirm_close withdrawn"),
        # an ask made again is a new one; an unnamed ask beside a named one is owed as well
        ([INQUIRES, ASKS_LOGS_AND_SLOT, inquire("act.give_logs", "item.contact"), ASKS_LOGS],
         "team", "logs answered, time_slot answered, logs open"),
        ([INQUIRES, LOGS_AND_MORE, GIVES_LOGS], "team", "logs answered, something open, something open"),
        ([INQUIRES, LOGS_AND_MORE, inquire("act.give_logs", "act.answer", files=("a.log",))],
         "vendor", "logs answered, something answered, something answered"),
        ([INQUIRES, LOGS_AND_MORE, inquire("item.symptom")],
         "team", "logs open, something answered, something answered"),
        # words that were asked before are the same request; others are a further one
        ([*SAME_AGAIN, ASKS], "team", "something open, something open"),
        # a proposal to close a settled case that also asks for what is left does not open it
        ([REPORTS, INQUIRES, SETTLES, vendor("ask.confirm_close", "ask.something")],
         "resolved", "confirm_close answered, something withdrawn"),
        # who begins another matter after it works again waits for the team
        ([user("act.confirm_resolved", "item.question", begins=True)], "team", ""),
        ([user(then="nobody", begins=True)], "team", ""),
        # what was asked lapses or is answered when the matter is settled
        ([INQUIRES, vendor("ask.confirm_close", "ask.logs"), SETTLES],
         "resolved", "confirm_close answered, logs withdrawn"),
        # a vendor that goes on after the settlement has the turn
        ([INQUIRES, inquire("act.confirm_resolved"), vendor("act.progress", then="vendor")], "vendor", ""),
        ([REPORTS, INQUIRES, SETTLES, vendor("act.promise", then="vendor")], "vendor", ""),
        # a question about a settled matter is no reminder
        ([REPORTS, INQUIRES, SETTLES, user("act.chase", "item.question", then="team")], "team", ""),
        # a proposal to close lets earlier asks lapse and resolves nothing
        ([INQUIRES, ASKS_LOGS_AND_SLOT, inquire("item.contact"), vendor("ask.confirm_close")],
         "team", "logs withdrawn, time_slot answered, confirm_close open"),
        # if our side said nothing since, the vendor still waits; what it waits for keeps the case open
        ([INQUIRES, ASKS_LOGS_AND_SLOT, vendor("ask.confirm_close")],
         "team", "logs open, time_slot open, confirm_close open"),
        ([INQUIRES, ASKS_LOGS, vendor("ask.confirm_close"), inquire("act.give_logs")],
         "vendor", "logs answered, confirm_close answered"),
        # a part now, the rest later
        ([INQUIRES, vendor("ask.info.version"), inquire("item.version", "act.promise", then="vendor")],
         "team", "info:version answered"),
        # a notice of a state says whose turn it is; a receipt that names one moves nothing
        ([INQUIRES, vendor("desk.customer", **NOTICE)], "team", ""),
        ([INQUIRES, vendor("desk.vendor", **NOTICE)], "vendor", ""),
        ([INQUIRES, vendor("desk.closed", **NOTICE)], "closed", ""),
        ([INQUIRES, vendor("desk.closed", then="team")], "closed", ""),
        ([INQUIRES, vendor("desk.closed", "act.promise", then="vendor")], "vendor", ""),
        ([INQUIRES, vendor("desk.closed", "act.answer", then="team")], "team", ""),
        ([INQUIRES, vendor("desk.closed", "ask.logs", then="team")], "team", "logs open"),
        ([INQUIRES, vendor("kind.notice", **NOTICE)], "vendor", ""),
        ([vendor("kind.notice", **NOTICE)], None, ""),
        ([INQUIRES, vendor("act.auto_ack", **RECEIPT)], "vendor", ""),
        ([INQUIRES, vendor("act.auto_ack", then="team")], "vendor", ""),
        ([INQUIRES, ASKS_LOGS, vendor("act.auto_ack", "desk.vendor", **RECEIPT)], "team", "logs open"),
        ([vendor("act.auto_ack", **RECEIPT)], "vendor", ""),  # to a call or a web form
        ([vendor("act.auto_ack", **RECEIPT), stranger()], "team", ""),
        ([INQUIRES, vendor("desk.customer", then="vendor")], "team", ""),
        ([INQUIRES, ASKS_LOGS, vendor("desk.vendor", then="team")], "vendor", "logs open"),
        # a person's mail that a desk marks as automatic counts
        ([INQUIRES, vendor("ask.logs", **NOTICE)], "team", "logs open"),
        # a refusal keeps the turn though the mail that asked never came
        ([REPORTS, REFUSES], "team", ""),
        ([REPORTS, REFUSES, GIVES_LOGS], "vendor", ""),
        # who says that it works and asks the vendor for more keeps the case open
        ([INQUIRES, vendor("ask.test", "act.answer"), inquire("act.confirm_resolved", "item.question", "parked.rca")],
         "vendor", "test answered"),
        ([INQUIRES, vendor("ask.test", "act.answer"), inquire("act.confirm_resolved", "act.close")],
         "closed", "test answered"),
    ],
)  # fmt: skip
def test_an_exchange_leads_to_a_turn_and_a_state_of_each_request(
    drafts: list[Draft], turn: str | None, asks: str
) -> None:
    told = course(*drafts)
    assert (outcome(told), states(told)) == (turn, asks)


@pytest.mark.parametrize(
    ("before", "draft", "turn"),
    [
        ([REPORTS, INQUIRES], user, "vendor"),  # thanks while the vendor works
        ([REPORTS], user, None),
        ([REPORTS, INQUIRES], reply, "vendor"),  # the team informs the user
        ([REPORTS], reply, None),
        ([REPORTS, INQUIRES], vendor, "vendor"),
    ],
)
def test_doubtful_words_count_with_who_wrote_and_who_had_to_act(
    before: list[Draft], draft: Any, turn: str | None
) -> None:
    """Words that fit nobody a little more than the vendor, and these two more than the others."""
    scores = {"team": 0.12, "vendor": 0.28, "requester": 0.08, "nobody": 0.52}
    doubtful = Reading(next_scores=tuple(log(scores[one]) for one in NEXT_SIDES))
    assert course(*before, lambda number: replace(draft()(number), reading=doubtful)).waiting_on == turn


@pytest.mark.parametrize(
    ("says", "files", "logs", "slot"),
    [
        (("act.give_logs", "item.contact"), (), "answered", "answered"),
        ((), ("a.log",), "answered", "open"),
        (("item.contact",), (), "open", "answered"),
        (("item.logs=none", "item.contact"), (), "answered", "answered"),
        (("act.give_logs", "item.logs=pending", "item.contact"), (), "open", "answered"),
        (("item.product",), (), "open", "open"),
    ],
)
def test_a_partial_answer_keeps_the_turn_with_whoever_owes_the_rest(
    says: tuple[str, ...], files: tuple[str, ...], logs: str, slot: str
) -> None:
    told = course(INQUIRES, ASKS_LOGS_AND_SLOT, inquire(*says, files=files))
    assert states(told) == f"logs {logs}, time_slot {slot}"
    assert told.waiting_on == ("team" if "open" in (logs, slot) else "vendor")


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("ask.info.version", "item.version=unknown"),
        ("ask.info.recent_changes", "item.recent_changes=none"),
        ("ask.info.version", "item.resource_id"),  # the only thing that is open, answered in other words
        ("ask.permission", "item.consent"),
        ("ask.permission", "act.decline"),
        ("ask.time_slot", "act.decline"),
        ("ask.confirm_close", "act.confirm_resolved"),
        ("ask.confirm_close", "ongoing"),
        ("ask.confirm_scope", "act.agree"),
        ("ask.severity", "act.agree"),
        ("ask.test", "item.tried"),
        ("ask.something", "item.product"),
    ],
)
def test_a_statement_answers_the_request_for_it(asked: str, answer: str) -> None:
    assert [ask.state for ask in course(INQUIRES, vendor(asked), inquire(answer)).asks] == ["answered"]


@pytest.mark.parametrize("asked", ["ask.confirm_scope", "ask.logs", "ask.info.version"])
@pytest.mark.parametrize("says", [(), ("act.thanks",), ("act.chase",), ("act.promise",), ("heard",)])
def test_a_mail_without_information_answers_nothing(asked: str, says: tuple[str, ...]) -> None:
    told = course(INQUIRES, vendor(asked), inquire(*says))
    assert ([ask.state for ask in told.asks], told.waiting_on) == (["open"], "team")


def test_each_sentence_that_asks_is_one_request() -> None:
    """A named request is not listed again as an unnamed one; the sentences beside it are."""
    text = "Please send the event log.\nAnd was the antenna covered during painting?"
    first, second = text.split("\n")
    said = [("ask.logs", first), ("ask.something", first), ("ask.something", second)]
    statements = tuple(Statement(m, "value", quote, text.index(quote), text.index(quote) + 9) for m, quote in said)
    mail = line(2, "vendor", text=text)
    reading = RULES.conclude(mail.turn, Reading(statements=statements)).reading
    told = follow([INQUIRY, replace(mail, reading=reading)], RULES.answers_ask)
    assert [(ask.id, ask.what, ask.quote) for ask in told.asks] == [
        ("2-logs", "logs", first),
        ("2-something", "something", second),
    ]
    assert [ask.id for ask in course(INQUIRES, LOGS_AND_MORE).asks] == ["1-logs", "1-something", "1-something-2"]


@pytest.mark.parametrize(
    ("answer", "both"),
    [
        ("It is 4.2, the lamp is red.", True),
        ("It is 4.2 and the lamp blinks.", True),
        ("版は4.2、ランプは橙です。", True),
        ("They are 4.2, 4.3 and 5.0.", False),
        ("版は4.2、4.3です。", False),
    ],
)
def test_an_answer_with_a_further_clause_answers_both_requests_of_a_sentence(answer: str, both: bool) -> None:
    sentence = "Please send the version of the gate and the colour of the lamp."

    def ask(what: str, quote: str, message: str = "1") -> Ask:
        return Ask(f"{message}-{what}", "v@gates.example", "team", what, quote, message, UTC0)

    version, lamp = ask("info:version", sentence), ask("something", "the colour of the lamp.")
    said = [Statement("item.version", quote=answer)]
    assert answered_with(lamp, version, said) is both
    assert not answered_with(ask("something", sentence), version, said)
    assert not answered_with(ask("something", lamp.quote, "2"), version, said)


def test_news_from_another_case_settles_this_one_until_somebody_writes_again() -> None:
    at = UTC0 + timedelta(minutes=90)
    told = course(INQUIRES, ASKS_LOGS_AND_SLOT, solved=[(at, "77")])
    assert (outcome(told), states(told), told.since) == ("resolved", "logs withdrawn, time_slot withdrawn", at)
    again = course(INQUIRES, ASKS_LOGS_AND_SLOT, user("act.reopen"), solved=[(at, "77")])
    assert again.waiting_on == "team"
    late = course(REPORTS, asked=[at], solved=[(UTC0 + timedelta(minutes=1), "77")])
    assert late.moves == [(UTC0, "team"), (at, "requester"), (at, None)]


def test_an_absence_mail_leaves_the_beginning_of_a_turn() -> None:
    told = course(REPORTS, reply("ask.something"), user(**RECEIPT))
    assert (told.waiting_on, told.since) == ("requester", UTC0 + timedelta(hours=1))


def test_an_answer_that_went_by_a_portal_can_be_entered_by_hand_and_later_mail_moves_on() -> None:
    at = LOGS_AND_SLOT.node.at + timedelta(minutes=30)
    answered = Setting("answered", "Aki", at)

    def by_hand(said: dict[str, Setting], *later: Draft) -> Course:
        lines = [INQUIRY, LOGS_AND_SLOT, *(draft(number) for number, draft in enumerate(later, start=4))]
        return follow(lines, RULES.answers_ask, said)

    one = by_hand({"2-logs": answered})
    assert (states(one), one.waiting_on) == ("logs answered, time_slot open", "team")
    both = by_hand({"2-logs": answered, "2-time_slot": answered})
    assert (both.waiting_on, both.since, both.moves[-1]) == ("vendor", at, (at, "vendor"))
    assert (both.asks[0].answered_at, both.asks[0].set_by, both.asks[0].answered_by_message) == (at, "Aki", None)
    assert by_hand({"*": answered}).waiting_on == "vendor"
    assert by_hand({"*": replace(answered, at=at - timedelta(days=2))}).waiting_on == "team"
    later = by_hand({"*": answered}, ASKS_LOGS)
    assert (later.waiting_on, states(later)) == ("team", "logs answered, time_slot answered, logs open")
    gone = by_hand({"*": Setting("withdrawn", "Aki", at)})
    assert (states(gone), gone.waiting_on) == ("logs withdrawn, time_slot withdrawn", "team")


@pytest.mark.parametrize(
    ("sent", "received", "turn"),
    [
        (0, 1, "requester"),  # received before the questions went out
        (61, 62, "team"),
        (59, 61, "team"),  # written after the questions, by a clock that is slow
        (30, 60 * 24 * 3, "requester"),  # out of an archive, days later
    ],
)
def test_an_answer_to_our_questions_is_known_by_its_arrival(sent: float, received: float, turn: str) -> None:
    def at(minutes: float) -> datetime:
        return UTC0 + timedelta(minutes=minutes)

    answer = line(1, "requester", "act.inform", facts={"at": at(sent)})
    found = follow([OPENING, replace(answer, received_at=at(received))], RULES.answers_ask, asked=[at(60)])
    assert found.waiting_on == turn
    assert [at for at, _ in found.moves] == sorted(at for at, _ in found.moves)
