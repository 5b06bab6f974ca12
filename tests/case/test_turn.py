"""Whose turn it is, what is asked and answered, when a case is settled: tables of small exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from mailrules.judgement import AskMade, Finding, ItemValue, Promise, Reading
from mailrules.thread import File, Side, Turn
from service.case.deskstate import told_state
from service.case.line import Line
from service.case.node import Node
from service.case.state import Setting
from service.case.turn import Course, follow

UTC0 = datetime(2031, 5, 12, 0, 0, tzinfo=timezone.utc)  # noqa: UP017 - the tests' own moment


def line(
    number: int,
    side: Side,
    text: str,
    *,
    to: Sequence[Side] = (),
    acts: Sequence[str] = (),
    asks: Sequence[str] = (),
    items: Sequence[str] = (),
    tone: Sequence[str] = (),
    files: Sequence[str] = (),
    promises: bool = False,
    automatic: str | None = None,
    wrapper: bool = False,
) -> Line:
    """The ``number``-th mail, an hour after the one before."""
    at = UTC0 + timedelta(hours=number)
    words = Finding("t", "t", str(number), text[:20])
    reading = Reading(
        turn=str(number),
        kind=None,
        acts=tuple(acts),
        asks=tuple(AskMade(what, words) for what in asks),
        items=tuple(ItemValue(item, "value", "x", words) for item in items),
        references=(),
        vendor=None,
        tone=tuple(Finding("t", "t", str(number), text[:20], value=name) for name in tone),
        parked=(),
        promises=(Promise(None, words),) if promises else (),
        heard=(),
        findings=(),
    )
    turn = Turn(
        id=str(number),
        side=side,
        author=f"{side}@x.test",
        text=text,
        date=at,
        automatic=automatic,
        towards=frozenset(to),
        files=tuple(File(name, "text/plain", 9) for name in files),
    )
    recipients = tuple(f"{one}@x.test" for one in to)
    node = Node(number, at, author=f"{side}@x.test", side=side, to=recipients, automatic=automatic)
    return Line(number, node, turn, at, reading, wrapper=wrapper)


def course(*lines: Line) -> Course:
    return follow(lines)


OPENING = line(0, "requester", "The scanner is dead.", to=("team",), acts=("report",))
INQUIRY = line(1, "team", "The scanner shows E5. Why?", to=("vendor",), acts=("report",))

ASKED = line(2, "vendor", "Please send the log.", asks=("logs",), acts=("ask",))
BLAME = ("blame_vendor_slow",)


@pytest.mark.parametrize(
    ("lines", "turn"),
    [
        ([OPENING], "team"),
        ([OPENING, INQUIRY], "vendor"),
        ([INQUIRY, line(2, "vendor", "We received it.", automatic="auto_reply")], "vendor"),
        ([INQUIRY, line(2, "vendor", "We received it.", acts=("auto_ack",))], "vendor"),
        ([INQUIRY, line(2, "vendor", "Please send the log.", asks=("logs",), acts=("ask",))], "team"),
        ([INQUIRY, line(2, "vendor", "The cause is a worn belt.", acts=("answer",))], "team"),
        ([INQUIRY, line(2, "vendor", "We go on looking.", acts=("progress",))], "vendor"),
        ([INQUIRY, line(2, "vendor", "Handed to development.", acts=("escalated",))], "vendor"),
        ([INQUIRY, line(2, "vendor", "It is a bug, development has it.", acts=("answer", "escalated"))], "vendor"),
        ([INQUIRY, line(2, "vendor", "One log is odd, more by 16:00.", acts=("answer",), promises=True)], "vendor"),
        (
            [INQUIRY, line(2, "vendor", "More by 16:00. Which belt?", acts=("ask",), asks=("logs",), promises=True)],
            "team",
        ),
        ([OPENING, INQUIRY, line(2, "team", "They are slow. Ask them.", to=("requester",), tone=BLAME)], "vendor"),
        ([OPENING, ASKED, line(3, "team", "They are slow. Ask them.", to=("requester",), tone=BLAME)], "team"),
        ([line(0, "team", "They are slow.", to=("requester",), tone=BLAME)], "team"),
        ([INQUIRY, line(2, "team", "Any news?", to=("vendor",), acts=("chase",))], "vendor"),
        ([OPENING, line(1, "team", "Which floor is it on?", to=("requester",), acts=("ask",))], "requester"),
        ([OPENING, line(1, "team", "確認します。少々お待ちください。", to=("requester",))], "team"),
        ([OPENING, INQUIRY, line(2, "team", "メーカーに問い合わせました。", to=("requester",))], "vendor"),
        ([OPENING, line(1, "requester", "いかがでしょうか", to=("team",), acts=("chase",))], "team"),
        ([OPENING, INQUIRY, line(2, "requester", "Any news?", to=("team",), acts=("chase",))], "vendor"),
        ([line(0, "team", "AWS に起票しました。DB が落ちています。", acts=("report",))], "vendor"),
        ([line(0, "team", "DB が落ちています。", acts=("report",))], "team"),
        ([line(0, "unknown", "Hello, your shop is down.")], "team"),
        ([line(0, "vendor", "Maintenance on Sunday.", automatic="notification")], None),
        ([line(0, "team", "fyi", wrapper=True), line(1, "vendor", "Please test it.", asks=("test",))], "team"),
    ],
)
def test_each_mail_moves_the_turn_or_leaves_it(lines: list[Line], turn: str | None) -> None:
    assert course(*lines).waiting_on == turn


def test_absence_mails_and_receipts_leave_the_turn_and_its_beginning() -> None:
    asked = line(1, "team", "Which floor?", to=("requester",), acts=("ask",))
    away = line(2, "requester", "I am away until Monday.", automatic="auto_reply")
    told = course(OPENING, asked, away)
    assert told.waiting_on == "requester"
    assert told.since == asked.node.at


LOGS_AND_SLOT = line(2, "vendor", "Send the log, name a time.", asks=("logs", "time_slot"), acts=("ask",))


@pytest.mark.parametrize(
    ("text", "files", "open_asks", "turn"),
    [
        ("ログを添付します。11/12 10:00 を希望します。", ("a.log",), [], "vendor"),
        ("The log is attached.", ("a.log",), ["time_slot"], "team"),
        ("We are free on Tuesday 10:00.", (), ["logs"], "team"),
        ("システムログは空で、何も出ませんでした。5月13日 15時以降でお願いします。", (), [], "vendor"),
        ("Will send the logs later today; Monday 9am suits.", (), ["logs"], "team"),
        (
            "Here is one file; Monday 9am suits. We will fetch the other tomorrow.",
            ("a.txt",),
            ["logs"],
            "team",
        ),
        (
            "採取ログの1つを添付します。11/12 10:00 を希望します。もう一台の分は明日採取します。",
            ("a.zip",),
            ["logs"],
            "team",
        ),
    ],
)
def test_a_partial_answer_keeps_the_turn_with_whoever_owes_the_rest(
    text: str, files: tuple[str, ...], open_asks: list[str], turn: str
) -> None:
    told = course(INQUIRY, LOGS_AND_SLOT, line(3, "team", text, to=("vendor",), files=files))
    assert [ask.what for ask in told.asks if ask.state == "open"] == open_asks
    assert told.waiting_on == turn


def test_an_answer_given_to_a_colleague_answers_no_vendor() -> None:
    told = course(INQUIRY, LOGS_AND_SLOT, line(3, "requester", "Here is the log.", to=("team",), files=("a.log",)))
    assert {ask.state for ask in told.asks} == {"open"}
    assert told.waiting_on == "team"


def test_an_answer_that_went_by_a_portal_can_be_told_by_mail() -> None:
    told = course(INQUIRY, LOGS_AND_SLOT, line(3, "team", "サポートセンターから回答しました。", to=()))
    assert {ask.state for ask in told.asks} == {"answered"}
    assert told.asks[0].answered_by_message == "3"
    english = "For the record: I put the log into the ticket and gave them the version and a time on the phone."
    assert {ask.state for ask in course(INQUIRY, LOGS_AND_SLOT, line(3, "team", english)).asks} == {"answered"}
    assert told.waiting_on == "vendor"


@pytest.mark.parametrize(
    "text",
    [
        "版は 8.0 U2 です。立ち会いは不要です。",
        "It is 8.0 U2. No need for a call.",
        "お電話は結構です、メールでお願いします。",
    ],
)
def test_what_was_offered_and_is_not_wanted_is_owed_no_more(text: str) -> None:
    offer = line(2, "vendor", "Would you like a call?", asks=("time_slot",), acts=("ask",))
    told = course(INQUIRY, offer, line(3, "team", text, to=("vendor",)))
    assert (told.waiting_on, told.asks[0].state) == ("vendor", "answered")


@pytest.mark.parametrize(
    "text",
    [
        "先ほどお願いしたログは、こちらで取得できましたので不要になりました。",
        "We no longer need the log, we found it on our side.",
        "Please disregard our request for the dump.",
    ],
)
def test_what_a_vendor_does_not_need_after_all_is_withdrawn(text: str) -> None:
    asks = line(2, "vendor", "Please send the log and name a time.", asks=("logs", "time_slot"), acts=("ask",))
    told = course(INQUIRY, asks, line(3, "vendor", text, acts=("progress",)))
    assert {ask.what: ask.state for ask in told.asks} == {"logs": "withdrawn", "time_slot": "open"}


def test_a_case_that_the_vendor_closed_by_silence_is_closed_and_what_else_was_finished_closes_nothing() -> None:
    asks = line(2, "vendor", "Please try it.", asks=("test", "confirm_close"), acts=("ask",))
    closed = line(3, "vendor", "ご返信がございませんでしたので、本ケースをクローズいたしました。", acts=("answer",))
    told = course(INQUIRY, asks, closed)
    assert (told.status, told.waiting_on) == ("closed", None)
    assert {ask.state for ask in told.asks} == {"withdrawn"}
    swapped = line(3, "vendor", "ディスクの交換が完了しました。", acts=("answer",))
    assert course(INQUIRY, asks, swapped).waiting_on == "team"
    again = line(4, "requester", "It is down again.", to=("team",), acts=("reopen",))
    assert course(INQUIRY, asks, closed, again).status == "open"


def test_a_permission_that_is_put_off_is_owed() -> None:
    asks = line(2, "vendor", "May we restart it tonight?", asks=("permission",), acts=("ask",))
    later = line(3, "team", "Not tonight, the month-end run is on. We will come back to you.", to=("vendor",))
    assert course(INQUIRY, asks, later).waiting_on == "team"


def test_a_note_on_what_was_written_into_the_portal_answers_and_one_on_what_is_still_to_come_does_not() -> None:
    told = course(
        INQUIRY, LOGS_AND_SLOT, line(3, "team", "保守ポータル(#40071)に直接書き込みました。候補日も書いてあります。")
    )
    assert {ask.state for ask in told.asks} == {"answered"}
    assert told.waiting_on == "vendor"
    part = line(3, "team", "ポータルにコメントしました。もう一台の分はこれから採取します。")
    assert {ask.state for ask in course(INQUIRY, LOGS_AND_SLOT, part).asks} == {"open"}


def test_a_log_handed_over_under_the_vendors_number_answers_though_only_we_are_addressed() -> None:
    asked = line(2, "vendor", "Please send the log.", asks=("logs",), acts=("ask",))
    note = line(3, "team", "ログは昨日SRへ上げました。", acts=("give_logs",))
    note = replace(note, node=replace(note.node, stated=(("cisco", "690011223"),)))
    assert {ask.state for ask in course(INQUIRY, asked, note).asks} == {"answered"}
    assert course(INQUIRY, asked, note).waiting_on == "vendor"


def test_who_says_that_it_works_and_asks_the_vendor_for_more_keeps_the_case_open() -> None:
    text = "昨日から問題なく使えています。原因の報告書をいただけますか。"
    more = line(3, "team", text, to=("vendor",), acts=("confirm_resolved", "ask"))
    tested = line(2, "vendor", "Please try again.", asks=("test",), acts=("answer",))
    told = course(INQUIRY, tested, more)
    assert (told.status, told.waiting_on) == ("open", "vendor")
    assert {ask.state for ask in told.asks} == {"answered"}
    closing = line(4, "vendor", "Here it is. May we close?", asks=("confirm_close",), acts=("answer", "ask"))
    told = course(INQUIRY, tested, more, closing)
    assert (told.status, told.waiting_on, told.asks[-1].state) == ("open", "team", "open")
    done = line(3, "team", "直りました。クローズをお願いします。", to=("vendor",), acts=("confirm_resolved", "ask"))
    assert course(INQUIRY, tested, done).status == "closed"


def test_the_order_of_writing_counts_not_of_arrival() -> None:
    answer = line(3, "team", "ログを添付します。11/12 10:00 を希望します。", to=("vendor",), files=("a.log",))
    again = line(4, "vendor", "One file is missing.", asks=("logs",), acts=("ask",))
    told = course(INQUIRY, LOGS_AND_SLOT, answer, again)
    assert [(a.what, a.state, a.message) for a in told.asks] == [
        ("logs", "answered", "2"),
        ("time_slot", "answered", "2"),
        ("logs", "open", "4"),
    ]


def test_a_user_settles_a_case_and_can_open_it_again() -> None:
    solved = line(2, "requester", "It works, thank you!", to=("team",), acts=("confirm_resolved",))
    thanks = line(3, "vendor", "Thank you for telling us.")
    again = line(4, "requester", "It happened again.", to=("team",), acts=("reopen",))
    assert (course(OPENING, INQUIRY, solved).status, course(OPENING, INQUIRY, solved).waiting_on) == ("resolved", None)
    assert course(OPENING, INQUIRY, solved, thanks).status == "resolved"
    told = course(OPENING, INQUIRY, solved, thanks, again)
    assert (told.status, told.waiting_on) == ("open", "team")


def test_what_was_asked_lapses_or_is_answered_when_the_matter_is_settled() -> None:
    asks = line(2, "vendor", "Please test it and send the log.", asks=("test", "logs"), acts=("ask",))
    told = course(INQUIRY, asks, line(3, "team", "Works now.", to=("vendor",), acts=("confirm_resolved",)))
    assert {ask.what: ask.state for ask in told.asks} == {"test": "answered", "logs": "withdrawn"}


def test_the_vendor_may_close_when_we_say_so_and_not_when_we_say_not_yet() -> None:
    done = line(
        2, "team", "解消しました。クローズしていただいて構いません。", to=("vendor",), acts=("confirm_resolved",)
    )
    wait = line(
        2, "team", "解消しました。今はクローズしないで置いてください。", to=("vendor",), acts=("confirm_resolved",)
    )
    assert course(INQUIRY, done).status == "closed"
    assert course(INQUIRY, wait).status == "resolved"


def test_a_vendor_that_goes_on_after_the_settlement_has_the_turn() -> None:
    solved = line(2, "team", "Works now.", to=("vendor",), acts=("confirm_resolved",))
    goes_on = line(3, "vendor", "The cause report will come on Friday.", acts=("progress",))
    told = course(INQUIRY, solved, goes_on)
    assert (told.status, told.waiting_on) == ("open", "vendor")


def test_a_proposal_to_close_lets_earlier_asks_lapse_and_resolves_nothing() -> None:
    closing = line(3, "vendor", "May we close?", asks=("confirm_close",), acts=("ask",))
    told = course(INQUIRY, LOGS_AND_SLOT, closing)
    assert [ask.what for ask in told.asks if ask.state == "open"] == ["confirm_close"]
    assert (told.status, told.waiting_on) == ("open", "team")


@pytest.mark.parametrize(
    ("text", "turn", "status"),
    [
        ("お問い合わせの状態が更新されました。\n 状態: お客様ご返信待ち\n本メールは送信専用です。", "team", "open"),
        ("ステータス：サポートにて対応中", "vendor", "open"),
        ("Case status: pending-customer-action", "team", "open"),
        ("The status of your request has changed from Open to Waiting for customer.", "team", "open"),
        ("Status: Work in progress", "vendor", "open"),
        ("ステータスが「処理中」から「クローズ」に変更されました。", None, "closed"),
        ("Status: SOLUTION_PROVIDED", "team", "open"),
        ("状態: 弊社回答待ち", "vendor", "open"),
        ("Status changed: In progress → Waiting for customer", "team", "open"),
        ("下記のお問い合わせに回答が掲載されました。", "team", "open"),
        ("Your request has a new response from support.", "team", "open"),
        ("The status page shows that customers wait.", "vendor", "open"),
        ("新しいコメントが追加されました。", "vendor", "open"),
    ],
)
def test_a_notice_of_a_state_says_whose_turn_it_is(text: str, turn: str | None, status: str) -> None:
    told = course(INQUIRY, line(2, "vendor", text, automatic="notification"))
    assert (told.waiting_on, told.status) == (turn, status)


def test_a_receipt_that_names_a_state_moves_nothing() -> None:
    asked = line(2, "vendor", "Please send the log.", asks=("logs",), acts=("ask",))
    receipt = line(3, "vendor", "受け付けました。\n状態: 処理中", automatic="auto_reply", acts=("auto_ack",))
    assert course(INQUIRY, asked, receipt).waiting_on == "team"


@pytest.mark.parametrize(
    ("text", "turn"),
    [
        ("除外のほうは経理の都合で、月曜の朝に試して結果をご連絡します。", "team"),
        ("We will test the new driver on Monday night.", "team"),
        ("テストは明日の夜に行います。", "team"),
        ("試しましたが、変わりませんでした。", "vendor"),
        ("We tested the new driver, no change. We will try the other one too.", "vendor"),
    ],
)
def test_a_test_that_is_still_to_come_is_owed(text: str, turn: str) -> None:
    asked = line(2, "vendor", "Please try the new driver.", asks=("test",), acts=("ask",))
    assert course(INQUIRY, asked, line(3, "team", text, to=("vendor",))).waiting_on == turn


def test_a_refusal_keeps_the_turn_though_the_mail_that_asked_never_came() -> None:
    text = "A trace is not in our handbook, nobody will take one."
    refused = line(1, "team", text, to=("vendor",), acts=("answer",), tone=("refuse_logs",))
    assert course(OPENING, refused).waiting_on == "team"
    assert course(OPENING, line(1, "team", text, to=("vendor",), acts=("answer",))).waiting_on == "vendor"
    given = line(2, "team", "Here is the trace after all.", to=("vendor",), acts=("give_logs",), files=("trace.pcap",))
    assert course(OPENING, refused, given).waiting_on == "vendor"


def test_an_answer_that_went_by_a_portal_can_be_told_by_hand_and_later_mail_moves_on() -> None:
    assert LOGS_AND_SLOT.reading is not None
    at = LOGS_AND_SLOT.node.at + timedelta(minutes=30)
    logs, slot = (f"{LOGS_AND_SLOT.turn.id}-{what}" for what in ("logs", "time_slot"))
    one = follow([INQUIRY, LOGS_AND_SLOT], {logs: Setting("answered", "Aki", at)})
    assert ({ask.what: ask.state for ask in one.asks}, one.waiting_on) == (
        {"logs": "answered", "time_slot": "open"},
        "team",
    )
    both = {logs: Setting("answered", "Aki", at), slot: Setting("answered", "Aki", at)}
    told = follow([INQUIRY, LOGS_AND_SLOT], both)
    assert (told.waiting_on, told.since, told.moves[-1]) == ("vendor", at, (at, "vendor"))
    assert (told.asks[0].answered_at, told.asks[0].set_by, told.asks[0].answered_by_message) == (at, "Aki", None)
    assert follow([INQUIRY, LOGS_AND_SLOT], {"*": Setting("answered", "Aki", at)}).waiting_on == "vendor"
    early = at - timedelta(days=2)
    assert follow([INQUIRY, LOGS_AND_SLOT], {"*": Setting("answered", "Aki", early)}).waiting_on == "team"
    again = line(9, "vendor", "Please send the log of node 2, too.", asks=("logs",), acts=("ask",))
    again = replace(again, node=replace(again.node, at=at + timedelta(hours=1)))
    later = follow([INQUIRY, LOGS_AND_SLOT, again], {"*": Setting("answered", "Aki", at)})
    assert (later.waiting_on, [ask.state for ask in later.asks]) == ("team", ["answered", "answered", "open"])
    gone = follow([INQUIRY, LOGS_AND_SLOT], {"*": Setting("withdrawn", "Aki", at)})
    assert ({ask.state for ask in gone.asks}, gone.waiting_on) == ({"withdrawn"}, "team")


def test_blanks_behind_a_state_cost_nothing() -> None:
    assert told_state("status" + " " * 200_000 + "x\ny") is None  # by the square or worse it would not end
    assert told_state("Status changed:  \t Open \t -> \t Closed") == "closed"
    assert told_state("Status:A→ Waiting for customer") == "team"
