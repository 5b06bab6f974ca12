"""Whose turn it is, what is asked and answered, when a case is settled: tables of small exchanges.

Mails are given by their statements, as any reader would find them; what follows is the rules'.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import log

import msgspec
import pytest

from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.statement import NEXT_SIDES, NextSide, Statement
from mailrules.thread import File, RuleInput, Side
from service.cases.facts.case_message import CaseMessage
from service.cases.facts.message_facts import MessageFacts
from service.cases.state import Setting
from service.cases.turn import Course, follow

UTC0 = datetime(2031, 5, 12, 0, 0, tzinfo=UTC)
RULES = load()


def line(
    number: int,
    side: Side,
    *says: str,
    to: Sequence[Side] = (),
    files: Sequence[str] = (),
    automatic: str | None = None,
    wrapper: bool = False,
    then: NextSide | None = None,
) -> CaseMessage:
    """The ``number``-th mail, an hour after the one before. ``says``: meanings, ``item.logs=pending`` with a state.

    ``then``: who has to act next by its words; without it, the reader does not tell.
    """
    at = UTC0 + timedelta(hours=number)
    turn = RuleInput(
        id=str(number),
        side=side,
        author=f"{side}@x.test",
        text=" ".join(says),
        subject_is_new=number == 0,
        date=at,
        automatic=automatic,
        towards=frozenset(to),
        files=tuple(File(name, "text/plain", 9) for name in files),
        wrapper=wrapper,
    )
    statements = []
    for place, one in enumerate(says):
        meaning, _, state = one.partition("=")
        statements.append(Statement(meaning, state or "value", f"{one} of {number}", place * 40, place * 40 + 30))
    scores = tuple(0.0 if one == then else -6.0 for one in NEXT_SIDES) if then else ()
    told = Reading(turn=str(number), statements=tuple(statements), next_scores=scores)
    reading = RULES.conclude(turn, told).reading
    recipients = tuple(f"{one}@x.test" for one in to)
    node = MessageFacts(number, at, author=f"{side}@x.test", side=side, to=recipients, automatic=automatic)
    return CaseMessage(number, node, turn, at, reading)


def course(*lines: CaseMessage) -> Course:
    return follow(lines, RULES.answers_ask)


def open_asks(told: Course) -> list[str]:
    return [ask.what for ask in told.asks if ask.state == "open"]


OPENING = line(0, "requester", "act.report", "item.symptom", to=("team",))
STANDSTILL = line(0, "requester", "act.report", "impact.high", "urgency.high", to=("team",))
INQUIRY = line(1, "team", "act.report", "item.symptom", "item.question", to=("vendor",))
ASKED = line(2, "vendor", "ask.logs")
LOGS_AND_SLOT = line(2, "vendor", "ask.logs", "ask.time_slot")


@pytest.mark.parametrize(
    ("lines", "turn"),
    [
        ([OPENING], "team"),
        ([OPENING, INQUIRY], "vendor"),
        ([INQUIRY, line(2, "vendor", "act.auto_ack", automatic="auto_reply")], "vendor"),
        ([INQUIRY, line(2, "vendor", "act.auto_ack", then="team")], "vendor"),
        ([INQUIRY, ASKED], "team"),
        ([INQUIRY, line(2, "vendor", "ask.something")], "team"),
        ([INQUIRY, line(2, "vendor")], "team"),
        ([INQUIRY, line(2, "vendor", "act.progress", then="vendor")], "vendor"),
        ([INQUIRY, line(2, "vendor", "act.answer", then="requester")], "requester"),
        ([OPENING, INQUIRY, line(2, "vendor", then="nobody")], None),
        ([INQUIRY, line(2, "team", "act.chase", to=("vendor",))], "vendor"),
        ([OPENING, line(1, "team", to=("requester",))], "requester"),
        ([OPENING, line(1, "team", to=("requester",), then="team")], "team"),
        ([OPENING, INQUIRY, line(2, "team", to=("requester",), then="vendor")], "vendor"),
        ([OPENING, line(1, "requester", "act.chase", to=("team",))], "team"),
        ([OPENING, line(1, "requester", to=("team",), then="nobody")], None),
        ([STANDSTILL, line(1, "requester", to=("team",), then="nobody")], "team"),
        ([STANDSTILL, line(1, "requester", "act.thanks", "item.tried", to=("team",), then="nobody")], "team"),
        ([STANDSTILL, line(1, "team", to=("requester",)), line(2, "requester", to=("team",), then="nobody")], "team"),
        ([STANDSTILL, INQUIRY, line(2, "requester", to=("team",), then="nobody")], "vendor"),
        ([STANDSTILL, line(1, "requester", "recovered", to=("team",), then="nobody")], None),
        ([STANDSTILL, line(1, "requester", "act.close", to=("team",), then="nobody")], None),
        (
            [
                STANDSTILL,
                line(1, "requester", "recovered", to=("team",), then="nobody"),
                line(2, "requester", "act.reopen", to=("team",), then="team"),
                line(3, "requester", to=("team",), then="nobody"),
            ],
            None,
        ),
        ([STANDSTILL, line(1, "team", "act.answer", to=("requester",), then="nobody")], None),
        ([OPENING, INQUIRY, line(2, "requester", "act.chase", to=("team",), then="team")], "vendor"),
        (
            [
                OPENING,
                line(1, "team", to=("requester",), then="requester"),
                line(2, "requester", "act.chase", to=("team",), then="vendor"),
            ],
            "team",
        ),
        ([OPENING, line(1, "requester", "act.reopen", to=("team",), then="nobody")], "team"),
        ([OPENING, INQUIRY, line(2, "team", "act.thanks", to=("vendor",), then="nobody")], "vendor"),
        ([OPENING, INQUIRY, ASKED, line(3, "requester", "act.thanks", to=("team",), then="nobody")], "team"),
        ([OPENING, INQUIRY, line(2, "team", to=("team",), wrapper=True, then="nobody")], "vendor"),
        ([INQUIRY, line(2, "team", "recovered", "act.thanks", to=("vendor",), then="nobody")], None),
        ([INQUIRY, line(2, "team", "recovered", to=("vendor",), then="vendor")], "vendor"),
        ([OPENING, INQUIRY, line(2, "unknown", to=("team",), then="nobody")], "team"),
        ([OPENING, INQUIRY, line(2, "unknown", "act.thanks", to=("team",), then="nobody")], "vendor"),
        ([OPENING, line(1, "team", "act.confirm_resolved", to=("team",), wrapper=True, then="nobody")], None),
        ([line(0, "unknown"), line(1, "unknown", "act.confirm_resolved", "act.thanks", then="nobody")], None),
        ([OPENING, line(1, "requester", "act.confirm_resolved", to=("team",), then="team")], "team"),
        ([OPENING, INQUIRY, line(2, "team", "act.confirm_resolved", to=("vendor",), then="vendor")], "vendor"),
        ([OPENING, INQUIRY, line(2, "team", to=("requester",), wrapper=True, then="requester")], "requester"),
        ([OPENING, INQUIRY, line(2, "team", to=("team",), wrapper=True)], "vendor"),
        ([ASKED, line(1, "team", to=("team",), wrapper=True, then="requester")], "team"),  # a question to colleagues
        ([OPENING, INQUIRY, line(2, "vendor", "ask.logs", then="nobody")], "team"),
        ([OPENING, INQUIRY, line(2, "vendor", "act.progress")], "vendor"),  # read by an earlier version
        ([line(0, "team", "act.report", then="vendor")], "vendor"),
        ([line(0, "team", "act.report")], "team"),
        ([line(0, "unknown")], "team"),
        ([line(0, "requester", "kind.notice", then="nobody")], None),
        ([line(0, "requester", then="nobody"), line(1, "requester", then="team")], "team"),
        ([line(0, "vendor", "kind.notice", automatic="notification")], None),
        ([line(0, "team", wrapper=True), line(1, "vendor", "ask.test")], "team"),
        ([OPENING, line(1, "team", to=("vendor",), wrapper=True)], "vendor"),
        ([INQUIRY, line(2, "vendor", "desk.closed", then="team")], None),
    ],
)
def test_each_mail_moves_the_turn_or_leaves_it(lines: list[CaseMessage], turn: str | None) -> None:
    assert course(*lines).waiting_on == turn


@pytest.mark.parametrize(
    ("before", "side", "to", "turn"),
    [
        ([OPENING, INQUIRY], "requester", "team", "vendor"),  # thanks while the vendor works
        ([OPENING], "requester", "team", None),
        ([OPENING, INQUIRY], "team", "requester", "vendor"),  # the team informs the user
        ([OPENING], "team", "requester", None),
        ([OPENING, INQUIRY], "vendor", "team", "vendor"),
    ],
)
def test_doubtful_words_count_with_who_wrote_and_who_had_to_act(
    before: list[CaseMessage], side: Side, to: Side, turn: str | None
) -> None:
    """Words that fit nobody a little more than the vendor, and these two more than the others."""
    doubtful = line(3, side, to=(to,))
    assert doubtful.reading is not None
    scores = {"team": 0.12, "vendor": 0.28, "requester": 0.08, "nobody": 0.52}
    told = msgspec.structs.replace(doubtful.reading, next_scores=tuple(log(scores[one]) for one in NEXT_SIDES))
    assert course(*before, replace(doubtful, reading=told)).waiting_on == turn


@pytest.mark.parametrize(
    ("says", "files", "still_open", "turn"),
    [
        (("act.give_logs", "item.contact"), (), [], "vendor"),
        (("item.contact",), ("a.log",), [], "vendor"),
        ((), ("a.log",), ["time_slot"], "team"),
        (("item.contact",), (), ["logs"], "team"),
        (("item.logs=none", "item.contact"), (), [], "vendor"),
        (("item.logs=pending", "item.contact"), (), ["logs"], "team"),
        (("act.give_logs", "item.logs=pending", "item.contact"), (), ["logs"], "team"),
        (("item.product",), (), ["logs", "time_slot"], "team"),
    ],
)
def test_a_partial_answer_keeps_the_turn_with_whoever_owes_the_rest(
    says: tuple[str, ...], files: tuple[str, ...], still_open: list[str], turn: str
) -> None:
    told = course(INQUIRY, LOGS_AND_SLOT, line(3, "team", *says, to=("vendor",), files=files))
    assert (open_asks(told), told.waiting_on) == (still_open, turn)


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
def test_what_answers_an_ask(asked: str, answer: str) -> None:
    told = course(INQUIRY, line(2, "vendor", asked), line(3, "team", answer, to=("vendor",)))
    assert [ask.state for ask in told.asks] == ["answered"]


@pytest.mark.parametrize("asked", ["ask.confirm_scope", "ask.logs", "ask.permission", "ask.info.version"])
@pytest.mark.parametrize("says", [(), ("act.thanks",), ("act.chase",), ("act.promise",), ("heard",)])
def test_a_mail_that_tells_nothing_answers_nothing(asked: str, says: tuple[str, ...]) -> None:
    told = course(INQUIRY, line(2, "vendor", asked), line(3, "team", *says, to=("vendor",)))
    assert [ask.state for ask in told.asks] == ["open"]
    assert told.waiting_on == "team"


NOTE = line(3, "team", "act.give_logs")
SOLVED = line(3, "requester", "act.confirm_resolved", to=("team",))
BEGINS = line(0, "requester", "act.confirm_resolved", "item.question", to=("team",))
NEEDS_NOTHING = line(0, "requester", to=("team",), then="nobody")
REFUSED = line(1, "team", "act.answer", "tone.refuse_logs", to=("vendor",), then="team")
LOGS_AND_MORE = line(2, "vendor", "ask.logs", "ask.something", "ask.something=value")
UNNAMED = line(2, "vendor", "ask.something")
UNNAMED_AGAIN = replace(UNNAMED, turn=replace(UNNAMED.turn, id="3"))
CLOSING = [INQUIRY, line(2, "vendor", "ask.test", "ask.confirm_close"), line(3, "vendor", "act.close")]


@pytest.mark.parametrize(
    ("lines", "turn", "asks"),
    [
        # facts about the trouble do not agree to a scope
        ([INQUIRY, line(2, "vendor", "ask.confirm_scope"), line(3, "team", "item.symptom", to=("vendor",))],
         "team", "confirm_scope open"),
        # an answer given to a colleague answers no vendor; one that went by a portal can be told by mail
        ([INQUIRY, LOGS_AND_SLOT, line(3, "requester", "act.give_logs", to=("team",), files=("a.log",))],
         "team", "logs open, time_slot open"),
        ([INQUIRY, LOGS_AND_SLOT, line(3, "team", "act.elsewhere")], "vendor", "logs answered, time_slot answered"),
        ([INQUIRY, LOGS_AND_SLOT, line(3, "vendor", "act.withdraw", then="vendor")],
         "vendor", "logs withdrawn, time_slot open"),
        # a log handed over under the vendor's number answers though only we are addressed
        ([INQUIRY, ASKED, replace(NOTE, node=NOTE.node.evolve(stated=(("cisco", "690011223"),)))],
         "vendor", "logs answered"),
        # a case that the vendor closed is closed until it comes back
        (CLOSING, "closed", "test withdrawn, confirm_close withdrawn"),
        ([*CLOSING, line(4, "requester", "act.reopen", to=("team",))],
         "team", "test withdrawn, confirm_close withdrawn"),
        # an ask made again is a new one; an unnamed ask beside a named one is owed as well
        ([INQUIRY, LOGS_AND_SLOT, line(3, "team", "act.give_logs", "item.contact", to=("vendor",)),
          line(4, "vendor", "ask.logs")], "team", "logs answered, time_slot answered, logs open"),
        ([INQUIRY, LOGS_AND_MORE], "team", "logs open, something open, something open"),
        ([INQUIRY, LOGS_AND_MORE, line(3, "team", "act.give_logs", to=("vendor",), files=("a.log",))],
         "team", "logs answered, something open, something open"),
        ([INQUIRY, LOGS_AND_MORE, line(3, "team", "act.give_logs", "act.answer", to=("vendor",), files=("a.log",))],
         "vendor", "logs answered, something answered, something answered"),
        ([INQUIRY, LOGS_AND_MORE, line(3, "team", "item.symptom", to=("vendor",))],
         "team", "logs open, something answered, something answered"),
        # words that were asked before are the same request; others are a further one
        ([INQUIRY, UNNAMED, UNNAMED_AGAIN, line(4, "vendor", "ask.something")],
         "team", "something open, something open"),
        # a proposal to close a settled case that also asks for what is left does not open it
        ([OPENING, INQUIRY, SOLVED, line(4, "vendor", "ask.confirm_close", "ask.something")],
         "resolved", "confirm_close answered, something withdrawn"),
        # a user settles a case and can open it again
        ([OPENING, INQUIRY, SOLVED], "resolved", ""),
        ([OPENING, INQUIRY, SOLVED, line(4, "vendor", "act.thanks")], "resolved", ""),
        ([OPENING, INQUIRY, SOLVED, line(4, "vendor", "act.thanks"), line(5, "requester", "act.reopen", to=("team",))],
         "team", ""),
        # who begins another matter after it works again waits for the team
        ([replace(BEGINS, turn=replace(BEGINS.turn, begins=True))], "team", ""),
        ([replace(NEEDS_NOTHING, turn=replace(NEEDS_NOTHING.turn, begins=True))], "team", ""),
        # what was asked lapses or is answered when the matter is settled
        ([INQUIRY, line(2, "vendor", "ask.confirm_close", "ask.logs"), SOLVED],
         "resolved", "confirm_close answered, logs withdrawn"),
        # a vendor that goes on after the settlement has the turn
        ([INQUIRY, line(2, "team", "act.confirm_resolved", to=("vendor",)),
          line(3, "vendor", "act.progress", then="vendor")], "vendor", ""),
        ([OPENING, INQUIRY, SOLVED, line(4, "vendor", "act.promise", then="vendor")], "vendor", ""),
        # a question about a settled matter is no reminder
        ([OPENING, INQUIRY, SOLVED, line(4, "requester", "act.chase", "item.question", to=("team",), then="team")],
         "team", ""),
        # a proposal to close lets earlier asks lapse and resolves nothing
        ([INQUIRY, LOGS_AND_SLOT, line(3, "team", "item.contact", to=("vendor",)),
          line(4, "vendor", "ask.confirm_close")],
         "team", "logs withdrawn, time_slot answered, confirm_close open"),
        # if our side said nothing since, the vendor still waits; what it waits for keeps the case open
        ([INQUIRY, LOGS_AND_SLOT, line(3, "vendor", "ask.confirm_close")],
         "team", "logs open, time_slot open, confirm_close open"),
        ([INQUIRY, ASKED, line(3, "vendor", "ask.confirm_close"), line(4, "team", "act.give_logs", to=("vendor",))],
         "vendor", "logs answered, confirm_close answered"),
        # a part now, the rest later
        ([INQUIRY, line(2, "vendor", "ask.info.version"),
          line(3, "team", "item.version", "act.promise", to=("vendor",), then="vendor")],
         "team", "info:version answered"),
        # a notice of a state says whose turn it is; a receipt that names one moves nothing
        ([INQUIRY, line(2, "vendor", "desk.customer", automatic="notification")], "team", ""),
        ([INQUIRY, line(2, "vendor", "desk.vendor", automatic="notification")], "vendor", ""),
        ([INQUIRY, line(2, "vendor", "desk.closed", automatic="notification")], "closed", ""),
        ([INQUIRY, line(2, "vendor", "desk.closed", "act.promise", then="vendor")], "vendor", ""),
        ([INQUIRY, line(2, "vendor", "desk.closed", "act.progress", then="vendor")], "vendor", ""),
        ([INQUIRY, line(2, "vendor", "desk.closed", "ask.logs", then="team")], "team", "logs open"),
        ([INQUIRY, line(2, "vendor", automatic="notification")], "vendor", ""),
        ([INQUIRY, line(2, "vendor", "kind.notice", automatic="notification")], "vendor", ""),
        ([INQUIRY, ASKED, line(3, "vendor", "act.auto_ack", "desk.vendor", automatic="auto_reply")],
         "team", "logs open"),
        ([INQUIRY, line(2, "vendor", "desk.customer", then="vendor")], "team", ""),
        ([INQUIRY, ASKED, line(3, "vendor", "desk.vendor", then="team")], "vendor", "logs open"),
        # a person's mail that a desk marks as automatic counts
        ([INQUIRY, line(2, "vendor", "ask.logs", automatic="notification")], "team", "logs open"),
        # a refusal keeps the turn though the mail that asked never came
        ([OPENING, REFUSED], "team", ""),
        ([OPENING, line(1, "team", "act.answer", to=("vendor",))], "vendor", ""),
        ([OPENING, REFUSED, line(2, "team", "act.give_logs", to=("vendor",), files=("trace.pcap",))], "vendor", ""),
    ],
)  # fmt: skip
def test_an_exchange_leads_to_a_turn_and_a_state_of_each_ask(lines: list[CaseMessage], turn: str, asks: str) -> None:
    """``turn``: who acts next, or the status of a case that is not open."""
    told = course(*lines)
    assert (told.waiting_on if told.status == "open" else told.status) == turn
    assert told.status == "open" or told.waiting_on is None
    assert ", ".join(f"{ask.what} {ask.state}" for ask in told.asks) == asks


REAL = {
    "report": ("requester", "team", "Since this morning the scanner in the post room does not start."),
    "inquiry": ("team", "vendor", "Our scanner does not start since this morning. What can we do?"),
    "asked": ("vendor", "team", "Please send us the event log of the scanner."),
    "solved": ("requester", "team", "It works again, thank you very much. You can close this."),
}


def said(number: int, side: Side, to: Side, text: str) -> CaseMessage:
    """A mail as the embedded reader reads it."""
    given = line(number, side, to=(to,))
    language = "en" if text.isascii() else "ja"
    turn = replace(given.turn, text=text, language=language, is_reply=number > 0, subject_is_new=number == 0)
    return replace(given, turn=turn, reading=RULES.read(turn))


@pytest.mark.parametrize(
    ("before", "side", "to", "text", "turn"),
    [
        ("report solved", "requester", "team", "The one we closed yesterday is back this morning.", "team"),
        ("report", "requester", "team", "It happened again.", "team"),
        ("report inquiry asked", "requester", "team", "Thanks for the update.", "team"),
        ("report inquiry", "team", "vendor", "Thank you for the quick reply.", "vendor"),
        ("report", "requester", "team", "その後いかがでしょうか。", "team"),
        (
            "report inquiry solved",
            "vendor",
            "team",
            "You are welcome. Feel free to contact us again.",
            "resolved",
        ),
        ("report inquiry solved", "requester", "team", "ご連絡ありがとうございます。", "resolved"),
        ("report inquiry", "requester", "team", "Thank you for letting me know.", "vendor"),
        ("report", "requester", "team", "It is on the third floor.", "team"),
        ("report", "requester", "team", "Thanks, I am available tomorrow.", "team"),
        ("report", "requester", "team", "Many thanks!", "team"),
        ("report", "requester", "team", "承知しました。ありがとうございます。", "team"),
        ("report inquiry asked", "requester", "team", "Great, thanks!", "team"),
        ("report inquiry", "vendor", "team", "Status of your case: Waiting for customer", "team"),
        ("report inquiry solved", "requester", "team", "Do you know what had caused it?", "team"),
        ("report inquiry solved", "requester", "team", "故障の原因は何だったのですか。", "team"),
        (
            "report inquiry solved",
            "vendor",
            "team",
            "You will receive our analysis of the cause by Thursday.",
            "vendor",
        ),
        ("report inquiry solved", "vendor", "team", "原因の調査結果は追ってご報告いたします。", "vendor"),
    ],
)
def test_short_mails_of_everyday_life(before: str, side: Side, to: Side, text: str, turn: str) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(before.split())]  # type: ignore[arg-type]
    told = course(*mails, said(len(mails), side, to, text))
    assert (told.waiting_on if told.status == "open" else told.status) == turn


@pytest.mark.parametrize(
    ("text", "state", "turn"),
    [
        ("Trace to follow by Wednesday.", "open", "team"),
        ("The event log will be uploaded on Wednesday.", "open", "team"),
        ("イベントログは採取次第ご提出いたします。", "open", "team"),
        ("イベントログの取得方法を教えてください。", "open", "vendor"),
        ("Event log to follow.", "open", "team"),
        ("The screenshot is attached, the event log to follow today.", "open", "team"),
        ("The event log will be uploaded once the dump is complete, details to follow.", "open", "team"),
        ("後ほどイベントログを格納しましたらご連絡いたします。", "open", "team"),
        ("We have put the event log on your share.", "answered", "vendor"),
        ("イベントログをポータルに格納しました。", "answered", "vendor"),
    ],
)
def test_a_promise_or_a_question_delivers_no_logs(text: str, state: str, turn: str) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(("report", "inquiry", "asked"))]  # type: ignore[arg-type]
    told = course(*mails, said(3, "team", "vendor", text))
    assert ([ask.state for ask in told.asks], told.waiting_on) == ([state], turn)


@pytest.mark.parametrize(
    ("text", "turn", "asks"),
    [
        # who asks has to be answered, whatever else the mail reports
        ("Ticket QT-88 is now open with priority 2. Could you send the crash dump of the kiosk?", "team", ["logs"]),
        ("只今、開発部門にて確認中です。恐れ入りますが、シリアル番号をお知らせください。", "team", ["info:device_id"]),
        ("We are still analysing the dump. There is nothing for you to do.", "vendor", []),
        ("Your request is now in our queue. Please keep the ticket number in the subject.", "vendor", ["*"]),
        # a final answer has to be checked
        ("A cable in our rack was broken; we replaced it at noon and the line is up.", "team", []),
        ("The error is a known defect that was removed in release 7.2.", "team", []),
        ("We found the cause and are preparing a fix; we will report on Thursday.", "vendor", []),
        ("調査を継続しております。進展があり次第ご報告いたします。", "vendor", []),
    ],
)
def test_what_a_vendor_asks_or_answers_comes_before_its_progress(text: str, turn: str, asks: list[str]) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(("report", "inquiry"))]  # type: ignore[arg-type]
    told = course(*mails, said(2, "vendor", "team", text))
    assert told.waiting_on == turn
    assert asks == ["*"] or open_asks(told) == asks


@pytest.mark.parametrize(
    ("question", "answer", "state", "turn"),
    [
        ("電源ケーブルは純正品でしょうか。", "はい、純正です。", "answered", "vendor"),
        ("直近でソフトを更新されましたか。", "いいえ、更新していません。", "answered", "vendor"),
        ("いつ頃から症状が出ていますか。", "時期は不明です。", "answered", "vendor"),
        ("代替機を発送してもよろしいでしょうか。", "はい、発送してください。", "answered", "vendor"),
        ("ご訪問の候補日をいくつかお知らせください。", "6/3の午前か6/5の終日を希望します。", "answered", "vendor"),
        ("Which release do you run?", "4.1.7", "answered", "vendor"),
        ("Was the roof hatch open that night?", "No, it was shut.", "answered", "vendor"),
        ("Was the roof hatch open that night?", "Is there any news from your side?", "open", "vendor"),
        ("Was the roof hatch open that night?", "I am asking the janitor.", "open", "team"),
        ("いつ頃から症状が出ていますか。", "利用者に確認中です。", "open", "team"),
        ("Please send the event log of both scanners.", "The left one is in the cellar.", "open", None),
        (
            "サーバー2台のイベントログをお送りください。",
            "1台目のイベントログです。2台目は今夜採取します。",
            "open",
            "team",
        ),
    ],
)
def test_a_plain_answer_closes_the_only_request(question: str, answer: str, state: str, turn: str | None) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(("report", "inquiry"))]  # type: ignore[arg-type]
    told = course(*mails, said(2, "vendor", "team", question), said(3, "team", "vendor", answer))
    assert [ask.state for ask in told.asks] == [state]
    assert turn is None or told.waiting_on == turn


@pytest.mark.parametrize(
    "threat",
    [
        "If we do not hear from you within a week, we will close this case.",
        "一週間以内にご返信がない場合は、本件をクローズさせていただきます。",
    ],
)
def test_who_threatens_to_close_still_waits_for_the_answer(threat: str) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(("report", "inquiry", "asked"))]  # type: ignore[arg-type]
    told = course(*mails, said(3, "vendor", "team", threat))
    assert (told.waiting_on, open_asks(told)) == ("team", ["logs", "confirm_close"])
    told = course(*mails, said(3, "vendor", "team", threat), said(4, "team", "vendor", "The event log is attached."))
    assert (told.waiting_on, [ask.state for ask in told.asks]) == ("vendor", ["answered", "answered"])


@pytest.mark.parametrize(
    ("reminder", "asks"),
    [
        ("Have you been able to collect it?", ["logs"]),
        ("先日お願いした件、ご状況はいかがでしょうか。", ["logs"]),
        ("Just checking in. Could you also tell us the firmware version?", ["logs", "info:version"]),
    ],
)
def test_a_reminder_of_what_is_owed_is_no_new_request(reminder: str, asks: list[str]) -> None:
    mails = [said(number, *REAL[one]) for number, one in enumerate(("report", "inquiry", "asked"))]  # type: ignore[arg-type]
    assert open_asks(course(*mails, said(3, "vendor", "team", reminder))) == asks
    answered = said(3, "team", "vendor", "The event log is attached.")
    assert len(open_asks(course(*mails, answered, said(4, "vendor", "team", reminder)))) == 1


def test_each_sentence_that_asks_is_one_request() -> None:
    """A named request is not listed again as an unnamed one; the sentences beside it are."""
    text = "Please send the event log.\nAnd was the antenna covered during painting?"
    first, second = text.split("\n")
    said = [("ask.logs", first), ("ask.something", first), ("ask.something", second)]
    statements = tuple(Statement(m, "value", quote, text.index(quote), text.index(quote) + 9) for m, quote in said)
    reading = RULES.conclude(replace(ASKED.turn, text=text), Reading(statements=statements)).reading
    told = course(INQUIRY, replace(ASKED, reading=reading))
    assert [(ask.id, ask.what, ask.quote) for ask in told.asks] == [
        ("2-logs", "logs", first),
        ("2-something", "something", second),
    ]
    assert [ask.id for ask in course(INQUIRY, LOGS_AND_MORE).asks] == ["2-logs", "2-something", "2-something-2"]


def test_news_from_another_case_settles_this_one_until_somebody_writes_again() -> None:
    at = LOGS_AND_SLOT.node.at + timedelta(minutes=30)
    told = follow([INQUIRY, LOGS_AND_SLOT], RULES.answers_ask, solved=[(at, "77")])
    assert (told.status, told.waiting_on, {ask.state for ask in told.asks}) == ("resolved", None, {"withdrawn"})
    assert told.since == at
    again = line(3, "requester", "act.reopen", to=("team",))
    assert follow([INQUIRY, LOGS_AND_SLOT, again], RULES.answers_ask, solved=[(at, "77")]).waiting_on == "team"
    late = follow([OPENING], RULES.answers_ask, asked=[at], solved=[(OPENING.node.at + timedelta(minutes=1), "77")])
    assert late.moves == [(OPENING.node.at, "team"), (at, "requester"), (at, None)]


def test_absence_mails_leave_the_beginning_of_a_turn_and_an_answer_names_its_mail() -> None:
    asked = line(1, "team", "ask.something", to=("requester",))
    told = course(OPENING, asked, line(2, "requester", automatic="auto_reply"))
    assert (told.waiting_on, told.since) == ("requester", asked.node.at)
    told = course(INQUIRY, LOGS_AND_SLOT, line(3, "team", "act.elsewhere"))
    assert (told.asks[0].message, told.asks[0].answered_by_message) == ("2", "3")


def test_who_says_that_it_works_and_asks_the_vendor_for_more_keeps_the_case_open() -> None:
    tested = line(2, "vendor", "ask.test", "act.answer")
    more = line(3, "team", "act.confirm_resolved", "item.question", "parked.rca", to=("vendor",))
    told = course(INQUIRY, tested, more)
    assert (told.status, told.waiting_on) == ("open", "vendor")
    assert {ask.state for ask in told.asks} == {"answered"}
    told = course(INQUIRY, tested, more, line(4, "vendor", "ask.confirm_close", "act.answer"))
    assert (told.status, told.waiting_on, told.asks[-1].state) == ("open", "team", "open")
    done = line(3, "team", "act.confirm_resolved", "act.close", to=("vendor",))
    assert course(INQUIRY, tested, done).status == "closed"


def test_an_answer_that_went_by_a_portal_can_be_told_by_hand_and_later_mail_moves_on() -> None:
    at = LOGS_AND_SLOT.node.at + timedelta(minutes=30)
    logs, slot = (f"{LOGS_AND_SLOT.turn.id}-{what}" for what in ("logs", "time_slot"))

    def by_hand(*lines: CaseMessage, **said: Setting) -> Course:
        return follow([INQUIRY, LOGS_AND_SLOT, *lines], RULES.answers_ask, said)

    one = by_hand(**{logs: Setting("answered", "Aki", at)})
    assert ({ask.what: ask.state for ask in one.asks}, one.waiting_on) == (
        {"logs": "answered", "time_slot": "open"},
        "team",
    )
    told = by_hand(**{logs: Setting("answered", "Aki", at), slot: Setting("answered", "Aki", at)})
    assert (told.waiting_on, told.since, told.moves[-1]) == ("vendor", at, (at, "vendor"))
    assert (told.asks[0].answered_at, told.asks[0].set_by, told.asks[0].answered_by_message) == (at, "Aki", None)
    everything = {"*": Setting("answered", "Aki", at)}
    assert by_hand(**everything).waiting_on == "vendor"
    assert by_hand(**{"*": Setting("answered", "Aki", at - timedelta(days=2))}).waiting_on == "team"
    again = line(9, "vendor", "ask.logs")
    again = replace(again, node=again.node.evolve(at=at + timedelta(hours=1)))
    later = by_hand(again, **everything)
    assert (later.waiting_on, [ask.state for ask in later.asks]) == ("team", ["answered", "answered", "open"])
    gone = by_hand(**{"*": Setting("withdrawn", "Aki", at)})
    assert ({ask.state for ask in gone.asks}, gone.waiting_on) == ({"withdrawn"}, "team")


@pytest.mark.parametrize(
    ("written", "received", "turn"),
    [
        (0, 1, "requester"),  # received before the questions went out
        (61, 62, "team"),
        (59, 61, "team"),  # written after the questions, by a clock that is slow
        (30, 60 * 24 * 3, "requester"),  # out of an archive, days later
    ],
)
def test_an_answer_to_our_questions_is_told_by_its_arrival(written: float, received: float, turn: str) -> None:
    begin, asked = line(0, "requester", "act.report"), UTC0 + timedelta(minutes=60)
    answer = line(1, "requester", "act.inform")
    node = answer.node.evolve(at=UTC0 + timedelta(minutes=written))
    answer = replace(answer, node=node, received_at=UTC0 + timedelta(minutes=received))
    found = follow([begin, answer], RULES.answers_ask, asked=[asked])
    assert found.waiting_on == turn
    assert [at for at, _ in found.moves] == sorted(at for at, _ in found.moves)


def reporting(one: CaseMessage, way: str) -> CaseMessage:
    reading = one.reading or Reading()
    return replace(one, reading=msgspec.structs.replace(reading, report=way))


def test_a_live_problem_in_a_notification_is_for_the_team() -> None:
    told = line(0, "requester", "kind.incident", "ongoing", automatic="notification", then="team")
    assert course(reporting(told, "alarm")).waiting_on == "team"
    assert course(told).waiting_on is None


def test_a_further_alarm_does_not_take_the_turn_from_the_vendor() -> None:
    again = line(2, "requester", "kind.incident", "ongoing", then="team")
    assert course(OPENING, INQUIRY, reporting(again, "alarm")).waiting_on == "vendor"


@pytest.mark.parametrize("way", ["attack", "breach", "threat"])
def test_an_attack_in_an_open_case_is_for_the_team(way: str) -> None:
    again = line(2, "requester", "kind.security", "security", then="team")
    assert course(OPENING, INQUIRY, reporting(again, way)).waiting_on == "team"


def test_the_team_checks_what_a_vendor_reports_as_recovered() -> None:
    over = line(2, "vendor", "kind.notice", "recovered", then="nobody")
    assert course(OPENING, INQUIRY, reporting(over, "over")).waiting_on == "team"
    assert course(reporting(line(0, "vendor", "kind.notice", "recovered", then="nobody"), "over")).waiting_on is None
