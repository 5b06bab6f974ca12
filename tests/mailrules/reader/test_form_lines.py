"""Form lines: unfilled ones are not read, and labels name items."""

import pytest

from tests.mailrules.mails import READER, mail


def items(text: str, side: str = "requester") -> dict[str, str]:
    """Return item → state for the items that a mail states."""
    stated = READER.read(mail(text, side, subject="POS")).statements
    return {one.meaning[5:]: one.state for one in stated if one.meaning.startswith("item.") and one.state != "unsure"}


@pytest.mark.parametrize(
    "line",
    ["回避策:", "回避策：　", "■回避策:(あれば記入)", "代替手段:○○", "承認者:(お名前を記入してください)",
     "エラー:(例)E-104", "Workaround:", "Workaround: (please describe)", "Approver: (name of your manager)",
     "Error: e.g. ERR_TIMEOUT",
     "Error text: <error text>", "承認者:____"],
)  # fmt: skip
def test_a_line_that_is_not_filled_in_states_nothing(line: str) -> None:
    above = "No till in any shop starts." if line.isascii() else "全店でレジが起動しません。"
    assert items(f"{above}\n{line}").keys().isdisjoint(("workaround", "approval", "error_message"))


@pytest.mark.parametrize(
    ("line", "item", "state"),
    [("影響範囲:現在確認中です", "impact_scope", "pending"), ("影響人数:不明", "impact_scope", "unknown"),
     ("Users affected: not known yet", "impact_scope", "unknown"), ("Workaround: n/a", "workaround", "not_applicable"),
     ("Approved by: TBC", "approval", "pending"), ("回避策:特になし", "workaround", "none"),
     ("発生日時: 11/16 8:30", "occurred_at", "value"), ("Start: 2026-11-16", "occurred_at", "partial"),
     ("エラー:例外 0x80070005", "error_message", "value"), ("① 承認者:購買部 三田", "approval", "value")],
)  # fmt: skip
def test_a_label_names_its_item(line: str, item: str, state: str) -> None:
    assert items(line)[item] == state


@pytest.mark.parametrize(
    "line",
    ["影響範囲:全店……40台が起動しません", "Scope: the tills stop.... in every shop", "Error: reference to __init__",
     "Error: [ERR-12] please enter a valid code (5)", "発生日時:本日……9時頃", "再現性:○", "原因:不明",
     "Error: [Please enter a valid date]", "エラー: 【入力値が不正です】"],
)  # fmt: skip
def test_a_line_with_a_value_is_read(line: str) -> None:
    assert "".join(one.text for one in READER.view(mail(line)).readings) == line


@pytest.mark.parametrize(
    "value", ["再起動しても直りません", "今のところありません", "none found so far", "a restart does not help"]
)
def test_a_negated_value_is_no_workaround(value: str) -> None:
    above = "No till starts.\nWorkaround: " if value.isascii() else "全店でレジが起動しません。\n回避策:"
    assert items(above + value).get("workaround") != "value"


def test_a_label_above_a_line_is_its_heading() -> None:
    assert "workaround" in items("全店でレジが起動しません。\n回避策:\n手書きの伝票で販売しています。")


def test_a_form_of_a_vendor_states_nothing() -> None:
    assert items("発生日時: 11/16 8:30\nエラー: E-104", "vendor") == {}
