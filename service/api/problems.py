"""Error responses: problem+json (RFC 9457), or a page for a browser. Their texts reveal nothing internal.

Refused → 400    NotFound → 404    Conflict → 409 (412 if the caller sent an ETag)    Unavailable → 503
"""

import http
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from service.api.case_schema import doc
from service.errors import PROBLEM_PAGES, PROBLEM_TYPES, Conflict, NotFound, Refused, SodanError, Unavailable

MEDIA_TYPE = "application/problem+json"
ErrorPage = Callable[[Request, int, str], Response]
"""Makes the page for an error from the request, the HTTP status and the text of the error."""


class Wrong(BaseModel):
    """One error in the request."""

    where: str = doc("The part of the request, such as `query.limit` or `body.priority`.", examples=["query.limit"])
    why: str = doc("What is wrong with this part.", examples=["Input should be less than or equal to 200"])


class ProblemDetails(BaseModel):
    """An error response (RFC 9457 §3.1)."""

    type: str = doc(
        "Path of a page that explains the error; else `about:blank`.", "about:blank", examples=["/problems/not-found"]
    )
    title: str = doc("Name of the HTTP status.", examples=["Not Found"])
    status: int = doc("The HTTP status.", examples=[404])
    detail: str = doc("What is wrong; absent if `title` says it.", "", examples=["there is no case SD-99"])
    errors: list[Wrong] = doc("The wrong parts of a malformed request (422); absent for other errors.", [])


class Precondition(Conflict):
    """The caller sent an ETag that is not the current ETag (RFC 9110 §15.5.13)."""


class Forbidden(Refused):
    """The caller is known but not allowed to do this."""


STATUSES = {NotFound: 404, Precondition: 412, Conflict: 409, Forbidden: 403, Refused: 400, Unavailable: 503}


def problem(
    status: int, detail: str = "", errors: Sequence[Wrong] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Return a problem+json response."""
    page = PROBLEM_PAGES + PROBLEM_TYPES[status] if status in PROBLEM_TYPES else "about:blank"
    body: dict[str, Any] = {"type": page, "title": http.HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [error.model_dump() for error in errors]
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI ``responses`` for errors with these statuses."""
    return {
        status: {
            "description": http.HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }


def is_browser(scope: Scope) -> bool:
    """Return whether the response is for a browser: the request accepts HTML, and its path is not below /api."""
    return "text/html" in Headers(scope=scope).get("accept", "") and not scope["path"].startswith("/api")


def install(app: FastAPI, routers: Iterable[APIRouter], error_page: ErrorPage | None) -> None:
    """Install handlers for all errors. ``error_page`` makes the page that a browser gets."""
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]

    def respond(
        request: Request,
        status: int,
        detail: str,
        headers: Mapping[str, str],
        errors: Sequence[Wrong] = (),
        is_page: bool = False,
    ) -> Response:
        if error_page and (is_page or is_browser(request.scope)):
            response = error_page(request, 404 if errors else status, "" if errors else detail)
            response.headers.update(headers)
            return response
        if status == 404 and not detail:
            detail = "no page or operation has this path; /docs lists all operations"
        return problem(status, detail, errors, headers)

    def sodan_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, SodanError)
        retry = {"Retry-After": "5"} if isinstance(error, Unavailable) else {}
        is_page = not getattr(request.scope.get("route"), "include_in_schema", True)
        status = next((status for kind, status in STATUSES.items() if isinstance(error, kind)), 500)
        return respond(request, status, str(error), retry, is_page=is_page)

    def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        errors = [Wrong(where=".".join(map(str, e["loc"])), why=str(e["msg"])) for e in error.errors()]
        if errors[0].where == "body" and "json" not in request.headers.get("content-type", ""):
            errors = [Wrong(where="body", why="is not JSON: send it with the header Content-Type: application/json")]
        detail = "the request does not match the API description; `errors` lists what is wrong"
        return respond(request, 422, detail, {}, errors)

    def http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code < 400:
            return Response(None, error.status_code, headers)
        detail = "" if error.detail == http.HTTPStatus(error.status_code).phrase else str(error.detail)
        if error.status_code == 405:  # the methods of all routes of the path (RFC 9110 §10.2.1)
            methods = {
                method for one in routes if one.path_regex.match(request.url.path) for method in one.methods or ()
            }
            headers["Allow"] = ", ".join(sorted(methods))
        return respond(request, error.status_code, detail, headers)

    app.add_exception_handler(SodanError, sodan_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(HTTPException, http_exception)
