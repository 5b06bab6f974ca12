"""Dates of header fields, header blocks and attribution lines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail import dates, headers
from tests.tables import table_beside

TOKYO = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 24, 10, 0, tzinfo=TOKYO)

TABLES = table_beside(__file__, "dates.yaml")


@pytest.mark.parametrize("text", TABLES["without zone"])
def test_a_date_without_a_zone_gets_the_assumed_zone(text: str) -> None:
    assert dates.read(text, TOKYO, WRITTEN) == (datetime(2026, 11, 10, 15, 5, tzinfo=TOKYO), True)


@pytest.mark.parametrize("text", TABLES["with zone"])
def test_a_stated_zone_is_used(text: str) -> None:
    found = dates.read(text, timezone(timedelta(hours=-3)), WRITTEN)
    assert found == (datetime(2026, 11, 10, 6, 5, tzinfo=UTC), False)


@pytest.mark.parametrize(("text", "day"), TABLES["days and months in figures"])
def test_the_order_of_day_and_month_in_figures(text: str, day: list[int]) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    assert found is not None
    assert [found[0].month, found[0].day] == day


@pytest.mark.parametrize("text", TABLES["no day"])
def test_text_without_a_valid_day_is_no_date(text: str) -> None:
    assert dates.read(text, TOKYO, WRITTEN) is None


@pytest.mark.parametrize(("text", "offset"), TABLES["zones without a sign"])
def test_a_zone_without_a_sign_is_east_of_utc(text: str, offset: int | None) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    zone = TOKYO if offset is None else timezone(timedelta(minutes=offset))
    assert found == (datetime(2026, 11, 10, 9, 30, tzinfo=zone), offset is None)
    if offset is not None:
        assert headers.date(text.encode()) == found[0]
    assert headers.date(b"Tue Nov 10 09:30:00 2026") == datetime(2026, 11, 10, 9, 30, tzinfo=UTC)  # a year


@given(st.text(alphabet=st.sampled_from(list("0123456789/.-:, 年月日時令和午後ampmGMTJan+thg")), max_size=60))
def test_any_text_is_a_date_with_zone_or_none(text: str) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    assert found is None or found[0].tzinfo is not None


@pytest.mark.parametrize(("written", "read"), TABLES["date fields"])
def test_date_fields_of_the_standard_and_of_mail_programs(written: str, read: str | None) -> None:
    found = headers.date(written.encode())
    assert (found and found.isoformat()) == read


def test_an_ambiguous_date_field_is_the_day_before_the_mail_was_relayed() -> None:
    march = datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert headers.date(b"3/4/2026 10:00", march + timedelta(minutes=1)) == march
    assert headers.date(b"4/3/2026 10:00", march + timedelta(minutes=1)) == march
