"""Values that routes take from a request, such as its case, and checks of requests."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from service.api.problems import Forbidden, error_responses
from service.desk import Desk
from service.store import actor_names, cases
from service.store.tokens import Token

_MOVED = {"description": "The case was merged: `Location` is the URL of the case that contains it."}
Audience = Literal["vendor", "team", "requester"]
Language = Literal["ja", "en"]
Key = Annotated[str, Path(description="Key of the case, such as `SD-12`.")]


async def desk_of(request: Request) -> Desk:
    """Return the desk of the application. It is async, because FastAPI runs other functions in a thread."""
    desk = request.app.state.desk
    assert isinstance(desk, Desk)
    return desk


TheDesk = Annotated[Desk, Depends(desk_of)]


def caller(request: Request) -> Token:
    """Return the token of a request, which ``Guard`` has checked."""
    token = request.state.token
    assert isinstance(token, Token)
    return token


def name_of(request: Request) -> str:
    """Return the name of the person who makes a request, to be recorded with a change."""
    return actor_names.name_of(caller(request), request.client)


Who = Annotated[str, Depends(name_of)]


async def must_be_admin(request: Request) -> None:
    """Raise Forbidden (403) if the token does not have the scope admin."""
    if not caller(request).may("admin"):
        raise Forbidden(f"this call needs the scope admin; this token has {caller(request).scope}")


def find_case(request: Request, key: Key, desk: TheDesk) -> cases.StoredCase:
    """Return the case in the URL. Raises NotFound. If it was merged, HTTPException redirects to the other case."""
    case = desk.find(key)
    if case.merged_into is None:
        return case
    target = desk.key_of(desk.survivor(key))
    subpath = request.url.path.removeprefix(f"/api/cases/{key}")
    query = f"?{request.url.query}" if request.url.query else ""
    raise HTTPException(308, headers={"Location": f"/api/cases/{target}{subpath}{query}"})


TheCase = Annotated[cases.StoredCase, Depends(find_case)]


def case_responses(*errors: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI ``responses`` of a call for one case: errors, and a redirect."""
    return {**error_responses(*errors), 308: _MOVED}


async def refuse_unknown_query(request: Request) -> None:
    """Raise RequestValidationError (422) if the route does not know a query parameter."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = set(_query_names(route.dependant))
    errors = [
        {"loc": ("query", name), "msg": f"there is no such parameter{_hint(name, known)}", "type": "extra_forbidden"}
        for name in request.query_params
        if name not in known
    ]
    if errors:
        raise RequestValidationError(errors)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield from getattr(field.field_info.annotation, "model_fields", None) or (field.alias,)
    for dependency in dependant.dependencies:
        yield from _query_names(dependency)


def _hint(name: str, known: set[str]) -> str:
    """Return the most similar known parameter as a suggestion, or all known parameters."""
    if nearest := get_close_matches(name, known, 1):
        return f"; did you mean {nearest[0]}?"
    return f"; known parameters: {', '.join(sorted(known))}" if known else ""
