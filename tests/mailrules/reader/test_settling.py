"""Replies that end a matter, and replies that only look like it. The reader was trained on other mails."""

from collections.abc import Sequence

import pytest

from mailrules.reader.partly_solved import without_partial_recovery
from mailrules.statement import ReaderResult, Statement
from tests.mailrules.mails import READER, mail, next_side


def read(text: str, side: str = "requester", to: str = "team") -> ReaderResult:
    return READER.read(mail(text, side, to, subject="Re: Badge", opens=False))


def acts(told: ReaderResult) -> set[str]:
    return {one.meaning for one in told.statements if one.meaning in ("act.confirm_resolved", "act.close")}


def ended(texts: Sequence[str], side: str = "requester", to: str = "team") -> int:
    return sum(next_side(read(text, side, to)) == "nobody" for text in texts)


DROPPED = [
    "We borrowed a projector next door, so please cancel the request.",
    "Sorry, please forget about it.",
    "Never mind, I sorted it out myself.",
    "The trip is off, so this is no longer needed. Thanks!",
    "That is more than we can spend. We will do without it.",
    "OK, I don't need the order any more.",
    "余りがありましたので、依頼を取り下げさせてください。",
    "高いですね。でしたら、今回は見送ることにしました。",
    "出張がなくなりましたので、この申請はキャンセルでお願いします。",
    "すみません、自己解決しました。",
    "お騒がせしました。先ほどの件はなかったことにしてください。",
]
WORKS = [
    "The badge opens every door. Everything is fine now, cheers.",
    "Works like a charm 🎉",
    "All good again!",
    "二日見ていましたが、扉は開きます。問題なさそうです。",
    "ばっちりです!",
    "再設定したところ、無事に入れました。",
]
LET_CLOSE = [
    "Yes, please close the case.",
    "It prints with the new drum. Could you close it?",
    "No alarms since Monday. You may close SR 5512-7.",
    "交換後は止まっていません。本件はクローズをお願いいたします。",
    "はい、問い合わせは閉じてください。",
]
LOOK_ALIKE = [
    "Please cancel the old badge of the other colleague.",
    "Please cancel this ticket for the other building.",
    "Cancel it only for Ruth.",
    "Please cancel it and order the black one.",
    "If it is dear, please cancel it.",
    "I forgot it in the train.",
    "The system cancelled it at noon.",
    "Please disregard my list, here is another.",
    "The old key is no longer needed, please delete it.",
    "Never mind the colour, when is it here?",
    "OK, but it still beeps.",
    "It is fine now, but the second door is stuck.",
    "Anna's badge is fine now.",
    "Is everything fine now?",
    "Looks good now, I will monitor it.",
    "Please close the lid and retry.",
    "Please do not close it yet.",
    "Please cancel it. Can you check the scanner instead?",
    "会議室をキャンセルしてください。",
    "なければキャンセルさせてください。",
    "鍵は不要になったので消してください。",
    "2枚目は不要になりました。",
    "キャンセルさせてください。代わりに白をお願いします。",
    "もう大丈夫でしょうか。",
    "大丈夫そうですが、裏口がまだ開きません。",
    "問題なさそうです。もう少し様子を見ます。",
    "画面を閉じてください。",
    "まだ閉じないでください。",
    "OKですが、裏口が開きません。",
    "直ったら閉じてください。",
]


def test_most_replies_that_end_a_matter_are_recognised() -> None:
    assert ended(DROPPED) >= 7
    assert ended(WORKS) >= 5
    assert ended(LET_CLOSE, "team", "vendor") >= 4
    closing = ["Good. I will close the ticket then.", "承知しました。では本件はクローズいたします。"]
    assert ended(closing, "team", "requester") == 2


SOLVED_WRONGLY = {
    "Please close the lid and retry.",
    "2枚目は不要になりました。",
    "鍵は不要になったので消してください。",
}
ENDED_WRONGLY = {
    "2枚目は不要になりました。",
    "鍵は不要になったので消してください。",
    "Looks good now, I will monitor it.",
    "Please cancel this ticket for the other building.",
    "キャンセルさせてください。代わりに白をお願いします。",
    "問題なさそうです。もう少し様子を見ます。",
}


@pytest.mark.parametrize("text", LOOK_ALIKE)
def test_a_reply_that_only_looks_like_an_end_ends_nothing_except_for_the_known_misses(text: str) -> None:
    told = read(text)
    assert (next_side(told) == "nobody") == (text in ENDED_WRONGLY)
    assert ("act.confirm_resolved" in acts(told)) == (text in SOLVED_WRONGLY)
    assert "act.close" not in acts(told)


@pytest.mark.parametrize("text", ["Yes, please close the case.", "No alarms since Monday. You may close SR 5512-7."])
def test_the_team_lets_the_vendor_close(text: str) -> None:
    assert "act.close" in acts(read(text, "team", "vendor"))


@pytest.mark.parametrize("text", DROPPED + WORKS + LET_CLOSE)
def test_a_vendor_settles_nothing(text: str) -> None:
    assert "act.confirm_resolved" not in acts(read(text, "vendor"))


@pytest.mark.parametrize("text", ["All good again!", "無事に入れました。"])
def test_it_is_solved_only_if_nobody_has_to_act(text: str) -> None:
    assert "act.confirm_resolved" in acts(read(text))
    assert "act.confirm_resolved" not in acts(read(f"{text} But the scanner still stops. Can you look at it?"))


@pytest.mark.parametrize("text", ["I will close it tomorrow.", "ご連絡がない場合は、本件はクローズいたします。"])
def test_the_announcement_of_a_close_by_the_team_does_not_resolve(text: str) -> None:
    assert "act.confirm_resolved" not in acts(read(text, "team", "requester"))


@pytest.mark.parametrize(
    "text",
    ["I will check with the landlord and come back to you.", "We have to order the lock, that takes a while.",
     "Thanks. Let me ask our colleagues in Graz.", "お調べしますので、少々お待ちください。",
     "鍵を発注しますので、二週間ほどお待ちください。", "管理会社に聞きます。分かったらこちらからご連絡します。"],
)  # fmt: skip
def test_a_requester_only_waits_for_our_team(text: str) -> None:
    assert next_side(read(text, "team", "requester")) == "team"


@pytest.mark.parametrize(
    "text",
    ["Could you let me know which door it is?",
     "I will ask the landlord. Meanwhile, please use the back door and tell us the badge number.",
     "折り返しお電話ください。",
     "後ほどご連絡しますので、番号を教えてください。"],
)  # fmt: skip
def test_a_requester_also_has_to_do_something(text: str) -> None:
    assert next_side(read(text, "team", "requester")) == "requester"


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("I have closed SR 20418. Enjoy your day.", True),
        ("ご確認ありがとうございます。チケットを閉じました。", True),
        ("Have you closed SR 20418?", False),
        ("まだケースを閉じていません。", False),
    ],
)
def test_a_vendor_says_that_it_closed_the_ticket(text: str, closed: bool) -> None:
    assert ("act.close" in acts(read(text, "vendor"))) is closed


@pytest.mark.parametrize(
    "text",
    ["Three people, me included.", "I have it on both laptops.", "All five of us have it.", "隣の席も同じです。"],
)
def test_an_answer_about_the_problem_ends_nothing(text: str) -> None:
    told = read(text)
    assert next_side(told) == "team"
    assert "act.confirm_resolved" not in acts(told)


@pytest.mark.parametrize(
    "text",
    ["The front door works again, thank you! But the two back doors still do not open.",
     "Reception prints again. The label printer is still dead.",
     "Everything is working again except the lift.",
     "Some of the gates are back to normal.",
     "Mine works now, his does not.",
     "正面玄関は開くようになりました。ありがとうございます。ただ、裏口がまだだめです。",
     "受付の印刷は復旧しましたが、倉庫では依然として印刷できません。",
     "三階以外は直りました。",
     "一部の改札で復旧しております。",
     "受付の印刷は復旧しましたが、倉庫ではまだエラーが出ています。"],
)  # fmt: skip
def test_a_problem_that_is_left_beside_a_recovery_continues(text: str) -> None:
    told = {one.meaning for one in read(text).statements if one.state == "value"}
    assert "ongoing" in told
    assert told.isdisjoint(("recovered", "act.confirm_resolved"))


@pytest.mark.parametrize(
    "text",
    ["It works again, thank you. I still do not know why it stopped.",
     "All doors open again. Could you tell me if the lift is still locked?",
     "It was still locked at seven, but now it is solved.",
     "直りました。原因はまだ分かりません。",
     "It is solved. I have not tried the second badge yet, and I still have not received the new ones.",
     "扉は直りました。報告書はまだいただいておりません。",
     "夕方まではまだ開きませんでしたが、扉は直りました。",
     "裏口はまだ開きますか。正面玄関は直りました。",
     "It is solved. So far we still see no errors.",
     "直りました。引き続き問題なく使えております。",
     "直りました。まだエラーは出ていません。"],
)  # fmt: skip
def test_what_is_not_known_asked_or_past_is_no_problem_that_is_left(text: str) -> None:
    view = READER.view(mail(text, "requester", "team", subject="Re: Badge", opens=False))
    [start] = [one.start for one in view.units if any(word in one.text for word in ("solved", "again", "直"))]
    recovery = Statement("recovered", start=start)
    assert without_partial_recovery([recovery], view) == [recovery]


@pytest.mark.parametrize(
    ("text", "works"),
    [
        ("Two hundred badges were printed this morning. Thanks!", True),
        ("Quiet since yesterday evening, thank you Ruth.", True),
        ("入構記録が全部表示されました。ありがとうございました。", True),
        ("Thanks! I will try it at lunch.", False),
        ("Thank you for the call. The door is still locked.", False),
        ("ありがとうございます。明日の朝に確認します。", False),
    ],
)
def test_thanks_beside_the_outcome_confirm_a_recovery(text: str, works: bool) -> None:
    assert any(one.meaning == "recovered" and one.state == "value" for one in read(text).statements) is works


@pytest.mark.parametrize(
    ("text", "withdrawn"),
    [
        ("The fair was called off, so we need no badges.", True),
        ("Please cancel our order for the two readers.", True),
        ("The extra gate is no longer needed.", True),
        ("展示会が中止になりましたので、今回の申請はなしでお願いします。", True),
        ("入館証の追加は見送りとなりました。", True),
        ("Please do not cancel the order.", False),
        ("Could you cancel the order if it is not shipped yet?", False),
        ("The cancel button does nothing.", False),
        ("キャンセルはできますか。", False),
        ("見送りの時に使う入館証です。", False),
    ],
)
@pytest.mark.parametrize("side", ["requester", "team"])
def test_our_side_withdraws_a_request(text: str, withdrawn: bool, side: str) -> None:
    assert any(one.meaning == "act.withdraw" for one in read(text, side).statements) is withdrawn


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("承知いたしました。またの機会がございましたら、ご用命ください。", False),
        ("Noted. Please call us next time you need a reader.", False),
        ("Next time the gate jams, please note the exact minute and let us know.", True),
        ("When it fails next time, please leave the reader as it is and call us.", True),
        ("次の機会に、機器を再起動して結果をお知らせください。", True),
    ],
)
def test_a_vendor_that_closes_politely_asks_for_nothing(text: str, asks: bool) -> None:
    assert any(one.meaning.startswith("ask.") for one in read(text, "vendor").statements) is asks
