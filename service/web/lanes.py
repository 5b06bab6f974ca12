"""The start page: open cases in columns (lanes) by who has to act, or a list with a filter."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import Response

from service.case_query import CaseQuery
from service.cases.state import stamp
from service.desk import Desk
from service.errors import Refused
from service.store import cases, mailboxes, tokens
from service.store.cursor import to_cursor
from service.web.case_forms import vendor_id, vendor_names
from service.web.flash_message import flash_message
from service.web.page_rendering import Renderer, TheDesk, who

LANE_CASES = 24  # maximum number of cases shown in a lane
LIST_CASES = 40  # maximum number of cases on a page of a list
MAX_COUNT = 1000  # number up to which cases are counted
LANES = ("team", "vendor", "requester")
SEVERAL = ("status", "waiting_on", "priority", "kind", "vendor")  # filters that allow several values
FILTERS = (*SEVERAL, "needs_triage", "missing", "owner", "q")  # filters that the form has


router = APIRouter(include_in_schema=False)


@router.get("/")
def board(request: Request, renderer: Renderer, desk: TheDesk) -> Response:
    query = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    chosen = {name: query[name] for name in (*FILTERS, "sort") if name in query}
    if "vendor" in chosen:
        chosen["vendor"] = vendor_id(desk, chosen["vendor"])
    shown = {"chosen": chosen, "team": desk.database.read(tokens.names), **flash_message(request)}
    shown["vendors"] = vendor_names(desk, renderer.locale(request))
    if chosen:
        shown |= _list(desk, chosen, query.get("cursor"), who(request))
        return renderer.page(request, "list.html", **shown)
    shown |= desk.database.read(lambda conn: _lanes(conn, desk.prefix))
    now = desk.now()
    shown["away"] = [
        {"name": mailbox.name, "since": stamp(since), "cause": mailbox.cause}
        for mailbox in desk.database.read(mailboxes.statuses)
        if (since := mailbox.away_since(now))
    ]
    return renderer.page(request, "lanes.html", **shown, intake=desk.settings.intake[0])


def _lanes(conn: Any, prefix: str) -> dict[str, Any]:
    """Return the template values of the lanes. In each, the most urgent cases are first, then the longest waiting."""
    lanes = []
    for side in LANES:
        which = cases.Filter(status=("open",), waiting_on=(side,))
        items, more = cases.page(conn, which, "priority", LANE_CASES, None, prefix)
        count = len(items) if more is None else cases.count(conn, which, prefix, MAX_COUNT)
        lanes.append({"side": side, "items": items, "count": count, "more": more is not None})
    nobody, _ = cases.page(conn, cases.Filter(status=("open",), waiting_on=("none",)), "priority", 8, None, prefix)
    return {
        "lanes": lanes,
        "nobody": nobody,
        "burning": cases.count(conn, cases.Filter(status=("open",), priority=("P1",)), prefix, MAX_COUNT),
        "triage": cases.count(conn, cases.Filter(status=("open",), needs_triage=True), prefix, MAX_COUNT),
        "anything": bool(nobody)
        or any(lane["items"] for lane in lanes)
        or bool(cases.page(conn, cases.Filter(), "-updated", 1, None, prefix)[0]),
        "counted": MAX_COUNT,
    }


def _list(desk: Desk, chosen: dict[str, str], cursor: str | None, me: str) -> dict[str, Any]:
    """Return the template values of a list of cases. ``chosen``: filters and order. Raises Refused."""
    sort = chosen.get("sort", "-updated")
    if sort not in cases.SORTS:
        raise Refused(f"sort: {sort[:40]} is not a possible value")
    given = {name: (value,) if name in SEVERAL else value for name, value in chosen.items() if name != "sort"}
    try:
        query = CaseQuery.model_validate(given)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise Refused(f"{name}: {chosen[name][:40]} is not a possible value") from None
    items, position = desk.list_cases(query, me, sort, LIST_CASES, cursor)
    following = to_cursor(position)
    more = f"/?{urlencode({**chosen, 'cursor': following})}" if following else None
    return {"items": items, "more": more}
