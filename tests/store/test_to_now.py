"""A case as it stands now: what only time changes is not as old as the last mail."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mailrules.site import Calendar
from service.store.cases import StoredCase, to_now

FRIDAY = datetime(2031, 5, 16, 7, 0, tzinfo=UTC)  # 16:00 in Tokyo
MONDAY = FRIDAY + timedelta(days=3)


def found(**more: Any) -> StoredCase:
    promise = {"by": "vendor", "due": (FRIDAY + timedelta(hours=3)).isoformat(), "message": "1", "quote": "by seven"}
    document = {
        "status": "open",
        "waiting_on": "vendor",
        "clocks": {"team": 5, "vendor": 60, "requester": 0, "business": {"team": 5, "vendor": 60, "requester": 0}},
        "promises": [promise | {"kept": False, "overdue": False}],
        "notes": ["call"],
    }
    return StoredCase(1, 1, None, document | more, FRIDAY)


def test_the_clocks_run_on_in_elapsed_and_in_business_time() -> None:
    clocks = to_now(found(), MONDAY, {"vendor": Calendar()})["clocks"]
    assert clocks["vendor"] == 60 + 3 * 24 * 3600
    assert clocks["business"] == {"team": 5, "vendor": 60 + int(1.5 * 3600) + 7 * 3600, "requester": 0}
    assert to_now(found(), MONDAY)["clocks"]["business"]["vendor"] == 60
    assert to_now(found(status="resolved", waiting_on=None), MONDAY, {"vendor": Calendar()})["clocks"]["vendor"] == 60


def test_a_promise_is_overdue_once_its_time_has_come_without_a_mail() -> None:
    before = to_now(found(), FRIDAY + timedelta(hours=2))
    assert ([one["overdue"] for one in before["promises"]], before["notes"]) == ([False], ["call"])
    after = to_now(found(), FRIDAY + timedelta(hours=4))
    assert ([one["overdue"] for one in after["promises"]], after["notes"]) == ([True], ["call", "overdue-promise"])
    assert found().document["promises"][0]["overdue"] is False, "what is kept is not changed"
    kept = found(promises=[found().document["promises"][0] | {"kept": True}])
    assert to_now(kept, MONDAY)["notes"] == ["call"]
    assert to_now(found(status="closed", waiting_on=None), MONDAY)["notes"] == ["call"]
