"""Dependencies of routes: the desk, the name of the caller, the case that a URL names; and checks of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.responses import RedirectResponse, Response

from service.api.problems import Forbidden
from service.desk import Desk
from service.store import callers, cases
from service.store.tokens import Token

MOVED: dict[int | str, dict[str, Any]] = {
    308: {"description": "The case was merged: `Location` is the URL of the case that contains it."}
}
Key = Annotated[str, Path(description="Key of the case, such as `SD-12`.")]


async def desk_of(request: Request) -> Desk:
    """Return the desk of the application; asynchronous, since a plain function would need a thread of its own."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]


def caller(request: Request) -> Token:
    """Return the token of the caller, which the guard has stored in the request."""
    token = request.state.token
    assert isinstance(token, Token)
    return token


def name_of(request: Request) -> str:
    """Return the name recorded with a change: that of the token, or the login name of a local caller."""
    return callers.name_of(caller(request), request.client)


Who = Annotated[str, Depends(name_of)]


async def must_be_admin(request: Request) -> None:
    """Raise Forbidden (403) if the token has not the scope admin."""
    if not caller(request).may("admin"):
        raise Forbidden(f"this call needs the scope admin; this token has {caller(request).scope}")


class Moved(Exception):
    """The case was merged; the argument is the URL of the same thing of the other case."""


async def redirect(_request: Request, error: Exception) -> Response:
    """Return the response to ``Moved``."""
    return RedirectResponse(str(error), 308)


def find_case(request: Request, key: str, desk: Desk) -> cases.Found:
    """Return the case with this key. Raises NotFound, and Moved if it was merged into another one."""
    found = desk.find(key)
    if found.merged_into is None:
        return found
    there = desk.survivor(key)
    rest = request.url.path.removeprefix(f"/api/cases/{key}")
    query = f"?{request.url.query}" if request.url.query else ""
    raise Moved(f"/api/cases/{desk.key_of(there)}{rest}{query}")


async def _finder(request: Request, key: Key, desk: TheDesk) -> Callable[[], cases.Found]:
    return partial(find_case, request, key, desk)


FindCase = Annotated[Callable[[], cases.Found], Depends(_finder)]
"""Finds the case when it is called: the framework checks the other parameters first."""


def operation_id(route: APIRoute) -> str:
    """Return ``listCases`` for ``list_cases``: generated clients use it as a method name."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


async def refuse_unknown_query(request: Request) -> None:
    """Reject a misspelt parameter instead of ignoring it. Raises RequestValidationError (422)."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = set(_query_names(route.dependant))
    wrong = [
        {"loc": ("query", name), "msg": f"there is no such parameter{_hint(name, known)}", "type": "extra_forbidden"}
        for name in request.query_params
        if name not in known
    ]
    if wrong:
        raise RequestValidationError(wrong)


def _query_names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for below in dependant.dependencies:
        yield from _query_names(below)


def _hint(name: str, known: set[str]) -> str:
    if nearest := get_close_matches(name, known, 1):
        return f"; did you mean {nearest[0]}?"
    return f"; known parameters: {', '.join(sorted(known))}" if known else ""
