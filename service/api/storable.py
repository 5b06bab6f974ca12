"""Rejects requests with text that no database can store: one ASGI layer before the routes.

This is NUL in path, query, form or JSON, and a lone surrogate in JSON. PostgreSQL accepts neither: a filter with one
would cause an error 500 there and find nothing on SQLite. The response is 400.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

_WHY = "the text of a request must not contain NUL (U+0000) or a lone surrogate; remove it"


class RefuseUnstorable:
    """ASGI middleware: responds with 400, or passes the request on unchanged."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif "\x00" in scope["path"] or _form_has_nul(scope["query_string"]):
            await problem(400, _WHY)(scope, receive, send)
        else:
            await self.app(scope, _checked(receive, Headers(scope=scope).get("content-type", "")), send)


def _checked(receive: Receive, content_type: str) -> Receive:
    """Wrap ``receive``; it raises HTTPException at the end of a body with such text."""
    body = bytearray()
    has_nul = _form_has_nul if content_type.startswith("application/x-www-form-urlencoded") else _json_is_unstorable

    async def receive_checked() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            body.extend(message.get("body", b""))
            if not message.get("more_body", False) and has_nul(bytes(body)):
                raise HTTPException(400, _WHY)
        return message

    return receive_checked


def _form_has_nul(written: bytes) -> bool:
    return b"%00" in written or b"\x00" in written


def _json_is_unstorable(written: bytes) -> bool:
    if b"\x00" in written:
        return True
    if b"\\u" not in written:  # otherwise JSON can contain neither
        return False
    try:
        return _unstorable(json.loads(written))
    except (ValueError, RecursionError):  # not JSON: the route reports it
        return False


def _unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value))
    if isinstance(value, dict):
        return any(_unstorable(key) or _unstorable(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_unstorable, value))
