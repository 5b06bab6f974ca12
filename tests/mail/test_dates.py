"""Dates as header blocks write them."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.mail import dates, headers

TOKYO = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 24, 10, 0, tzinfo=TOKYO)

TABLES = yaml.safe_load(Path(__file__).with_name("dates.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", TABLES["without zone"])
def test_a_date_without_zone_is_read_in_the_assumed_one_and_says_so(text: str) -> None:
    assert dates.read(text, TOKYO, WRITTEN) == (datetime(2026, 11, 10, 15, 5, tzinfo=TOKYO), True)


@pytest.mark.parametrize("text", TABLES["with zone"])
def test_a_zone_that_is_stated_holds(text: str) -> None:
    found = dates.read(text, timezone(timedelta(hours=-3)), WRITTEN)
    assert found == (datetime(2026, 11, 10, 6, 5, tzinfo=UTC), False)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("13/11/2026 9:00", (11, 13)),
        ("11/13/2026 9:00 AM", (11, 13)),
        ("10/11/2026 9:00", (11, 10)),  # a fortnight before it was written, not six weeks
        ("11/10/2026 9:00 AM", (11, 10)),
        ("03/04/2026 9:00 AM", (3, 4)),  # far off either way: a clock with AM is American
        ("03/04/2026 9:00", (4, 3)),
        ("03.04.2026 9:00", (4, 3)),
    ],
)
def test_days_and_months_in_figures(text: str, day: tuple[int, int]) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    assert found is not None
    assert (found[0].month, found[0].day) == day


@pytest.mark.parametrize(
    "text", ["", "yesterday", "12:05", "2026", "令和", "99/99/9999", "2026年13月40日", "February 30, 2026", "may be 12"]
)
def test_what_names_no_day_is_no_date(text: str) -> None:
    assert dates.read(text, TOKYO, WRITTEN) is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("Tue, 10 Nov 2026 09:30:00 0800", 480),
        ("10 Nov 2026 09:30 0530", 330),
        ("Tue, 10 Nov 2026 09:30:00 0000", 0),
        ("Tue, 10 Nov 2026 09:30:00 0800 (PST)", -480),  # the name is the surer one
        ("Tue, 10 Nov 2026 09:30:00 9900", None),
        ("Tue, 10 Nov 2026 09:30:00 0817", None),
        ("2026-11-10 09:30 10:15", None),
    ],
)
def test_a_zone_without_a_sign_is_east(text: str, offset: int | None) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    zone = TOKYO if offset is None else timezone(timedelta(minutes=offset))
    assert found == (datetime(2026, 11, 10, 9, 30, tzinfo=zone), offset is None)
    if offset is not None:
        assert headers.date(text.encode()) == found[0]
    assert headers.date(b"Tue Nov 10 09:30:00 2026") == datetime(2026, 11, 10, 9, 30, tzinfo=UTC)  # a year


@given(st.text(alphabet=st.sampled_from(list("0123456789/.-:, 年月日時令和午後ampmGMTJan+thg")), max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    assert found is None or found[0].tzinfo is not None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Tue, 10 Nov 2026 15:05:00 +0900", "2026-11-10T15:05:00+09:00"),
        ("10 Nov 2026 15:05 GMT", "2026-11-10T15:05:00+00:00"),
        ("Tue, 10 Nov 26 15:05:07 EST", "2026-11-10T15:05:07-05:00"),  # RFC 5322 §4.3
        ("Tue, 10 Nov 2026 15:05:00 (JST) +0900", "2026-11-10T15:05:00+09:00"),
        ("Tuesday, November 10, 2026, 3:05:44 PM -0400", "2026-11-10T15:05:44-04:00"),
        ("Tue 10 Nov 2026 03:05:22 PM EDT", "2026-11-10T15:05:22-04:00"),
        ("November 10, 2026 12:05 AM", "2026-11-10T00:05:00+00:00"),
        ("2026-11-10T15:05:00+09:00", "2026-11-10T15:05:00+09:00"),
        ("2026年11月10日 15:05", "2026-11-10T15:05:00+00:00"),
        ("Tue Nov 10 15:05:07 EDT 2026", "2026-11-10T15:05:07-04:00"),
        ("Tue Nov 10 15:05:07 2026", "2026-11-10T15:05:07+00:00"),
        ("Tue, 010 Nov 2026 15:05:00 +0000", "2026-11-10T15:05:00+00:00"),
        ("Tue, 10 Nov 2026 15:05:00 +0900  id 0F1BC0E0.4D025E3A.00001792", "2026-11-10T15:05:00+09:00"),  # Courier
        ("Tue, 10 Nov 2026 15:05:00 +0900 (JST) (envelope-from u12345@h)", "2026-11-10T15:05:00+09:00"),  # sendmail
        ("Tue, 10 Nov 2026 15:05:00 +90000", None),
        ("2026-11-10T15:05:07.123456+09:00", "2026-11-10T15:05:07+09:00"),
        ("Tue, 10 Nov 2026 15:05:60 JST", "2026-11-10T15:05:59+09:00"),  # a leap second
        ("Tue, 10 Nov 2026 15:05:00 AKST", "2026-11-10T15:05:00-09:00"),
        ("Tue, 10 Nov 2026", None),
        ("Tue, 10 Nov 2026 29:14:05 +0700", None),
        ("Tue, 99 Jan 2026 25:00:00 +0900", None),
        ("Tue, 10 Nov 1926 15:05:00 +0000", None),
        ("15:05", None),
        ("", None),
    ],
)
def test_a_date_field_is_read_as_the_standard_and_others_write_it(written: str, read: str | None) -> None:
    found = headers.date(written.encode())
    assert (found and found.isoformat()) == read


def test_of_two_readings_of_a_date_field_the_one_before_the_mail_was_relayed_holds() -> None:
    march = datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert headers.date(b"3/4/2026 10:00", march + timedelta(minutes=1)) == march
    assert headers.date(b"4/3/2026 10:00", march + timedelta(minutes=1)) == march
