"""Checks the size, duration and characters of requests before the routes.

Such characters are NUL in path, query, form or JSON, and lone surrogates in JSON. A filter that contains one would
cause an error 500 on PostgreSQL, and find nothing on SQLite.
"""

import asyncio
import json
import re

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem

BODY_SECONDS = 60.0  # time limit for receiving a whole body
BODY_BYTES = 1_000_000
_NUL = re.compile(rb"\x00|(?<!\\)(?:\\\\)*\\u0000")  # the byte, or its JSON escape
_UNSTORABLE = "the text of a request must not contain NUL (U+0000) or a lone surrogate; remove it"
_TOO_LARGE = f"the body is too large: at most {BODY_BYTES} bytes"


class CheckBody:
    """ASGI middleware. Rejects a body that is too large (413), too slow (408), or that databases refuse (400)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif "\x00" in scope["path"] or _is_unstorable(scope["query_string"], is_form=True):
            await problem(400, _UNSTORABLE)(scope, receive, send)
        else:
            await self.app(scope, _checked(receive, Headers(scope=scope)), send)


def _checked(receive: Receive, headers: Headers) -> Receive:
    """Return a ``receive`` that checks the body, and raises HTTPException for a bad body."""
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
        if complete and _is_unstorable(body, is_form=is_form):
            raise HTTPException(400, _UNSTORABLE)
        return message

    return receive_checked


def _is_unstorable(body: bytes | bytearray, *, is_form: bool) -> bool:
    """Return whether a form, or otherwise JSON, has a NUL or a lone surrogate."""
    if is_form:
        return b"%00" in body or b"\x00" in body
    try:
        json.dumps(json.loads(body), ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate
        return True
    except (ValueError, RecursionError):  # not JSON: the route reports it
        pass
    return _NUL.search(body) is not None
