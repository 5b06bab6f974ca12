"""What the site file says of people and calendars has effect: in sides, in deadlines, in the clocks of each side."""

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailrules.engine.judge import Rules
from mailrules.library import load
from mailrules.statement import Statement
from mailrules.thread import RuleInput
from service.cases.clocks import Span, business, calendars_of
from service.cases.facts.roles import Roles

TOKYO = timezone(timedelta(hours=9))
SITE = """
people:
  - {address: Helper@partner.example, side: team}
  - {address: resident@corp.example, side: vendor}
  - {address: Guest@partner.example, side: requester}
calendar: {country: JP, closed: [2026-12-29], days: mon-sat, open: '08:00', close: '16:00'}
requester_calendar: {country: none, days: all, open: '06:00', close: '24:00', zone: UTC}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Rules:
    file = tmp_path_factory.mktemp("site") / "site.yaml"
    file.write_text(SITE, encoding="utf-8")
    return load(site=file)


def test_people_are_on_the_side_that_is_named(rules: Rules) -> None:
    roles = Roles(organisation=("corp.example",), known=rules.people, vendor_of=rules.vendors.of_address)
    assert roles.role_of("helper@partner.example") == "team"
    assert roles.role_of("resident@corp.example") == "vendor"
    assert roles.role_of("guest+pc@partner.example") == "requester"
    assert roles.role_of("stranger@partner.example") == "unknown"
    assert roles.role_of("aiko@corp.example") == "requester"
    assert rules.colleagues == ("helper@partner.example",)


@pytest.mark.parametrize(
    ("side", "day", "hours"),
    [
        ("team", date(2026, 12, 28), 8),
        ("team", date(2026, 12, 29), 0),  # closed
        ("team", date(2026, 11, 23), 0),  # a public holiday
        ("team", date(2026, 11, 28), 8),  # a Saturday
        ("team", date(2026, 11, 29), 0),
        ("requester", date(2026, 11, 29), 18),
    ],
)
def test_each_side_works_by_its_calendar(rules: Rules, side: str, day: date, hours: int) -> None:
    calendar = calendars_of(rules, None)[side]  # type: ignore[index]
    start = datetime(day.year, day.month, day.day, tzinfo=calendar.zone)
    span = Span(side, start, start + timedelta(days=1))  # type: ignore[arg-type]
    assert round(business([span], side, calendar) / 3600, 3) == pytest.approx(hours, abs=0.001)  # type: ignore[arg-type]


def test_the_vendors_clock_goes_by_its_pack(rules: Rules) -> None:
    sunday = Span("vendor", datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC))
    round_the_clock = next(v for v, p in rules.vendors.profiles.items() if p.hours.calendar == "none")
    by_day = next(
        v for v, p in rules.vendors.profiles.items() if p.hours.days == "mon-fri" and p.hours.calendar == "JP"
    )
    assert business([sunday], "vendor", calendars_of(rules, round_the_clock)["vendor"]) == 86400
    assert business([sunday], "vendor", calendars_of(rules, by_day)["vendor"]) == 0


@pytest.mark.parametrize(("closed", "level"), [("2026-11-25", "P3"), ("2026-12-29", "P4")])
def test_days_off_move_a_deadline_of_one_business_day(tmp_path: Path, closed: str, level: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(f"calendar: {{closed: [{closed}]}}\n", encoding="utf-8")
    tuesday = datetime(2026, 11, 24, 10, 0, tzinfo=TOKYO)
    turn = RuleInput("1", "requester", "a@corp.example", "", date=tuesday)
    said = (
        Statement("kind.request"),
        Statement("item.deadline", quote="11月26日の17時までに間に合わないと入社手続きができません。"),
        Statement("item.business_impact", quote="入社手続きができません"),
    )
    rules = load(site=file)
    judged = rules.judge((turn,), (rules.reading(turn, said, "hand", "1"),))
    assert judged.kind == "request"
    assert judged.priority.level == level


def test_a_country_that_is_named_keeps_its_holidays(rules: Rules) -> None:
    days = (date(2026, 11, 23), date(2026, 12, 29), date(2026, 11, 24))
    assert [rules.site.calendar.is_off(day) for day in days] == [True, True, False]
