"""Sides of addresses, base subjects, words that begin a new topic, and tokens that nobody can make up."""

from __future__ import annotations

import pytest

from service.cases.facts.roles import LearnedRoles, Roles
from service.cases.facts.subject import read_subject, shown_subject
from service.cases.facts.tokens import case_of_address, case_of_message_id, case_of_token, own_message_id, token
from service.cases.facts.topic import begins_new_topic

ROLES = Roles(
    organisation=("lab.test",),
    team=("desk@lab.test", "@it.lab.test"),
    learned=LearnedRoles(team=frozenset({"ren@lab.test"})),
    vendor_of=lambda address: "acme" if address.endswith(("@acme.test", "@lab.test")) else None,
)


@pytest.mark.parametrize(
    ("address", "side"),
    [
        ("desk@lab.test", "team"),
        ("Desk+night@LAB.test", "team"),
        ("anyone@it.lab.test", "team"),
        ("ren@lab.test", "team"),
        ("mika@lab.test", "requester"),
        ("mika@branch.lab.test", "requester"),
        ("mika@notlab.test", "unknown"),
        ("help@acme.test", "vendor"),
        ("someone@else.test", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_an_address_is_on_one_side(address: str | None, side: str) -> None:
    assert ROLES.role_of(address) == side


@pytest.mark.parametrize(
    ("address", "side"),
    [
        ("anyone@partner.test", "vendor"),
        ("anyone@sub.partner.test", "vendor"),
        ("resident@desk.partner.test", "team"),
        ("ito@partner.test", "team"),  # named among the team: an address is stronger than a domain
        ("lent@partner.test", "requester"),
        ("ren@shop.lab.test", "vendor"),  # and a domain that somebody named stronger than the organisation
        ("mika@lab.test", "requester"),
        ("anyone@notpartner.test", "unknown"),
    ],
)
def test_the_side_of_a_whole_domain_may_be_named(address: str, side: str) -> None:
    known = {
        "@partner.test": "vendor",
        "@desk.partner.test": "team",
        "lent@partner.test": "requester",
        "@shop.lab.test": "vendor",
    }
    roles = Roles(organisation=("lab.test",), team=("ito@partner.test",), known=known)  # type: ignore[arg-type]
    assert roles.role_of(address) == side


def test_our_own_people_are_never_a_vendor_even_where_we_are_one() -> None:
    assert ROLES.vendor("mika@lab.test") is None
    assert ROLES.vendor("help@acme.test") == "acme"


@pytest.mark.parametrize(
    "subject",
    [
        "VPN が切れる",
        "Re: VPN が切れる",
        "RE: FW: Re: VPN が切れる",
        "返信: VPN が切れる",
        "転送：  VPN が切れる",
        "Re[2]: VPN が切れる",
        "AW: WG: VPN が切れる",
        "【外部】Re: VPN が切れる",
        "[EXTERNAL] Re: [外部メール] VPN が切れる",
        "Re: [net-users] VPN が切れる",
        "[net-users:01234] VPN が切れる",
        "自動応答: VPN が切れる",
        "Automatic reply: VPN が切れる",
        "[受付番号:26110200387] VPN が切れる",
        "【K2611-0918823】VPN が切れる",
        "VPN が切れる [acme #8841207]",
        "VPN が切れる - TrackingID#2611100050003837",
        "Case 51234567: VPN が切れる",
        "VPN が切れる (fwd)",
        "ＶＰＮ が切れる",
    ],
)
def test_marks_banners_and_tags_do_not_change_the_base_subject(subject: str) -> None:
    assert read_subject(subject).base == "vpn が切れる"


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("", ""),
        ("Re:", ""),
        ("[#4411] ", "[#4411]"),
        ("【本番】DB に接続できない", "【本番】db に接続できない"),
        ("Result: 3 of 4", "result: 3 of 4"),
        ("Regarding the fan", "regarding the fan"),
        ("Invoice 2031-05", "invoice 2031-05"),
    ],
)
def test_what_is_no_mark_stays(subject: str, base: str) -> None:
    assert read_subject(subject).base == base


def test_replies_and_forwards_are_told_apart() -> None:
    assert read_subject("Re: x")[1:] == (True, False)
    assert read_subject("転送: x")[1:] == (False, True)
    assert read_subject("Re: Fwd: x")[1:] == (True, True)


def test_a_title_keeps_case_and_numbers() -> None:
    assert shown_subject("RE: 【外部】Fwd: [acme #12345] Fan Noise") == "[acme #12345] Fan Noise"
    assert shown_subject("返信：プリンター") == "プリンター"


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
def test_a_writer_who_begins_a_new_topic_is_heard(text: str) -> None:
    assert begins_new_topic(text)


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
def test_a_side_remark_begins_nothing(text: str) -> None:
    assert not begins_new_topic(text)


def test_a_token_names_its_case_and_nothing_else_does() -> None:
    secret = b"kept in the store"
    name = token(4711, secret)
    assert case_of_token(name, secret) == 4711
    assert case_of_token(name.upper(), secret) == 4711
    assert case_of_token(name, b"other") is None
    assert case_of_token(name, b"") is None
    assert case_of_token(token(4711, b""), b"") is None  # before there is a key nobody can know it
    assert case_of_token(name[:-1] + ("a" if name[-1] != "a" else "b"), secret) is None
    assert case_of_token("4711", secret) is None
    assert case_of_address(f"intake+{name}@lab.test", secret) == 4711
    assert case_of_address("intake@lab.test", secret) is None
    ours = own_message_id(4711, "u7", "lab.test", secret)
    assert case_of_message_id(ours, secret) == 4711
    assert case_of_message_id("<sodan.1.aaaaaaaaaaaaaaaa.u@lab.test>", secret) is None
