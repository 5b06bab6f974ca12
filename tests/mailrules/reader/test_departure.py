"""Whether a reply begins another matter than the mail that it answers."""

from dataclasses import replace

import pytest

from mailrules.engine.judge import Rules
from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.thread import RuleInput, Side

TO_US: frozenset[Side] = frozenset({"team"})
REPLY = RuleInput(
    "1", "requester", "ren@lab.test", "", subject_is_new=False, is_reply=True, language="en", towards=TO_US
)
UNANNOUNCED = "Works again, thanks a lot.\nOur new trainee Jo Park starts on Monday and needs a login and a mailbox."


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load()


@pytest.mark.parametrize(
    "text",
    [
        "野中様\n\n先日はありがとうございました。\n話は変わりまして、9月分のご請求についてです。",
        "お世話になっております。情シスの森です。\n別件で恐縮ですが、ライセンスの追加をお願いします。",
        "本件とは別の話になりますが、証明書の更新について教えてください。",
        "Hi,\nOn a different topic: can we get a quote for ten seats?",
        "Thanks again for last week!\nThis is a new issue: the mail queue is stuck.",
        "I am reusing this old thread for another matter.",
        "Hi Ann,\n\nPosting on this old thread as I know no other way in, but it's about something else.",
        "堀様\n\nその節はお世話になりました。\n今回は保守費の請求についてです。",
        "堀様\n\n前のメールへの返信をお借りします。保守費の請求の件です。",
        "Hello Ann,\n\nunrelated to the above, our invoice shows two units.",
        "Ann, I was sent this exchange, but my question has nothing to do with the pumps:\nwho pays for cranes?",
        "Ann,\n\nnew subject, I only hit reply. From May on we are twelve.",
        "Hi Ann,\n\nas I have you here: can we have a second door sign?",
        "Sorry for hijacking this thread. Our lamp order has not come.",
        "May I borrow this thread? Our lamp order has not come.",
        "Something completely different: who orders toner?",
        "前のメールから返信しております。来月の席替えの件です。",
        "ついでで恐縮ですが、プロジェクターの貸し出しをお願いできますか。",
        "先日の故障とは関係のない話ですみません。棚の鍵を一本なくしました。",
        "堀様\n\n先日はありがとうございました。異音はその後出ていません。\n\n別件で恐縮です。保守費の内訳をいただけますか。",
        "Hi Ann,\n\nSorry, a different subject, nothing to do with the pumps: on our June invoice we pay twice.",
        "Hi Ann,\n\nthe pump has been running fine since your visit.\n\nOn a different topic: who may order filters?",
        "佐藤です。契約番号 K-40 です。\n先ほどのポンプの件とは別のお問い合わせです。",
        "先ほどのご依頼とは別の機器です。\n弁 V-7 が固着しています。",
        "記録の件とは別で恐縮です。\n2階のポンプの契約について教えてください。",
        "Hi again,\n\nDifferent thing, not the pump. The valve of line 2 drips.",
        "Unrelated to this morning: who may order filters?",
        "One more, nothing to do with this morning: Ren joins the lab in May.",
        "While I have you, the clock of the lobby is wrong.",
        "堀です。\n別件なんですが、棚の札が読めません。",
        "堀です。このメールに返信ですみません。\n傘立てを一つ増やしてください。",
        "Ann again, other subject: the lift shows yesterday's menu.",
        "堀です。昨日はありがとうございました。\n今日は別のお願いで、倉庫の鍵を増やしたいです。",
        "It works now. Separate question: who pays for the second key?",
        "Perfect, all fine again.\n\nAnother thing while I have you: Ren needs a key.",
        "Hello, not about the pump this time, it is Ren of the late shift: who has the key?",
        "直りました。ありがとうございます。\nそれと全然別の話ですが、棚の札が読めません。",
        "堀です。度々すみません。\n先ほどのものとは別に、台車が一台壊れました。",
        "堀さん、ありがとうございました。\nこれとは関係ないのですが、来週から二人増えます。席は足りますか。",
        "届いています。ついでで申し訳ないのですが、電話の保留が切れます。",
    ],
)
def test_a_reply_that_announces_another_matter_departs(rules: Rules, text: str) -> None:
    assert read(rules, text).departs


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ご確認ありがとうございます。ログを添付します。\n\n別件ですが、来月の予定も後ほど送ります。",
        "下に書きます。\n9時ごろからです。\nあと別件ですが異動者リストの締切はいつですか。",
        "The new server has the same problem.",
        "We see a different error today, E-77.",
        "別のPCでも同じでした。",
        "I am writing on the old laptop, the new one is about to be swapped.",
        "今回は再起動しても直りませんでした。",
        "ご返信をいただいた形跡が見当たりません。",
        "The error has nothing to do with the pump, it is the cable.",
        "I have you on copy as you asked.",
        "I just hit the red button and it stopped.",
        "We have something different on the display today, E-12.",
        "前のメールに書いた手順でも直りません。",
        "再起動とは関係なく、毎朝出ます。",
        "本件とは別の端末でも同じ症状が出ました。",
        "前回とは異なるエラーになりました。",
        "返信の形でログを送ります。",
        "内容は全く問題ありません。",
        "I am replying to this thread with the logs you asked for.",
        "先週の障害とは関係ありません。リンクは今も切れています。",
        "その件とは関係ありませんでした。",
        "先日の件とは関係ないと思います。",
        "先日のメールに返信しておらず申し訳ありません。ログを添付します。",
        "以前のメールに返信していただけますか。",
        "件名が違うメールも届きました。",
        "件名は以前と同じです。",
        "The message has nothing to do with the disk, it appears with an empty disk too.",
        "This one has nothing to do with the firewall.",
        "The request has nothing to do with the proxy.",
        "Only using reply all fails.",
        "It happens when just pressing reply in Outlook.",
        "Something else: it also fails on the second PC.",
        "Please ignore the title, the log is of today.",
        "An attacker is stealing the mail of our users.",
        "A different subject line does not help.",
        "もう一つのPCでは動きます。",
        "もう一点、発生時刻は9時15分頃でした。",
        "ついでに隣の席のPCでも試しましたが同じです。",
        "ありがとうございます。\nところで、再起動は必要でしょうか。",
        "先ほどのログとは別に、今朝の記録も送ります。",
        "停電とは関係ありませんが、朝から止まります。",
        "木曜なら立ち会いできます。別件ですが、鍵は総務にあります。",
        "Nothing to do with the cable, I swapped it and it is still dead.",
        "This is not about the cable, we swapped it twice.",
        "Nothing to do with the cable, but the lamp is still red.",
        "Nothing to do with the VPN: I get the same error at home.",
        "I am only using this mail account on the phone, and it still fails.",
        "もう一つ別の端末でも試しましたが、同じエラーが出ます。",
        "Using the same e-mail as before I get the same error.",
        "Back to the same error. New question: shall I wait?",
        "Works only in one browser. Separate issue: none of us has the other.",
        "先ほどのログとは別に撮った写真です。",
        "ついでに確認しましたが、ほかの棚は問題ありません。",
        "ありがとうございます。ところで先日の件はその後どうなりましたか。",
        "It works on the second PC only. Another thing we saw: the lamp blinks.",
        "異音はその後出ていません。なお、別件ですが来月の予定も送ります。",
        "異音はその後も出ています。\n別件で恐縮です。保守費の内訳をいただけますか。",
        "異音はその後出ていません。記録を添付します。\n別件で恐縮です。保守費の内訳をいただけますか。",
        "The pump has not run since Friday. It leaks, too.\nOn a different topic: who may order filters?",
        "先日の件とは別の機器でも同じ音がします。",
        "It is a different thing now, the pump starts but stops again.",
    ],
)
def test_a_side_remark_does_not_depart(rules: Rules, text: str) -> None:
    assert not read(rules, text).departs


@pytest.mark.parametrize(
    "text",
    [
        UNANNOUNCED,
        "直りました、ありがとうございます。\n会議室のモニターが今朝から映りません。見ていただけますか。",
        "Received, thank you. The label printer at gate 3 prints every page twice since this morning.",
    ],
)
def test_a_reply_may_begin_another_matter_without_announcing_it(rules: Rules, text: str) -> None:
    assert read(rules, text).departs


@pytest.mark.parametrize(
    "mail",
    [
        replace(REPLY, is_reply=False),
        replace(REPLY, subject_is_new=True),
        replace(REPLY, side="vendor"),
        replace(REPLY, automatic="auto_reply"),
        replace(REPLY, language="de"),
    ],
)
def test_only_replies_of_people_of_ours_depart(rules: Rules, mail: RuleInput) -> None:
    assert not rules.read(replace(mail, text=UNANNOUNCED)).departs
    assert rules.read(replace(REPLY, text=UNANNOUNCED)).departs


def test_a_reply_that_departs_is_read_as_the_first_mail_of_its_matter(rules: Rules) -> None:
    departing = replace(REPLY, text=UNANNOUNCED)
    first = rules.read(replace(departing, is_reply=False, begins=False, subject_is_new=True))
    assert rules.read(departing).statements == first.statements
    assert rules.read(replace(departing, begins=True)) == rules.read(departing)


def read(rules: Rules, text: str) -> Reading:
    japanese = any("\u3040" <= letter <= "\u30ff" for letter in text)
    return rules.read(replace(REPLY, text=text, language="ja" if japanese else "en"))
