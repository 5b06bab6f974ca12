"""Checks requests before the routes: size and duration of the body, and characters that no database can store.

Such characters are NUL in path, query, form or JSON, and lone surrogates in JSON. A filter that contains one would
cause an error 500 on PostgreSQL, and find nothing on SQLite.
"""

import asyncio
import json
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

BODY_SECONDS = 60.0  # time limit for receiving a whole body
BODY_BYTES = 1_000_000
_UNSTORABLE = "the text of a request must not contain NUL (U+0000) or a lone surrogate; remove it"
_TOO_LARGE = f"the body is too large: at most {BODY_BYTES} bytes"


class CheckBody:
    """ASGI middleware. Rejects a body that is too large (413) or too slow (408), and unstorable characters (400)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif "\x00" in scope["path"] or _form_has_nul(scope["query_string"]):
            await problem(400, _UNSTORABLE)(scope, receive, send)
        else:
            await self.app(scope, _checked(receive, Headers(scope=scope)), send)


def _checked(receive: Receive, headers: Headers) -> Receive:
    """Return a ``receive`` that checks the body, and raises HTTPException if the body is not accepted."""
    body, complete = bytearray(), False
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    declared = headers.get("content-length", "0")
    is_form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")

    async def receive_checked() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        if declared.isdigit() and int(declared) > BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            why = f"the body did not arrive within {BODY_SECONDS:g} seconds; send it again"
            raise HTTPException(408, why) from None
        body.extend(message.get("body", b""))
        if len(body) > BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        complete = not message.get("more_body", False)
        if complete and (_form_has_nul(body) if is_form else _json_is_unstorable(body)):
            raise HTTPException(400, _UNSTORABLE)
        return message

    return receive_checked


def _form_has_nul(form: bytes | bytearray) -> bool:
    return b"%00" in form or b"\x00" in form


def _json_is_unstorable(body: bytes | bytearray) -> bool:
    if b"\x00" in body:
        return True
    if b"\\u" not in body:  # JSON contains these characters only as escapes
        return False
    try:
        return _is_unstorable(json.loads(body))
    except (ValueError, RecursionError):  # not JSON: the route reports it
        return False


def _is_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value or (not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value))
    if isinstance(value, dict):
        return any(_is_unstorable(key) or _is_unstorable(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_is_unstorable, value))
