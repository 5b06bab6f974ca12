"""Shared by all operations: ids for OpenAPI, and rejection of unknown query parameters."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute


def operation_id(route: APIRoute) -> str:
    """Return ``listCases`` for ``list_cases``: generated clients use it as a method name."""
    first, *rest = route.name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def refuse_unknown_query(request: Request) -> None:
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
    nearest = get_close_matches(name, known, 1)
    return (
        f"; did you mean {nearest[0]}?"
        if nearest
        else f"; known parameters: {', '.join(sorted(known))}"
        if known
        else ""
    )
