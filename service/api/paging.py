"""Keyset paging: a cursor marks the end of a page, so that new mail makes no item missing or repeated."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from service.store.cases import stamp
from service.store.cursor import PATTERN, to_cursor

Limit = Annotated[int, Query(ge=1, le=200, description="Maximum number of items.")]
Cursor = Annotated[str | None, Query(max_length=40, pattern=PATTERN, description="`next` of the previous page.")]

JSON = "application/json"


def encode(value: Any) -> bytes:
    """Encode as compact JSON in UTF-8, without escaping Japanese; times as ISO 8601 in UTC."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=stamp).encode("utf-8", "replace")


def answer(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """Return a JSON response that caches may not reuse unchecked."""
    return Response(encode(value), status, {"Cache-Control": "private, no-cache", **(headers or {})}, JSON)


def page(request: Request, items: list[Any], position: list[Any] | None) -> Response:
    """Return `{"items", "next"}`, with `Link: <…>; rel="next"` (RFC 8288) if there is another page."""
    return page_at(request, items, to_cursor(position))


def page_at(request: Request, items: list[Any], cursor: str | int | None) -> Response:
    """Like `page`, for a cursor that is already encoded."""
    headers = {}
    if cursor is not None:
        headers["Link"] = f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'
    return answer({"items": items, "next": cursor}, headers)
