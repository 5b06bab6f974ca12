"""The whole case: priority by impact and urgency, the checklist, tone, parked topics, the problem, explanations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from mailrules.judge import Rules
from mailrules.library import load
from mailrules.thread import Side, Turn

JST = timezone(timedelta(hours=9))
MONDAY = datetime(2026, 11, 9, 9, 0, tzinfo=JST)


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load()


def turn(
    text: str,
    side: Side = "requester",
    subject: str = "",
    *,
    id: str = "1",
    reply: bool = False,
    to: tuple[Side, ...] = ("team",),
    vendor: str | None = None,
    automatic: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Turn:
    return Turn(
        id=id,
        side=side,
        author=f"{side}@corp.example",
        text=text,
        subject=subject,
        subject_is_new=not reply,
        date=MONDAY,
        language="ja",
        towards=frozenset(to),
        vendor=vendor,
        automatic=automatic,
        headers=headers,
    )


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("経費精算が動きません。", "P3"),
        ("全社でログインできません。回避策はありません。", "P1"),
        ("全社でログインできません。", "P2"),
        ("営業二課の約20名がVPNにつながりません。", "P3"),
        ("営業二課の約20名がVPNにつながりません。代替手段はありません。", "P2"),
        ("営業二課の約20名がVPNにつながりません。Web版では使えています。", "P4"),
        ("Outlookが開きません。私だけです。", "P4"),
        ("検証環境でジョブが失敗します。全ユーザーに影響します。", "P4"),
        ("サーバーが停止していましたが復旧しました。業務影響はありません。", "P4"),
        ("フィッシングメールのリンクを押してしまいました。", "P2"),
        ("フィッシングメールのリンクを押してしまいました。今も通知が来ています。", "P1"),
        ("大至急お願いします!!! プリンタから紙が出ません。", "P3"),
        ("共有フォルダの作り方を教えてください。大至急!", "P4"),
        ("10月分の請求書の内訳を教えてください。明日の正午までに計上できないと締めに間に合いません。", "P3"),
        ("10月分の請求書の内訳を教えてください。12月20日までにお願いします。", "P4"),
        ("Production is down for all customers and there is no workaround.", "P1"),
        ("Only me: Outlook does not open, no rush.", "P4"),
        ("物流の10名がハンディを使えません。手書きで代用していますが、処理が追いつかず積み残しが出ています。", "P3"),
        ("外来の端末36台すべて同じ状態で、会計も処方もできません。ほかに方法はありません。", "P2"),
        ("共有フォルダの中身が次々と暗号化されています。", "P1"),
        ("身に覚えのない課金が請求書に載っています。", "P4"),
        ("The control plane of our prod cluster times out since 14:07. No workaround that we know of.", "P1"),
        ("Some customers see error 522. Reload is OK, but some customers give up.", "P3"),
    ],
)
def test_priority_follows_impact_and_urgency(rules: Rules, text: str, level: str) -> None:
    priority = rules.judge((turn(text),)).priority
    assert priority.level == level
    assert all(finding.quote for finding in priority.evidence)


def test_words_of_urgency_are_heard_and_do_not_count(rules: Rules) -> None:
    calm = rules.judge((turn("Outlookが開きません。"),)).priority
    loud = rules.judge((turn("大至急! Outlookが開きません。", headers=(("importance", "high"),)),)).priority
    assert loud.level == calm.level
    assert loud.heard
    assert not calm.heard


def test_a_reminder_never_raises_and_recovery_lowers(rules: Rules) -> None:
    first = turn("全社でログインできません。回避策はありません。")
    chase = turn("その後いかがでしょうか。至急お願いします。", id="2", reply=True)
    over = turn("先ほど復旧しました。", id="3", reply=True)
    assert rules.judge((first, chase)).priority.level == "P1"
    assert rules.judge((first, chase, over)).priority.level == "P4"


def test_a_reopening_is_weighed_by_its_own_words(rules: Rules) -> None:
    first = turn("全社でVPNがつながりません。")
    again = turn("また同じエラーが出ました。今回は私だけで、Web版では使えています。", id="2", reply=True)
    assert rules.judge((first, again)).priority.level == "P4"


def test_facts_in_running_sentences_fill_the_checklist(rules: Rules) -> None:
    judged = rules.judge((turn("今朝9時過ぎから営業3人がkintoneで403になります。PCはNB-02311です。"),))
    assert judged.missing == ()
    assert {"product", "symptom", "occurred_at", "error_message", "impact_scope", "device_id"} <= set(judged.present)


def test_what_was_said_to_be_unknown_is_not_asked_for(rules: Rules) -> None:
    judged = rules.judge((turn("勤怠システムが開きません。何時からかは分かりません。PC名も分かりません。"),))
    assert {"occurred_at", "device_id"} <= set(judged.unknown)
    assert not {"occurred_at", "device_id"} & set(judged.missing)


def test_at_most_five_questions_most_needed_first(rules: Rules) -> None:
    judged = rules.judge((turn("うまくいかないです。見てください。", "team", to=("vendor",), vendor="slack"),))
    assert len(judged.missing) > 5
    assert judged.questions == judged.missing[:5]


def test_an_item_counts_in_cases_of_its_kinds_only(rules: Rules) -> None:
    asked = "How do I take old names out of Outlook? It offers them every time, for now I retype them."
    failed = "Outlook fails with old names. It does so every time, for now I retype them."
    assert "frequency" not in rules.judge((turn(asked),)).present
    assert "frequency" in rules.judge((turn(failed),)).present


def test_a_later_mail_fills_what_was_missing_and_the_vendor_does_not(rules: Rules) -> None:
    first = turn("Outlookが起動しません。")
    vendor = turn(
        "NB-11111 で本日9時15分頃から発生していると承知しました。", "vendor", id="2", reply=True, vendor="microsoft"
    )
    answer = turn("PC名はNB-22222です。", id="3", reply=True)
    assert "device_id" in rules.judge((first, vendor)).missing
    judged = rules.judge((first, vendor, answer))
    assert "device_id" in judged.present
    assert "occurred_at" in judged.missing
    line = next(line for line in judged.checklist if line.item == "device_id")
    assert (line.turn, line.state) == ("3", "present")


def test_the_set_of_a_vendor_counts_once_the_team_writes_to_one(rules: Rules) -> None:
    first = turn("Slackの通話が切れます。")
    ours = turn("ユーザーから通話が切れるとの申告がありました。", "team", id="2", to=("vendor",), vendor="slack")
    assert rules.judge((first,)).side == "requester"
    judged = rules.judge((first, ours))
    assert judged.side == "team"
    assert "timezone" in judged.missing
    assert judged.vendor == "slack"


def test_a_reply_that_begins_another_matter_opens_it_and_can_lack_something(rules: Rules) -> None:
    text = "On a different topic: our May invoice from you lists 31 seats and we have 28. What are the others?"
    reply = turn(text, "team", subject="Re: guests", reply=True, to=("vendor",), vendor="slack")
    assert rules.judge((reply,)).missing == ()
    judged = rules.judge((replace(reply, begins=True),))
    assert judged.kind == "billing"
    assert "contract_id" in judged.missing


def test_a_greeting_to_all_is_nobody_affected(rules: Rules) -> None:
    assert (
        rules.judge(
            (turn("運用チームの皆さま\n共有の予定表が一覧から消えました。同じ課の森さんと私の2人です。"),)
        ).priority.level
        == "P3"
    )


def test_templates_and_empty_labels_are_no_facts(rules: Rules) -> None:
    judged = rules.judge((turn("■事象: (例)画面が開かない\n■エラー: ○○○\n■PC名:\n■発生日時: 不明\n■回避策: なし"),))
    assert not {"error_message", "device_id"} & set(judged.present)
    assert "occurred_at" in judged.unknown
    assert "workaround" in judged.present


def test_tone_is_told_with_a_kind_rewrite_to_our_own_writers_only(rules: Rules) -> None:
    text = "役員が激怒しています。どうしてくれるんですか。"
    hints = rules.judge((turn(text, "team", to=("vendor",)),)).tone
    assert [hint.id for hint in hints] == ["pressure_passthrough"]
    assert hints[0].advice["ja"]
    assert hints[0].advice["en"]
    assert rules.judge((turn(text, "vendor"),)).tone == ()


def test_cause_and_compensation_are_parked(rules: Rules) -> None:
    text = "接続が復旧しました。障害報告書のご提出をお願いいたします。SLA未達による返金の対象となりますか。"
    parked = rules.judge((turn(text, "team", to=("vendor",)),)).parked
    assert [finding.value for finding in parked] == ["rca", "compensation"]


def test_the_problem_has_versions_and_drift(rules: Rules) -> None:
    first = turn("メールが遅れて届きます。", subject="社外宛メールの遅延")
    scope = turn("【問題定義】プリンタの両面印刷が止まる事象", "vendor", id="2", reply=True)
    problem = rules.judge((first, scope)).problem
    assert problem.version == 2
    assert problem.drift


@pytest.mark.parametrize(
    ("subject", "text", "statement", "drift"),
    [
        ("至急お願いします", "全員が VPN に接続できません。", "【問題定義】VPN 接続時に認証が失敗する事象", False),
        ("お問い合わせ", "社外宛メールが30分遅れます。", "【問題定義】社外宛に送信したメールの配信が遅延する", False),
        ("社外宛メールの遅延", "メールが30分遅れます。", "【問題定義】プリンタの両面印刷が途中で停止する", True),
        (
            "Help",
            "Outbound mail is delayed since 9:00.",
            "Problem statement: mail from Outlook is delayed",
            False,
        ),
        (
            "Outbound mail is delayed",
            "Mail to customers arrives half an hour late.",
            "Problem statement: duplex printing stops on the second floor devices",
            True,
        ),
        (
            "社外宛メールの遅延",
            "メールが30分遅れます。",
            "Problem statement: outbound mail is delayed",
            False,
        ),
        ("VPNの件", "よろしくお願いします。", "【問題定義】AnyConnect の接続時に認証が失敗する", False),
    ],
)
def test_a_statement_drifts_where_it_is_about_what_nobody_told(
    rules: Rules, subject: str, text: str, statement: str, drift: bool
) -> None:
    problem = rules.judge((turn(text, subject=subject), turn(statement, "vendor", id="2", reply=True))).problem
    assert (problem.version, problem.drift) == (2, drift)


def test_machines_say_nothing_about_the_case(rules: Rules) -> None:
    judged = rules.judge((turn("全社でログインできません。", automatic="auto_reply"),))
    assert judged.priority.evidence == ()
    assert judged.missing == ()


def test_explanations_name_words_and_what_was_false(rules: Rules) -> None:
    mail = turn("至急お願いします。VPN につながりますか。")
    told = rules.explain(mail)
    heard = next(one for one in told.fired if one.rule == "heard.urgent")
    assert mail.text[heard.words[0].start : heard.words[0].end] == heard.words[0].words
    not_fired = rules.explain(mail, "item.workaround_none").not_fired[0]
    assert "workaround_none" in not_fired.absent
    assert "ours = True" in not_fired.present


def test_a_mail_that_says_it_is_over_tells_nothing_new_of_the_trouble(rules: Rules) -> None:
    first = turn("今朝9時から受発注ポータルにログインできません。", subject="ログインできない件")
    over = turn("14時44分に復旧しました。ログインできるようになりました。", id="2", reply=True)
    lines = {line.item: line for line in rules.judge((first, over)).checklist}
    assert lines["occurred_at"].turn == "1"
    assert lines["symptom"].turn == "1"


def test_an_empty_case_is_an_error(rules: Rules) -> None:
    with pytest.raises(ValueError, match="without mails"):
        rules.judge(())


@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "(" * 50_000, "あ" * 50_000, "1:" * 50_000, "でしょうか" * 10_000, "9時" * 20_000, "\n" * 100_000],
)
def test_hostile_texts_are_read(rules: Rules, text: str) -> None:
    assert rules.read(turn(text, subject=text[:5000])) is not None
