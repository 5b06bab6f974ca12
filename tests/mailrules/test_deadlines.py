"""Deadlines and promises, read against the day of writing (a Tuesday)."""

from datetime import datetime, timedelta, timezone

import pytest

from mailrules.deadlines import next_business_end, read_limit
from mailrules.judgement import Reading
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput
from tests.tables import table_beside

TABLES = table_beside(__file__, "dates.yaml")

JST = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 10, 9, 30, tzinfo=JST)


@pytest.mark.parametrize(("text", "limit"), TABLES["limits"])
def test_a_limit_is_read(text: str, limit: str) -> None:
    assert read_limit(text, WRITTEN) == datetime.fromisoformat(limit)


@pytest.mark.parametrize("text", TABLES["no limits"])
def test_no_limit_is_read_where_none_stands(text: str) -> None:
    assert read_limit(text, WRITTEN) is None


def test_without_a_day_of_writing_nothing_is_guessed() -> None:
    assert read_limit("本日15時まで", None) is None


def test_the_next_business_day_skips_weekends_and_holidays() -> None:
    friday = WRITTEN + timedelta(days=3)
    assert next_business_end(friday).date().isoformat() == "2026-11-16"
    assert next_business_end(friday, lambda day: day.day == 16).date().isoformat() == "2026-11-17"


@pytest.mark.parametrize(
    ("quote", "due"),
    [
        ("We will report at 11:00.", ["2026-11-10T11:00:00+09:00"]),
        ("復旧状況は3時間以内にお知らせします。", ["2026-11-10T12:30:00+09:00"]),
        ("The carrier restored the line at 08:20.", []),
        ("8時15分に交換を終えました。", []),
        ("We will report.", [None]),
    ],
)
def test_a_time_before_the_mail_is_no_promise(quote: str, due: list[str | None]) -> None:
    turn = RuleInput(id="1", side="vendor", author="a@vendor.test", text=quote, date=WRITTEN)
    reading = (
        load().conclude(turn, Reading(statements=(Statement("act.promise", "value", quote, 0, len(quote)),))).reading
    )
    assert [promise.due.isoformat() if promise.due else None for promise in reading.promises] == due
