"""JSON responses, and pages of lists. A cursor is a position in the list, so new mail does not shift the next page."""

import json
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from service.cases.state import stamp
from service.store.cursor import PATTERN, to_cursor

Limit = Annotated[int, Query(ge=1, le=200, description="Maximum number of items.")]
Cursor = Annotated[str | None, Query(max_length=40, pattern=PATTERN, description="`next` of the previous page.")]

JSON = "application/json"


def encode(value: Any) -> bytes:
    """Return a value as compact JSON in UTF-8. Japanese is not escaped; times are ISO 8601 in UTC."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=stamp).encode("utf-8", "replace")


def answer(value: Any, headers: dict[str, str] | None = None, status: int = 200) -> Response:
    """Return a JSON response that caches must revalidate before each use."""
    return Response(encode(value), status, {"Cache-Control": "private, no-cache", **(headers or {})}, JSON)


def page(request: Request, items: list[Any], position: list[Any] | None) -> Response:
    """Return a page with a `Link` (RFC 8288) to the next page. ``position``: of the last item (cursor.py)."""
    return _page(request, items, to_cursor(position))


def page_of_rows(request: Request, rows: list[dict[str, Any]], limit: int) -> Response:
    """Return a page whose cursor is the last id. ``rows`` has more than ``limit`` rows if there is another page."""
    return _page(request, rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None)


def _page(request: Request, items: list[Any], cursor: str | int | None) -> Response:
    link = {} if cursor is None else {"Link": f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'}
    return answer({"items": items, "next": cursor}, link)
