"""Dates as header blocks write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.mail import dates

TOKYO = timezone(timedelta(hours=9))
WRITTEN = datetime(2026, 11, 24, 10, 0, tzinfo=TOKYO)

WITHOUT_ZONE = [
    "2026年11月10日 15:05",
    "2026年11月10日(火) 15:05",
    "2026年11月10日火曜日 15:05",
    "2026年11月10日 午後3:05",
    "2026年11月10日 午後3時5分",
    "令和8年11月10日(火) 午後3時05分",
    "R8.11.10 15:05",
    "2026/11/10 15:05",
    "2026/11/10(火) 15:05",
    "2026/11/10, Tue 15:05",
    "火曜日, 11月 10, 2026 15:05",
    "2026-11-10 15:05",
    "Tuesday, November 10, 2026 3:05 PM",
    "Tuesday, 10 November 2026 3:05 p.m.",
    "November-10-26 3:05 PM",
    "Nov 10, 2026, at 3:05 PM",
    "10 November 2026 at 15:05",
    "Dienstag, 10. November 2026 um 15:05 Uhr",
    "10.11.2026 3:05 nachm.",
    "mardi 10 novembre 2026 15:05",
    "mar. 10 nov. 2026 à 15 h 05",
    "mar, 10 nov 2026 a las 15:05",
    "terça-feira, 10 de novembro de 2026, 15:05",
    "ter., 10 de nov. de 2026 às 15:05",
    "martedì 10 novembre 2026 15:05",
    "dinsdag 10 november 2026 15:05",
    "tisdag, 10 november 2026 15:05",
    "tirsdag, 10. november 2026 kl. 15.05",
    "tiistaina, 10. marraskuuta 2026 klo 15.05",
    "wtorek, 10 listopada 2026 15:05",
    "úterý 10. listopadu 2026 15:05",
    "utorok 10. novembra 2026 15:05",
    "2026. november 10., kedd 15:05",
    "marți, 10 noiembrie 2026 15:05",
    "utorak, 10. studenoga 2026. u 15:05",
    "вторник, 10 ноября 2026 г. в 15:05",
    "вівторок, 10 листопада 2026 р. о 15:05",
    "10 Kasım 2026 Salı 15:05",
    "Τρίτη, 10 Νοεμβρίου 2026 15:05",
    "2026년 11월 10일 오후 3:05",
    "2026年11月10日 下午3:05",
    "thứ 3, 10 thg 11, 2026 lúc 15:05",
]


@pytest.mark.parametrize("text", WITHOUT_ZONE)
def test_a_date_without_zone_is_read_in_the_assumed_one_and_says_so(text: str) -> None:
    assert dates.read(text, TOKYO, WRITTEN) == (datetime(2026, 11, 10, 15, 5, tzinfo=TOKYO), True)


WITH_ZONE = [
    "Tue, 10 Nov 2026 15:05:00 +0900",
    "Tuesday, November 10, 2026, 03:05:00 PM GMT+9",
    "10. november 2026 kl. 08.05.00 EET",
    "November 10, 2026 1:05 AM EST",
    "2026年11月10日 15:05:00 JST",
    "2026-11-10T06:05:00Z",
    "Tue, Nov 10, 2026 at 6:05 AM +0000",
]


@pytest.mark.parametrize("text", WITH_ZONE)
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


@given(st.text(alphabet=st.sampled_from(list("0123456789/.-:, 年月日時令和午後ampmGMTJan+thg")), max_size=60))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = dates.read(text, TOKYO, WRITTEN)
    assert found is None or found[0].tzinfo is not None
