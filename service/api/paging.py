"""Keyset paging: a cursor is where the last page ended, so nothing is skipped or shown twice while mail arrives."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from service.store.cursor import PATTERN, to_cursor

Limit = Annotated[int, Query(ge=1, le=200, description="At most so many items.")]
Cursor = Annotated[
    str | None,
    Query(max_length=40, pattern=PATTERN, description="`next` of the page before."),
]

JSON = "application/json"


def encode(value: Any) -> bytes:
    """Compact JSON in UTF-8, Japanese as it is read."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def answer(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """A JSON answer. Never kept by anything on the way."""
    return Response(encode(value), status, {"Cache-Control": "private, no-cache", **(headers or {})}, JSON)


def page(request: Request, items: list[Any], position: list[Any] | None) -> Response:
    """`{"items", "next"}` with `Link: <…>; rel="next"` (RFC 8288) where there is more."""
    return page_at(request, items, to_cursor(position))


def page_at(request: Request, items: list[Any], cursor: str | int | None) -> Response:
    """The same, where the cursor is something else than a moment and a number."""
    headers = {}
    if cursor is not None:
        headers["Link"] = f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'
    return answer({"items": items, "next": cursor}, headers)
