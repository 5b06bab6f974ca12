"""Review of the exchange with a vendor: response times of both sides, for five or more cases.

It contains no names of engineers and ranks no persons: only clocks, turns and asks of a case are used.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, func, select

from service.store.cases import COUNTED
from service.store.tables import cases

WINDOW = timedelta(days=90)
ENOUGH = 5  # with fewer cases the figures would mostly show chance
AT_MOST = 500


def counts(conn: Connection) -> dict[str, dict[str, int]]:
    """Return vendor → number of cases and of open cases."""
    query = (
        select(cases.c.vendor, cases.c.status, func.count())
        .where(cases.c.merged_into.is_(None), COUNTED)  # includes cases without vendor: else SQLite uses another index
        .group_by(cases.c.vendor, cases.c.status)
    )
    found: dict[str, dict[str, int]] = {}
    for vendor, status, number in conn.execute(query):
        if vendor is not None:
            row = found.setdefault(vendor, {"cases": 0, "open": 0})
            row["cases"] += number
            row["open"] += number if status == "open" else 0
    return found


def review(conn: Connection, vendor: str, now: datetime) -> dict[str, Any]:
    """Return the figures of the last 90 days, for at most the 500 most recently updated cases.

    A figure with fewer than ``ENOUGH`` values is None.
    """
    query = (
        select(cases.c.status, cases.c.document["clocks"].label("clocks"), cases.c.document["asks"].label("asks"))
        .where(cases.c.vendor == vendor, cases.c.merged_into.is_(None), cases.c.updated_at >= now - WINDOW)
        .order_by(cases.c.updated_at.desc())
        .limit(AT_MOST)
    )
    rows = [(row.status, row.clocks or {}, row.asks or []) for row in conn.execute(query)]
    rows = [row for row in rows if row[1].get("vendor") or row[2]]  # only cases the vendor took part in
    ended = [clocks for status, clocks, _ in rows if status in ("resolved", "closed")]
    clocks = [clocks for _, clocks, _ in rows]
    waits = [(ask.get("of"), _latency(ask)) for _, _, asks in rows for ask in asks]

    def middle(values: list[Any]) -> float | None:
        said = [float(value) for value in values if value is not None]
        return round(median(said), 1) if len(rows) >= ENOUGH and len(said) >= ENOUGH else None

    return {
        "cases": len(rows),
        "resolved": len(ended),
        "enough": len(rows) >= ENOUGH,
        "window_days": WINDOW.days,
        "turns_to_resolution": middle([its.get("turns") for its in ended]),
        "first_response": middle([its.get("first_response") for its in clocks]),
        "median_wait": {side: middle([its.get(side) for its in clocks]) for side in ("team", "vendor", "requester")},
        "median_answer": {
            "team": middle([seconds for of, seconds in waits if of in ("team", "requester")]),
            "vendor": middle([seconds for of, seconds in waits if of == "vendor"]),
        },
    }


def usual_times(conn: Connection, now: datetime) -> dict[str, float]:
    """Return priority → median seconds until a case was resolved, of the last 90 days.

    It is the time during which a side had to act, of at most the 500 most recently updated cases. A priority with fewer
    than ``ENOUGH`` cases or a median below a minute is left out.
    """
    query = (
        select(cases.c.priority, cases.c.document["clocks"].label("clocks"))
        .where(cases.c.status == "resolved", cases.c.merged_into.is_(None), cases.c.updated_at >= now - WINDOW)
        .order_by(cases.c.updated_at.desc())
        .limit(AT_MOST)
    )
    times: dict[str, list[float]] = {}
    for priority, clocks in conn.execute(query):
        times.setdefault(priority, []).append(
            sum((clocks or {}).get(side) or 0 for side in ("team", "vendor", "requester"))
        )
    medians = {priority: median(found) for priority, found in times.items() if len(found) >= ENOUGH}
    return {priority: seconds for priority, seconds in medians.items() if seconds >= 60}


def _latency(ask: dict[str, Any]) -> float | None:
    asked, answered = ask.get("asked_at"), ask.get("answered_at")
    if not asked or not answered:
        return None
    return (datetime.fromisoformat(answered) - datetime.fromisoformat(asked)).total_seconds()
