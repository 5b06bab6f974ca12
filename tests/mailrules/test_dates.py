"""Deadlines and promises, read against the day of writing (a Tuesday)."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml

from mailrules.dates import next_business_end, read_limit

TABLES = yaml.safe_load(Path(__file__).with_name("dates.yaml").read_text(encoding="utf-8"))

JST = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 10, 9, 30, tzinfo=JST)


@pytest.mark.parametrize(("text", "limit"), TABLES["limits"])
def test_a_limit_is_read(text: str, limit: str) -> None:
    assert read_limit(text, WRITTEN) == datetime.fromisoformat(limit)


@pytest.mark.parametrize("text", ["なるべく早く", "ASAP please", "お手すきの際に", "25:99"])
def test_no_limit_is_read_where_none_stands(text: str) -> None:
    assert read_limit(text, WRITTEN) is None


def test_without_a_day_of_writing_nothing_is_guessed() -> None:
    assert read_limit("本日15時まで", None) is None


def test_the_next_business_day_skips_weekends_and_holidays() -> None:
    friday = WRITTEN + timedelta(days=3)
    assert next_business_end(friday).date().isoformat() == "2026-11-16"
    assert next_business_end(friday, lambda day: day.day == 16).date().isoformat() == "2026-11-17"
