"""Facts of an inquiry as people tell them in running sentences: what is heard, and what looks like it and is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailrules.judge import Rules
from mailrules.library import load
from mailrules.thread import Side, Turn

TOLD = [
    ("error_message", "バックアップ装置のパネルに「Tape Library Offline (Code 17)」とだけ残っていました。"),
    ("error_message", "syslog には `link flap detected on port 3/14` が繰り返し記録されています。"),
    ("error_message", "警告の類は一切出ておりません。"),
    ("error_message", 'All we get is "Queued: waiting for a runner to pick up this job".'),
    ("error_message", "The front panel reads E04 MEDIA."),
    ("error_message", "Nothing is logged when it happens."),
    ("occurred_at", "正午を少し回ったあたり(12:10頃)に最初の電話がありました。"),
    ("occurred_at", "This has been going on since half past nine this morning."),
    ("impact_scope", "端末24台すべてで同じ状態です。"),
    ("impact_scope", "いまのところ困っているのは私ひとりです。"),
    ("impact_scope", "Everyone else round here seems happy."),
    ("impact_scope", "Each build job in all 38 repositories is affected."),
    ("tried", "ドライバーを一度消して入れ直したものの変化はありません。"),
    ("tried", "再起動の実施:はい(改善せず)"),
    ("tried", "Swapping the cable made no difference."),
    ("tried", "The firewall log shows no blocks for that address."),
    ("workaround", "画面が映りません。スマホの回線からだと話せます。"),
    ("workaround", "ほかに手立てがありません。"),
    ("workaround", "The printer is down. For now we write the labels by hand."),
    ("workaround", "There's nothing else we can use."),
    ("workaround", "■回避策: 見つかっていません"),
    ("tried", "試したこと    中継器の電源入れ直し(10:05) → 変化なし"),
    ("contract_id", "サービスコード    fb7654321"),
    ("version", "Flexible Gateway 8200(版数は 9.1-0412)です。"),
    ("version", "We run Citrix CVAD 2402 LTSR CU1."),
    ("environment", "設置場所は本番データセンターです。"),
    ("environment", "That database is a development copy."),
    ("resource_id", "回線IDは F-88120034 です。"),
    ("resource_id", "The property is www.kanda-shop.example."),
    ("device_id", "対象は GTF-PK01 から GTF-PK11 です。"),
    ("device_id", "The sticker says A10233."),
    ("location", "The machines are in Getafe."),
    ("contract_id", "サポート契約 SAID 2041-8890-3317 でお願いします。"),
    ("contract_id", "We are customer 4471-0092."),
    ("related_case", "関連する過去のご相談として、REQ0099121 がございます。"),
    ("related_case", "You solved it in F-CS-8812043 back then."),
    ("approval", "承認は品質管理部長の辻本です(申請番号 WK-2291)。"),
    ("approval", "The CFO gave the green light."),
    ("expected", "設計上は片系が落ちても止まらないことになっています。"),
    ("expected", "Mails ought to arrive within a minute."),
    ("refs_checked", "ドキュメントはひととおり当たりました。"),
    ("refs_checked", "The admin guide, chapter 5, does not cover this."),
    ("background", "共有する手順を教えてください。監査で指摘を受けたため、記録を1年残す必要があります。"),
    ("background", "Is it possible to keep sign-in records for a year? Our auditors require it."),
    ("recent_changes", "前日の夜にセキュリティパッチが当たっています。"),
    ("recent_changes", "The configuration has not been touched for a month."),
    ("ongoing_state", "今は収まりましたが、また起きそうで不安です。"),
    ("ongoing_state", "The loop is still there."),
    ("last_known_good", "前の版では起きませんでした。"),
    ("business_impact", "窓口での手続きに一人あたり20分余計にかかっています。"),
    ("business_impact", "Shipments are piling up because no delivery note can be printed."),
    ("question", "Our customer wants to know why it went down."),
    ("change_target", "She needs edit rights instead of read."),
    ("deadline", "入社日は12月15日です。"),
    ("device_id", "I'm on notebook OSL-4410."),
    ("logs", "診断結果(zip)をポータルに置いておきました。"),
    ("ongoing_state", "The cabinet is whisper quiet again."),
]
NONE = [
    ("error_message", "エラーが出て先に進めません。"),
    ("error_message", "「次へ」ボタンを押してください。"),
    ("error_message", 'We call it the "blue room".'),
    ("occurred_at", "明日の10時から作業を行います。"),
    ("occurred_at", "The truck leaves at 17:00."),
    ("impact_scope", "来月から3名増えます。"),
    ("impact_scope", "Nobody is blaming anyone here."),
    ("tried", "再起動をお試しください。"),
    ("tried", "特に何も試していません。"),
    ("tried", "The screen says that the organisation has disabled this device."),
    ("workaround", "回避策があればご教示ください。"),
    ("version", "IPは 10.20.30.40 です。"),
    ("version", "It grew 3.5 times."),
    ("environment", "The test team is in room 4."),
    ("contract_id", "契約は来年3月までです。"),
    ("related_case", "In that case we would wait."),
    ("approval", "It still needs the approval of my manager."),
    ("expected", "本来お願いすべきことではありませんが、恐縮です。"),
    ("expected", "I expect your answer soon."),
    ("refs_checked", "当社の運用マニュアルには載っておりません。"),
    ("recent_changes", "来週、サーバーの移行作業を行います。"),
    ("frequency", "毎日1時間の会議で使っています。"),
    ("location", "Dear Citrix team,"),
    ("location", "The response from the remote server was late."),
    ("ongoing_state", "When will it be back?"),
    ("symptom", "I read the page but couldn't work out whether tags travel along."),
    ("expected", "Ghent and Namur get in normally."),
    ("frequency", "We tried paper once in March."),
]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load()


def heard(rules: Rules, text: str, side: Side = "team") -> set[str]:
    """Items with a value, of a first mail to a vendor."""
    mail = Turn(
        id="1",
        side=side,
        author="desk@corp.example",
        text=text,
        date=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        language="en" if text.isascii() else "ja",
        towards=frozenset[Side](("vendor",)),
    )
    return {said.item for said in rules.read(mail).items if said.state in ("value", "none") and not said.partial}


class TestFactsInSentences:
    @pytest.mark.parametrize(("item", "text"), TOLD)
    def test_a_fact_is_heard(self, rules: Rules, item: str, text: str) -> None:
        assert item in heard(rules, text)

    @pytest.mark.parametrize(("item", "text"), NONE)
    def test_what_only_looks_like_it_is_none(self, rules: Rules, item: str, text: str) -> None:
        assert item not in heard(rules, text)

    def test_a_whole_inquiry_lacks_nothing(self, rules: Rules) -> None:
        text = (
            "11月24日 5時12分(JST)から、本番の帳票サーバー rpt-prd-02(FormMaster 8.4.1)が応答しなくなり、"
            "現在も続いています。"
            "本来は要求から3秒以内にPDFが返りますが、「ERR-5103 Queue full」とログに出て"
            "全件失敗します。常に再現します。"
            "影響は営業所62拠点で、見積書を出せず商談が止まっています。代替手段はありません。"
            "直前の変更は11/23夜のOSパッチ適用のみです。サービス再起動を試しましたが改善しませんでした。"
            "インスタンスは rpt-prd-02 です。原因と復旧手順をご教示ください。"
        )
        wanted = {
            *(
                "product",
                "version",
                "environment",
                "resource_id",
                "symptom",
                "expected",
                "error_message",
                "occurred_at",
            ),
            *("timezone", "ongoing_state", "frequency", "impact_scope", "business_impact", "workaround"),
            *("recent_changes", "tried", "question"),
        }
        assert wanted <= heard(rules, text)
