"""Web pages for people, rendered on the server.

They work without JavaScript and update live with it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.errors import PROBLEM_TYPES, NotFound, Refused, SodanError
from service.intake import AppContext
from service.settings import Settings
from service.store import reviews, spool, spool_view, tokens
from service.store.cached_value import CachedValue
from service.store.cases import stamp
from service.store.database import Database
from service.web import case, changes, lanes, questions, selected
from service.web.frame import LANGUAGE_COOKIE, POLICY, Frame, back_to, form

TOKEN_COOKIE = "sodan_token"  # noqa: S105 - the name of a cookie


def routes(settings: Settings, database: Database, context: AppContext, now: Callable[[], datetime]) -> APIRouter:
    """Return the router of all pages."""
    frame = Frame.of(settings, database, context, now)
    router = APIRouter(include_in_schema=False, route_class=_error_page_route(frame))
    for part in (
        lanes.routes(frame),
        case.routes(frame),
        changes.value_routes(frame),
        changes.place_routes(frame),
        changes.undo_routes(frame),
        selected.routes(frame),
        questions.question_routes(frame),
        questions.outbox_routes(frame),
        _lists(frame),
        _files(frame),
        _entry(frame),
    ):
        for route in part.routes:
            router.add_api_route(route.path, route.endpoint, methods=list(route.methods))  # type: ignore[attr-defined]
    return router


def _error_page_route(frame: Frame) -> Any:
    """Return a route class that shows errors as pages."""
    from fastapi.routing import APIRoute

    class Kind(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Any]:
            answer = super().get_route_handler()

            async def kindly(request: Request) -> Response:
                try:
                    return await answer(request)
                except NotFound:
                    return frame.page(request, "error.html", 404, title="error.404", text="error.404.text")
                except SodanError as error:
                    case = request.path_params.get("key", "")
                    return frame.page(request, "error.html", 409, title="error.other", text=str(error), case=case)

            return kindly

    return Kind


def _lists(frame: Frame) -> APIRouter:
    """Return the routes of the vendors and of received mail."""
    router = APIRouter()

    def all_reviews() -> list[dict[str, Any]]:
        now = frame.now()

        def read(conn: Any) -> list[dict[str, Any]]:
            found = sorted(reviews.counts(conn).items(), key=lambda pair: (-pair[1]["cases"], pair[0]))[:50]
            return [{"id": id, **numbers, "review": reviews.review(conn, id, now)} for id, numbers in found]

        return frame.database.read(read)

    cached = CachedValue(all_reviews)

    @router.get("/vendors")
    def vendors(request: Request) -> Response:
        return frame.page(request, "vendors.html", rows=cached())

    @router.get("/received")
    def received(request: Request) -> Response:
        def read(conn: Any) -> tuple[spool_view.Ledger, list[dict[str, Any]]]:
            rows = spool_view.listing(conn, "shunted", 50) + spool_view.listing(conn, "waiting", 50)
            return spool_view.ledger(conn), [{**row, "received_at": stamp(row["received_at"])} for row in rows]

        ledger, rows = frame.database.read(read)
        return frame.page(request, "received.html", ledger=ledger, rows=rows)

    @router.post("/received/{id}/retry")
    def retry(request: Request, id: str) -> Response:
        if not request.state.token.may("admin"):
            raise Refused("this needs a token with the scope admin")
        now = frame.now()
        frame.database.transact(lambda conn: spool.retry(conn, id, now))
        return back_to("/received")

    return router


def _files(frame: Frame) -> APIRouter:
    """Return the routes of the documentation of the API, and of static files."""
    router = APIRouter()

    @router.get("/docs")
    def docs(request: Request) -> Response:
        return frame.page(request, "docs.html", api=request.app.openapi())

    @router.get("/problems/{name}")
    def explain_problem(request: Request, name: str) -> Response:
        """Explain an error of the API and what to do about it."""
        found = next((status for status, one in PROBLEM_TYPES.items() if one == name), None)
        if found is None:
            raise NotFound("there is no such type of problem")
        return frame.page(request, "problem.html", number=found, title=HTTPStatus(found).phrase)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        found = frame.static.get(name)
        if found is None:
            raise NotFound("there is no such file")
        return Response(
            found[0],
            headers={
                "Content-Type": found[1],
                "Cache-Control": "public, max-age=31536000, immutable",
                "Content-Security-Policy": POLICY,
            },
        )

    @router.get("/favicon.ico")
    def icon() -> Response:
        return RedirectResponse("/static/icon.svg", 308)

    return router


def _entry(frame: Frame) -> APIRouter:
    """Return the routes for signing in with a token, signing out, and choosing a language."""
    router = APIRouter()

    @router.get("/login")
    def login(request: Request) -> Response:
        return frame.page(request, "login.html", wrong=False)

    @router.post("/login")
    async def come_in(request: Request) -> Response:
        secret, now = (await form(request)).get("token", "").strip(), frame.now()

        def find(conn: Any) -> Any:
            return tokens.find(conn, secret, now)

        if not secret or await anyio.to_thread.run_sync(frame.database.read, find) is None:
            return frame.page(request, "login.html", 401, wrong=True)
        answer = RedirectResponse("/", 303)
        secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
        answer.set_cookie(TOKEN_COOKIE, secret, httponly=True, samesite="strict", secure=secure, max_age=30 * 86400)
        return answer

    @router.post("/logout")
    def go_out() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(TOKEN_COOKIE, httponly=True, samesite="strict")
        return answer

    @router.get("/language")
    def language(to: str = "ja", back: str = "/") -> Response:
        # only a path on this site: "//elsewhere" and "/\elsewhere" lead to other sites
        here = back if back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable() else "/"
        answer = RedirectResponse(here, 303)
        answer.set_cookie(LANGUAGE_COOKIE, "en" if to == "en" else "ja", samesite="lax", max_age=365 * 86400)
        return answer

    return router
