"""The case that a URL names, as a dependency of its routes; a merged case redirects to the one it was merged into."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from service.api.desk import Desk, TheDesk
from service.errors import NotFound
from service.store import cases

MOVED: dict[int | str, dict[str, Any]] = {
    308: {"description": "The case was merged: `Location` is the URL of the case that contains it."}
}
Key = Annotated[str, Path(description="Key of the case, such as `SD-12`.")]


class Moved(Exception):
    """The case was merged; the argument is the URL of the same thing of the other case."""


async def redirect(_request: Request, error: Exception) -> Response:
    """Return the response to ``Moved``."""
    return RedirectResponse(str(error), 308)


def find_case(request: Request, key: str, desk: Desk) -> cases.Found:
    """Return the case with this key. Raises NotFound, and Moved if it was merged into another one."""
    number = cases.number_of(key, desk.prefix)
    try:
        found = desk.database.read(lambda conn: cases.find(conn, number))
        if found.merged_into is None:
            return found
        there = desk.database.read(lambda conn: cases.survivor(conn, number))
    except NotFound:
        raise NotFound(f"there is no case {key[:40]}") from None
    rest = request.url.path.removeprefix(f"/api/cases/{key}")
    query = f"?{request.url.query}" if request.url.query else ""
    raise Moved(f"/api/cases/{cases.key_of(there, desk.prefix)}{rest}{query}")


async def _finder(request: Request, key: Key, desk: TheDesk) -> Callable[[], cases.Found]:
    return partial(find_case, request, key, desk)


FindCase = Annotated[Callable[[], cases.Found], Depends(_finder)]
"""Finds the case when it is called: the framework checks the other parameters first."""
