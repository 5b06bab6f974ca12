"""Notices of help desks: whose turn it is by the name of the state, and sentences that name no state of a case."""

import pytest

from mailrules.library import load
from mailrules.thread import RuleInput

RULES = load()


def states(text: str) -> list[str]:
    language = "en" if text.isascii() else "ja"
    turn = RuleInput("1", "vendor", "desk@acme.test", text, "[#4711] printer", language=language)
    return [one.meaning for one in RULES.read(turn).statements if one.meaning.startswith("desk.")]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("The state of request 4711 has changed from Open to Waiting on customer.", "customer"),
        ("Status was changed to Awaiting Info from Work in Progress", "customer"),
        ("Incident state: On Hold - Awaiting Caller", "customer"),
        ("Old status: Work in progress, new status: Pending", "customer"),
        ("Case status is now: Action Required (we close the case if we hear nothing)", "customer"),
        ("チケットの状態が「サポート対応中」から「お客様のご確認待ち」へ変わりました。", "customer"),
        ("■ ステータス：調査中 ⇒ お客様ご回答待ち", "customer"),
        ("変更前のステータス：新規、現在のステータス：ご返信待ち", "customer"),
        ("Status changed from 'Pending customer' to 'Waiting for support'", "vendor"),
        ("Ticket status: Pending vendor", "vendor"),
        ("ステータスが「お客様確認中」から「弊社調査中」に更新されました。", "vendor"),
        ("お問い合わせの状況が「解決済み」になりました。", "closed"),
        ("Ticket status: Resolved - no answer from you", "closed"),
        ("対応状況：終了(ご回答がないため)", "closed"),
        ("Good morning, the state of your request is now Resolved.", "closed"),
        ('Ticket 8813 "scanner jams": status set to Closed', "closed"),
        ("Request status: Done", "closed"),
        ("Your ticket 88131 has been resolved. It can be reopened for 14 days.", "closed"),
        ("Case #8813 is now closed.", "closed"),
        ("お問い合わせ 8813 はクローズされました。", "closed"),
        ("チケット #8813 は解決済みです。", "closed"),
        ("Status set to Closed; moved back to In Progress.", "vendor"),
    ],
)
def test_a_notice_tells_the_state_that_holds_now(text: str, meaning: str) -> None:
    assert states(text) == [f"desk.{meaning}"]


@pytest.mark.parametrize(
    "text",
    [
        "If the status changes to Waiting for customer, you get a mail.",
        "The status will change to Closed in five days.",
        "The status has not changed to closed.",
        "The status page is answered by another server.",
        "The status: open items are listed below.",
        "Status: no action required",
        "5日後にステータスが「完了」に変更されます。",
        "ステータスはまだ「完了」ではありません。",
        "状況：受付番号は後日お送りします。",
        "状態：完了までお待ちください。",
        "The relay state is closed.",
        "Your case will be closed in five days.",
        "Has your case been resolved?",
        "In case this is resolved, tell us.",
        "Your ticket has not been resolved.",
        "The issue has been resolved.",
        "Your case is open.",
        "チケットはまだ解決されていません。",
        "お問い合わせの完了のご確認をお願いいたします。",
        "お問い合わせは完了とさせていただければと存じます。",
        "RMA 5512\nStatus: Closed",
        "Replication status: completed",
        "Copy status: done",
        "Status: to do",
        "We replaced the fan, and the delivery status is pending.",
        "Ticket 8813: on port 7 the link state is closed.",
        "The export was marked as completed.",
        "Please tell us whether the ticket status is closed.",
        "バルブの状態：クローズ",
        "転送の対応状況は「完了」です。",
        "チケットのステータスが「完了」になっているかをお知らせください。",
    ],
)
def test_other_sentences_name_no_state(text: str) -> None:
    assert states(text) == []
