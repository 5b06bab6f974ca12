"""The start page: open cases in lanes by next to act; with a filter or a search, a list."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import Refused
from service.store import cases, mailboxes, tokens
from service.store.cases import stamp
from service.store.cursor import from_cursor, to_cursor
from service.web import selected
from service.web.frame import Frame, who

LANE = 24
PAGE = 40
COUNTED = 1000
LANES = ("team", "vendor", "requester")
CHOICES: dict[str, tuple[str, ...]] = {
    "status": ("open", "resolved", "closed"),
    "waiting_on": ("team", "vendor", "requester", "none"),
    "priority": ("P1", "P2", "P3", "P4"),
    "kind": ("incident", "howto", "request", "billing", "security", "rca", "notice"),
    "needs_triage": ("yes",),
}


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def board(request: Request) -> Response:
        query = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
        chosen = {name: query[name] for name in (*CHOICES, "vendor", "missing", "owner", "q", "sort") if name in query}
        vendors = sorted(frame.rules.vendors.profiles) if chosen else []
        team = frame.database.read(tokens.names)
        if chosen:
            me = who(request)
            shown = _list(frame, chosen, query.get("cursor"), me) | selected.outcome(request)
            return frame.page(request, "list.html", **shown, team=team, vendors=vendors)
        shown = frame.database.read(lambda conn: _lanes(conn, frame.prefix))
        now = frame.now()
        away = [(one, since) for one in frame.database.read(mailboxes.statuses) if (since := one.away_since(now))]
        shown |= selected.outcome(request)
        shown["away"] = [{"name": one.name, "since": stamp(since), "cause": one.cause} for one, since in away]
        return frame.page(
            request, "lanes.html", **shown, intake=frame.settings.intake[0], team=team, chosen={}, vendors=[]
        )

    return router


def _lanes(conn: Any, prefix: str) -> dict[str, Any]:
    """Return the open cases by next to act, most urgent first, then longest waiting first.

    Each case appears once, in the lane of the side that has to act; P1 cases and cases that need triage are counted.
    """
    lanes = []
    for side in LANES:
        which = cases.Filter(status=("open",), waiting_on=(side,))
        items, more = cases.page(conn, which, "priority", LANE, None, prefix)
        count = len(items) if more is None else cases.count(conn, which, prefix, COUNTED)
        lanes.append({"side": side, "items": items, "count": count, "more": more is not None})
    nobody, _ = cases.page(conn, cases.Filter(status=("open",), waiting_on=("none",)), "priority", 8, None, prefix)
    burning = cases.count(conn, cases.Filter(status=("open",), priority=("P1",)), prefix, COUNTED)
    triage = cases.count(conn, cases.Filter(status=("open",), needs_triage=True), prefix, COUNTED)
    anything = bool(nobody) or any(lane["items"] for lane in lanes)
    if not anything:
        anything = bool(cases.page(conn, cases.Filter(), "-updated", 1, None, prefix)[0])
    return {
        "lanes": lanes,
        "nobody": nobody,
        "burning": burning,
        "triage": triage,
        "anything": anything,
        "counted": COUNTED,
    }


def _list(frame: Frame, chosen: dict[str, str], cursor: str | None, me: str) -> dict[str, Any]:
    for name, values in CHOICES.items():
        if name in chosen and chosen[name] not in values:
            raise Refused(f"{name}: {chosen[name][:40]}")
    sort = chosen.get("sort", "-updated")
    if sort not in cases.SORTS:
        raise Refused(f"sort: {sort[:40]}")
    which = cases.Filter(
        **{name: (chosen[name],) for name in (*CHOICES, "vendor") if name in chosen and name != "needs_triage"},  # type: ignore[arg-type]
        needs_triage=True if "needs_triage" in chosen else None,
        missing=chosen.get("missing"),
        owner=me if chosen.get("owner") == "me" else chosen.get("owner"),
        q=chosen.get("q"),
    )
    after = from_cursor(cursor)
    items, position = frame.database.read(lambda conn: cases.page(conn, which, sort, PAGE, after, frame.prefix))
    following = to_cursor(position)
    more = f"/?{urlencode({**chosen, 'cursor': following})}" if following else None
    return {"items": items, "more": more, "chosen": chosen}
