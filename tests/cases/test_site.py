"""People and calendars of the site file: sides of addresses, business time of each side, deadlines."""

from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mailrules.engine.judge import Rules
from mailrules.library import load
from mailrules.site import Calendar
from mailrules.statement import Statement
from mailrules.thread import RuleInput, Side
from service.cases.clocks import business_seconds, calendars_of, held_by_side
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


@pytest.mark.parametrize(
    ("calendar", "start", "hours"),
    [
        ("team", "2026-12-28", 8),
        ("team", "2026-12-29", 0),  # closed
        ("team", "2026-11-23", 0),  # a public holiday
        ("team", "2026-11-28", 8),  # a Saturday
        ("team", "2026-11-29", 0),
        ("team", "2026-11-27T12:00", 8),  # half of a Friday and of a Saturday
        ("requester", "2026-11-29", 18),
        ("around the clock", "2026-11-29", 24),
        ("by day", "2026-11-29", 0),
    ],
)
def test_business_time_counts_the_working_hours_of_each_side(
    rules: Rules, calendar: str, start: str, hours: int
) -> None:
    hours_of = {vendor: profile.hours for vendor, profile in rules.vendors.profiles.items()}
    vendors = {
        "around the clock": next(vendor for vendor, its in hours_of.items() if its.calendar == "none"),
        "by day": next(v for v, its in hours_of.items() if (its.days, its.calendar) == ("mon-fri", "JP")),
    }
    side: Side = "requester" if calendar == "requester" else "vendor" if calendar in vendors else "team"
    its = calendars_of(rules, vendors.get(calendar))[side]
    begin = datetime.fromisoformat(start).replace(tzinfo=its.zone)
    assert business_seconds(begin, begin + timedelta(days=1), its) == hours * 3600
    assert business_seconds(begin + timedelta(days=1), begin, its) == 0


def test_the_time_of_a_side_is_the_sum_of_its_turns() -> None:
    begin = datetime(2031, 5, 2, 17, 0, tzinfo=TOKYO)  # a Friday; holidays until Tuesday
    moves: list[tuple[datetime, Side | None]] = [
        (begin, "vendor"), (begin + timedelta(hours=1), "team"), (begin + timedelta(hours=2), None),
        (datetime(2031, 5, 7, 9, 30, tzinfo=TOKYO), "vendor"),
    ]  # fmt: skip
    calendars: dict[Side, Calendar] = {"vendor": Calendar(), "team": Calendar()}
    held = held_by_side(moves, moves[-1][0] + timedelta(hours=2), calendars)
    assert held == {"vendor": 3 * 3600, "team": 3600, "business": {"vendor": 9000, "team": 0}}


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
