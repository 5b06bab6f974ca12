"""Values of a case that change with time alone: clocks and overdue promises."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mailrules.site import Calendar
from service.store.cases import StoredCase, to_now

FRIDAY = datetime(2031, 5, 16, 7, 0, tzinfo=UTC)  # 16:00 in Tokyo
MONDAY = FRIDAY + timedelta(days=3)
PROMISE = {"by": "vendor", "due": (FRIDAY + timedelta(hours=3)).isoformat(), "kept": False, "overdue": False}


def stored(**more: Any) -> StoredCase:
    document = {
        "status": "open",
        "waiting_on": "vendor",
        "clocks": {"team": 5, "vendor": 60, "requester": 0, "business": {"team": 5, "vendor": 60, "requester": 0}},
        "promises": [PROMISE],
        "notes": ["call"],
    }
    return StoredCase(1, 1, None, document | more, FRIDAY)


def test_the_clock_of_the_side_that_has_to_act_runs_on() -> None:
    clocks = to_now(stored(), MONDAY, {"vendor": Calendar()})["clocks"]
    assert clocks["vendor"] == 60 + 3 * 24 * 3600
    assert clocks["business"] == {"team": 5, "vendor": 60 + int(1.5 * 3600) + 7 * 3600, "requester": 0}
    assert to_now(stored(), MONDAY)["clocks"]["business"]["vendor"] == 60
    assert to_now(stored(status="resolved", waiting_on=None), MONDAY)["clocks"]["vendor"] == 60


def test_a_promise_becomes_overdue_without_a_new_mail() -> None:
    case = stored()
    for hours, overdue, notes in ((2, False, ["call"]), (4, True, ["call", "overdue-promise"])):
        shown = to_now(case, FRIDAY + timedelta(hours=hours))
        assert ([one["overdue"] for one in shown["promises"]], shown["notes"]) == ([overdue], notes)
    assert case.document["promises"] == [PROMISE]
    for other in (stored(promises=[PROMISE | {"kept": True}]), stored(status="closed", waiting_on=None)):
        assert to_now(other, MONDAY)["notes"] == ["call"]
