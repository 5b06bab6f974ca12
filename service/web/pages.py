"""The routes of all web pages. Pages work without JavaScript; with it, they update themselves."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.errors import PROBLEM_TYPES, NotFound, Refused
from service.store import outbox, spool, spool_view
from service.store.database import Connection
from service.web import bulk_changes, case, case_forms, lanes, login
from service.web.page_rendering import NOTHING_HERE, POLICY, Id, Renderer, TheDesk, Who, back_to

OUTBOX_ENTRIES = 100  # number of outbox entries on one page
router = APIRouter(include_in_schema=False)
ROUTERS = (lanes.router, case.router, case_forms.router, bulk_changes.router, login.router, router)


@router.get("/vendors")
def vendors(request: Request, renderer: Renderer, desk: TheDesk) -> Response:
    return renderer.page(request, "vendors.html", rows=desk.vendor_reviews()[:50])


@router.get("/received")
def received(request: Request, renderer: Renderer, desk: TheDesk) -> Response:
    def read(conn: Connection) -> tuple[spool_view.Ledger, list[dict[str, Any]]]:
        rows = spool_view.listing(conn, "shunted", 50) + spool_view.listing(conn, "waiting", 50)
        return spool_view.ledger(conn), rows

    ledger, rows = desk.database.read(read)
    return renderer.page(request, "received.html", ledger=ledger, rows=rows)


@router.post("/received/{id}/retry")
def retry(request: Request, desk: TheDesk, id: str) -> Response:
    if not request.state.token.may("admin"):
        raise Refused("this needs a token with the scope admin")
    desk.database.transact(lambda conn: spool.retry(conn, id, desk.now()))
    return back_to("/received")


@router.get("/outbox")
def show_outbox(request: Request, renderer: Renderer, desk: TheDesk) -> Response:
    state = request.query_params.get("state") or None
    if state is not None and state not in outbox.STATES:
        raise Refused(f"state: {state[:40]} is not a possible value")

    def read(conn: Connection) -> dict[str, Any]:
        return {
            "counts": outbox.counts(conn),
            "rows": outbox.listing(conn, state, OUTBOX_ENTRIES),
            "tripped": outbox.last_held_by_hourly_limit(conn),
        }

    sends = bool(desk.settings.smarthost and desk.settings.from_)
    return renderer.page(request, "outbox.html", **desk.database.read(read), state=state, sends=sends)


@router.get("/outbox/{id}")
def show_entry(request: Request, renderer: Renderer, desk: TheDesk, id: Id) -> Response:
    return renderer.page(request, "outbox_entry.html", row=desk.database.read(lambda conn: outbox.entry(conn, id)))


@router.post("/outbox/{id}/{what}")
def decide(desk: TheDesk, id: Id, what: Literal["send", "discard"], who: Who) -> Response:
    decision = outbox.send_again if what == "send" else outbox.discard
    desk.database.transact(lambda conn: decision(conn, id, who, desk.now()))
    return back_to(f"/outbox/{id}")


@router.get("/docs")
def docs(request: Request, renderer: Renderer) -> Response:
    return renderer.page(request, "docs.html", api=request.app.openapi())


@router.get("/problems/{name}")
def explain_problem(request: Request, renderer: Renderer, name: str) -> Response:
    """Explain an error of the API and what to do about it."""
    status = next((status for status, type_name in PROBLEM_TYPES.items() if type_name == name), None)
    if status is None:
        raise NotFound(NOTHING_HERE)
    return renderer.page(request, "problem.html", number=status, title=HTTPStatus(status).phrase)


@router.get("/static/{name}")
def static(renderer: Renderer, name: str) -> Response:
    if name not in renderer.static:
        raise NotFound(NOTHING_HERE)
    content, media_type = renderer.static[name]
    cached = "public, max-age=31536000, immutable"
    headers = {"Content-Type": media_type, "Cache-Control": cached, "Content-Security-Policy": POLICY}
    return Response(content, headers=headers)


@router.get("/favicon.ico")
def icon() -> Response:
    return RedirectResponse("/static/icon.svg", 308)
