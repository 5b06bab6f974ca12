"""Keyset paging: a cursor marks the end of a page, so that new mail makes no item missing or repeated."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    return _page(request, items, to_cursor(position))


def page_of_rows(
    request: Request, rows: list[dict[str, Any]], limit: int, shown: Callable[[dict[str, Any]], dict[str, Any]]
) -> Response:
    """Like `page`, for rows of which one more than ``limit`` was read; the cursor is the id of the last row."""
    after = rows[limit - 1]["id"] if len(rows) > limit else None
    return _page(request, list(map(shown, rows[:limit])), after)


def _page(request: Request, items: list[Any], cursor: str | int | None) -> Response:
    link = {} if cursor is None else {"Link": f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'}
    return answer({"items": items, "next": cursor}, link)
