"""Folding, units and the way back to the characters of the mail."""

from __future__ import annotations

import pytest

from mailrules.fold import fold
from mailrules.sheet import Sheet
from mailrules.units import lay_out


def known(label: str) -> bool:
    return label in ("事象", "発生日時", "Device", "Error", "When", "承認者", "承認番号", "備考欄")


def state_of(value: str) -> str:
    return {"": "empty", "不明": "unknown"}.get(value, "value")


def laid(text: str, subject: str = "") -> Sheet:
    return lay_out(text, subject, True, known, state_of)


def units(text: str) -> list[tuple[str, str, str]]:
    sheet = laid(text)
    return [(unit.where, unit.label, sheet.text[unit.start : unit.end]) for unit in sheet.units]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("２０２６／１１／１０　９：１５", "2026/11/10 9:15"),
        ("ｶﾞｷﾞ ﾊﾟｿｺﾝ", "ガギ パソコン"),
        ("㈱エグザンプル", "(株)エグザンプル"),
        ("can’t – “x”", 'can\'t - "x"'),
        ("①と②", "①と②"),
        ("zero\u200bwidth", "zerowidth"),
        ("サーバー", "サーバー"),
    ],
)
def test_text_is_folded(written: str, folded: str) -> None:
    assert fold(written)[0] == folded


def test_every_place_leads_back_to_the_original_words() -> None:
    text = "㈱テスト\u200bの件です。ﾊﾟｿｺﾝが\n１１：３０に止まりました。"
    sheet = laid(text)
    start = sheet.text.index("11:30")
    low, high = sheet.span(start, start + 5)
    assert text[low:high] == "１１：３０"


def test_words_of_the_subject_have_no_place_in_the_text() -> None:
    sheet = laid("本文です。", "件名です")
    assert sheet.span(0, 4) == (-1, -1)


def test_a_hard_wrap_does_not_end_a_sentence() -> None:
    text = "在宅勤務の担当者から社内のファイルサーバーへの接続が何度やっても途中で切れつながりま\nせん。困っています。"
    assert [words for _, _, words in units(text)] == [text.split("。")[0].replace("\n", "") + "。", "困っています。"]


def test_label_lines_hold_their_value_on_the_same_or_the_next_line() -> None:
    assert units("■事象: 起動しない\n■発生日時:\n  11/10 9:15\n■備考欄:") == [
        ("label", "事象", "起動しない"),
        ("label", "発生日時", "11/10 9:15"),
        ("label", "備考欄", "備考欄"),
    ]


def test_an_empty_label_does_not_swallow_the_next_label() -> None:
    assert units("■承認者:\n■承認番号:\n■備考: なし")[-1] == ("label", "備考", "なし")


def test_a_time_of_day_is_no_label() -> None:
    assert units("最初に気づいたのは今日の16:03です") == [("sentence", "", "最初に気づいたのは今日の16:03です")]


def test_pasted_log_lines_and_quoted_lines_stand_apart() -> None:
    text = "落ちます。\n2026-11-10 10:02:11 ERROR refused\n\tat jp.example.Order.run(Order.java:1)\n> 古い行です"
    assert [where for where, _, _ in units(text)] == ["sentence", "log", "log"]


def test_what_others_said_stands_apart() -> None:
    assert units("所長から「いったいどうなってるんだ」と怒鳴られています。") == [
        ("quote", "", "いったいどうなってるんだ"),
        ("sentence", "", "所長から「」と怒鳴られています。"),
    ]


def test_a_list_knows_the_sentence_that_introduces_it() -> None:
    sheet = laid("以下をご教示ください。\n\n・バージョン\n・発生日時について")
    leads = {sheet.text[u.start : u.end]: u.lead for u in sheet.units if u.where == "list"}
    assert set(leads.values()) == {0}


def test_one_megabyte_of_anything_is_laid_out() -> None:
    for text in ("あ" * 350_000, "a: b\n" * 200_000, ">" * 1_000_000, "「" * 300_000, "x. Y" * 250_000, "\r" * 100_000):
        assert laid(text).units is not None
