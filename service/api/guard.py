"""Authentication, rate limits and origin checks: one ASGI layer before the routes.

* A token is required, except on loopback while no valid token exists: then a direct connection that uses a name
  of this machine is enough. A proxy may not identify itself; `SODAN_TRUST_LOOPBACK=no` requires a token there too.
* A token has the scope read, write or admin. GET needs read, other methods need write; routes check admin.
* Requests that another site caused a browser to send may not change anything (CSRF). A host name that only
  resolves to this machine is rejected (DNS rebinding).
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from datetime import datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeVar
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import problem
from service.errors import PROBLEM_PAGES, Unavailable
from service.rate import Rate
from service.store import tokens
from service.store.database import Database
from service.store.tokens import Token

T = TypeVar("T")
COOKIE = "sodan_token"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/favicon.ico"})
"""Paths that need no token, like `/static/` and `/problems/`. They reveal nothing about cases."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PROXIED = ("forwarded", "x-real-ip", "via", "x-forwarded-")
"""Prefixes of the headers that a proxy adds."""
LOOPBACK_ADDRESSES = ("127.", "::1", "::ffff:127.")
KNOWN_SECONDS = 5.0
"""How long the result "a valid token exists" is cached."""

LOCAL = Token(0, "", "admin")
"""The caller on this machine while no token is required."""


class Guard:
    """ASGI middleware. Stores the caller's ``Token`` in ``scope["state"]["token"]``."""

    def __init__(
        self, app: ASGIApp, *, database: Database, open_to_loopback: bool, rate: int, now: Callable[[], datetime]
    ) -> None:
        self.app, self.database, self.open_to_loopback, self.now = app, database, open_to_loopback, now
        self.calls = Rate(rate, seconds=60, burst=max(5, rate / 4))
        self.failures = Rate(30, seconds=60, burst=7.5)
        self._taken_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            refusal = await self._admit(scope, headers)
        except Unavailable as error:
            refusal = problem(503, str(error), headers={"Retry-After": "5"})
        if refusal is not None:
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> Response | None:
        """Return None if the request is allowed, otherwise the response that rejects it."""
        path, method = scope["path"], scope["method"]
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        local = self.open_to_loopback and _is_direct(scope, headers)
        secret, by_cookie = _secret(headers)
        if method not in SAFE and not (secret and not by_cookie) and _from_elsewhere(headers):
            return problem(403, "another site caused this request; repeat it on a page of sodan")
        if local and not secret and _host(headers) not in LOOPBACK_NAMES:
            return problem(403, "without a token, the host must be 127.0.0.1, ::1 or localhost")
        if path in OPEN_PATHS or path.startswith(("/static/", PROBLEM_PAGES)):
            state["token"] = LOCAL if local and not secret else None
            return None
        if not secret:
            if not local or await self._is_taken():
                return _unknown(scope, headers, "a token is needed: send Authorization: Bearer …")
            state["token"] = LOCAL
            return None
        client = (scope.get("client") or ("",))[0]
        token = await self._read(tokens.find, secret)
        if token is None:
            if self.failures.wait(client):
                return problem(429, "too many wrong tokens; wait a minute", headers={"Retry-After": "60"})
            return _unknown(scope, headers, "this token is unknown, expired or revoked")
        wait = self.calls.wait(token.id)
        if wait:
            return problem(429, "too many requests with this token; wait", headers={"Retry-After": str(int(wait) + 1)})
        if method not in SAFE and not token.may("write") and path != "/logout":
            return problem(403, f"this call needs the scope write; this token has {token.scope}")
        state["token"] = token
        return None

    async def _is_taken(self) -> bool:
        """Whether a valid token exists, so that a token is required on loopback too."""
        if time.monotonic() >= self._taken_until and await self._read(tokens.any_valid):
            self._taken_until = time.monotonic() + KNOWN_SECONDS
        return time.monotonic() < self._taken_until

    async def _read(self, query: Callable[..., T], *values: Any) -> T:
        """Run a query of the tokens that are valid now, in a thread."""
        now = self.now()
        return await anyio.to_thread.run_sync(self.database.read, lambda conn: query(conn, *values, now))


def _unknown(scope: Scope, headers: Headers, why: str) -> Response:
    """Return the response to a caller without a valid token: for a page, the form to sign in."""
    is_page = "text/html" in headers.get("accept", "") and not scope["path"].startswith("/api")
    if scope["method"] in SAFE and is_page:
        return RedirectResponse("/login", 303)
    return problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="sodan"'})


def _secret(headers: Headers) -> tuple[str, bool]:
    """Return the token of a request, and whether it is from a cookie."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip(), False
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return "", False
    return (morsel.value, True) if morsel else ("", False)


def _from_elsewhere(headers: Headers) -> bool:
    """Whether the browser reports that another site caused the request; other programs send no such header."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _is_direct(scope: Scope, headers: Headers) -> bool:
    """Whether a program on this machine connects directly. HTTP/1.0 may be a proxy that adds no header."""
    client = str((scope.get("client") or ("",))[0])
    proxied = any(name.startswith(PROXIED) for name in headers)
    return client.startswith(LOOPBACK_ADDRESSES) and not proxied and scope.get("http_version") != "1.0"


def _host(headers: Headers) -> str:
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""
