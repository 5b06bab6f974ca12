"""Review of the work with a vendor: response times, and how long cases usually take.

Only the clocks, turns and requests of cases are used. So the review names and ranks no person.
"""

from collections import defaultdict
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, Select, func, select

from service.store.cases import COUNTED
from service.store.tables import cases

WINDOW = timedelta(days=90)
ENOUGH = 5  # with fewer values, a figure would mostly show chance
MAX_CASES = 500
SIDES = ("team", "vendor", "requester")


def counts(conn: Connection) -> dict[str, dict[str, int]]:
    """Return vendor → ``{"cases": …, "open": …}``, the numbers of all and of open cases."""
    query = (
        select(cases.c.vendor, cases.c.status, func.count())
        .where(cases.c.merged_into.is_(None), COUNTED)  # with cases without vendor: else SQLite uses another index
        .group_by(cases.c.vendor, cases.c.status)
    )
    by_vendor: dict[str, dict[str, int]] = defaultdict(lambda: {"cases": 0, "open": 0})
    for vendor, status, number in conn.execute(query):
        if vendor is not None:
            by_vendor[vendor]["cases"] += number
            by_vendor[vendor]["open"] += number if status == "open" else 0
    return by_vendor


def review(conn: Connection, vendor: str, now: datetime) -> dict[str, Any]:
    """Return figures about a vendor, from at most 500 cases that changed in the last 90 days. Times are in seconds.

    A figure is None if there are fewer than ``ENOUGH`` cases, or fewer than ``ENOUGH`` values for it.
    """
    columns = (cases.c.status, cases.c.document["clocks"], cases.c.document["asks"])
    found = conn.execute(_recent(now, *columns).where(cases.c.vendor == vendor))
    rows = [(status, clocks or {}, asks or []) for status, clocks, asks in found]
    rows = [row for row in rows if row[1].get("vendor") or row[2]]  # only cases in which the vendor took part
    ended = [clocks for status, clocks, _ in rows if status in ("resolved", "closed")]
    all_clocks = [clocks for _, clocks, _ in rows]
    answers = [(ask.get("of"), _answer_seconds(ask)) for _, _, asks in rows for ask in asks]

    def typical(values: list[Any]) -> float | None:
        given = [float(value) for value in values if value is not None]
        return round(median(given), 1) if len(rows) >= ENOUGH and len(given) >= ENOUGH else None

    return {
        "cases": len(rows),
        "resolved": len(ended),
        "enough": len(rows) >= ENOUGH,
        "window_days": WINDOW.days,
        "turns_to_resolution": typical([clocks.get("turns") for clocks in ended]),
        "first_response": typical([clocks.get("first_response") for clocks in all_clocks]),
        "median_wait": {side: typical([clocks.get(side) for clocks in all_clocks]) for side in SIDES},
        "median_answer": {
            "team": typical([seconds for of, seconds in answers if of in ("team", "requester")]),
            "vendor": typical([seconds for of, seconds in answers if of == "vendor"]),
        },
    }


def usual_times(conn: Connection, now: datetime) -> dict[str, float]:
    """Return priority → median seconds to resolution, from cases of the last 90 days.

    Times in which no side had to act do not count. At most the 500 most recently updated cases are used. A priority
    with fewer than ``ENOUGH`` cases, or with a median below a minute, is left out.
    """
    query = _recent(now, cases.c.priority, cases.c.document["clocks"]).where(cases.c.status == "resolved")
    times: dict[str, list[float]] = defaultdict(list)
    for priority, clocks in conn.execute(query):
        times[priority].append(sum((clocks or {}).get(side) or 0 for side in SIDES))
    medians = {priority: median(seconds) for priority, seconds in times.items() if len(seconds) >= ENOUGH}
    return {priority: seconds for priority, seconds in medians.items() if seconds >= 60}


def _recent(now: datetime, *columns: Any) -> Select[Any]:
    """Return the query for columns of the cases that changed in the last 90 days, newest first."""
    recent = (cases.c.merged_into.is_(None), cases.c.updated_at >= now - WINDOW)
    return select(*columns).where(*recent).order_by(cases.c.updated_at.desc()).limit(MAX_CASES)


def _answer_seconds(ask: dict[str, Any]) -> float | None:
    asked, answered = ask.get("asked_at"), ask.get("answered_at")
    if not asked or not answered:
        return None
    return (datetime.fromisoformat(answered) - datetime.fromisoformat(asked)).total_seconds()
