"""Deadlines and promises, read against the day of writing (a Tuesday)."""

from datetime import datetime, timedelta, timezone

import pytest

from mailrules.dates import next_business_end, read_limit

JST = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 10, 9, 30, tzinfo=JST)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("本日15時までに", "2026-11-10T15:00:00+09:00"),
        ("明日の正午までに", "2026-11-11T12:00:00+09:00"),
        ("11/13(金) 17:00までに", "2026-11-13T17:00:00+09:00"),
        ("11月20日までに", "2026-11-20T23:59:00+09:00"),
        ("金曜までに", "2026-11-13T23:59:00+09:00"),
        ("来週の月曜日までに", "2026-11-16T23:59:00+09:00"),
        ("今週中に", "2026-11-13T23:59:00+09:00"),
        ("今月末まで", "2026-11-30T23:59:00+09:00"),
        ("締めは20日です", "2026-11-20T23:59:00+09:00"),
        ("午後3時半までに", "2026-11-10T15:30:00+09:00"),
        ("by noon tomorrow", "2026-11-11T12:00:00+09:00"),
        ("by end of day", "2026-11-10T23:59:00+09:00"),
        ("before Friday", "2026-11-13T23:59:00+09:00"),
        ("by 15:00 UTC today", "2026-11-10T15:00:00+00:00"),
        ("by November 18", "2026-11-18T23:59:00+09:00"),
        ("on 4 December 2026", "2026-12-04T23:59:00+09:00"),
        ("by 2 January", "2027-01-02T23:59:00+09:00"),
        ("Next update: Nov 13, 10:00 JST", "2026-11-13T10:00:00+09:00"),
    ],
)
def test_a_limit_is_read(text: str, limit: str) -> None:
    read = read_limit(text, WRITTEN)
    assert read is not None
    assert read == datetime.fromisoformat(limit)


@pytest.mark.parametrize("text", ["なるべく早く", "ASAP please", "お手すきの際に", "25:99"])
def test_no_limit_is_read_where_none_stands(text: str) -> None:
    assert read_limit(text, WRITTEN) is None


def test_without_a_day_of_writing_nothing_is_guessed() -> None:
    assert read_limit("本日15時まで", None) is None


def test_the_next_business_day_skips_weekends_and_holidays() -> None:
    friday = WRITTEN + timedelta(days=3)
    assert next_business_end(friday).date().isoformat() == "2026-11-16"
    assert next_business_end(friday, frozenset({datetime(2026, 11, 16).date()})).date().isoformat() == "2026-11-17"
