"""Checks requests before the routes: authentication, rate limits, cross-site requests.

* A token is required. There is one exception: while sodan listens on loopback and no valid token exists, a direct
  connection to a loopback name needs none. `SODAN_TRUST_LOOPBACK=no` requires a token there too, because some proxies
  do not identify themselves.
* A token has the scope read, write or admin. GET needs read, other methods need write. Some routes require admin.
* A request that another site caused in a browser must not change anything (CSRF). Host names that merely resolve to
  this machine are rejected (DNS rebinding).
"""

from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import is_browser, problem
from service.errors import PROBLEM_PAGES, Unavailable
from service.rate import Rate
from service.store import tokens
from service.store.database import Database
from service.store.tokens import Token

T = TypeVar("T")
COOKIE = "sodan_token"
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/login", "/logout", "/language", "/favicon.ico"})
"""Paths that need no token, because they reveal nothing about cases. `/static/` and `/problems/` need none either."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing (RFC 9110 §9.2.1)
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
PROXIED = ("forwarded", "x-real-ip", "via", "x-forwarded-")  # beginnings of the names of headers that a proxy adds
LOOPBACK_ADDRESSES = ("127.", "::1", "::ffff:127.")

LOCAL = Token(0, "", "admin")  # the token of a caller on this machine while no token is required


class Guard:
    """ASGI middleware that rejects requests without a valid token, and callers with too many requests or failures.

    It stores the caller's ``Token`` in ``scope["state"]["token"]``.
    """

    def __init__(
        self, app: ASGIApp, *, database: Database, open_to_loopback: bool, rate: int, now: Callable[[], datetime]
    ) -> None:
        self.app, self.database, self.open_to_loopback, self.now = app, database, open_to_loopback, now
        self.calls = Rate(rate, seconds=60, burst=max(5, rate / 4))
        self.failures = Rate(30, seconds=60, burst=7.5)

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
        if method not in SAFE and not (secret and not by_cookie) and _is_from_other_site(headers):
            return problem(403, "another site caused this request; repeat it on a page of sodan")
        if local and not secret and _host(headers) not in LOOPBACK_NAMES:
            return problem(403, "without a token, the host must be 127.0.0.1, ::1 or localhost")
        if path in OPEN_PATHS or path.startswith(("/static/", PROBLEM_PAGES)):
            state["token"] = LOCAL if local and not secret else None
            return None
        if not secret:
            if not local or await self._read(tokens.any_valid):
                return _sign_in_required(scope, "a token is needed: send Authorization: Bearer …")
            state["token"] = LOCAL
            return None
        client = (scope.get("client") or ("",))[0]
        token = await self._read(tokens.find, secret)
        if token is None:
            if self.failures.wait(client):
                return problem(429, "too many wrong tokens; wait a minute", headers={"Retry-After": "60"})
            return _sign_in_required(scope, "this token is unknown, expired or revoked")
        wait = self.calls.wait(token.id)
        if wait:
            return problem(429, "too many requests with this token; wait", headers={"Retry-After": str(int(wait) + 1)})
        if method not in SAFE and not token.may("write"):
            return problem(403, f"this call needs the scope write; this token has {token.scope}")
        state["token"] = token
        return None

    async def _read(self, query: Callable[..., T], *values: Any) -> T:
        """Return the result of a query about valid tokens, run in a thread."""
        now = self.now()
        return await anyio.to_thread.run_sync(self.database.read, lambda conn: query(conn, *values, now))


def _sign_in_required(scope: Scope, why: str) -> Response:
    """Return 401 for programs. For browsers, redirect to the sign-in form.

    After signing in, the form leads back to the page. If the request was a form, the sign-in page says that it is lost.
    """
    if is_browser(scope):
        parameters = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (parameters and f"?{parameters}")
        query = {"lost": "yes"} if scope["method"] not in SAFE else {"back": wanted} if wanted != "/" else {}
        return RedirectResponse(f"/login?{urlencode(query)}" if query else "/login", 303)
    return problem(401, why, headers={"WWW-Authenticate": 'Bearer realm="sodan"'})


def _secret(headers: Headers) -> tuple[str, bool]:
    """Return the secret of a request's token, and whether it is in a cookie. Without a token: ("", False)."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip(), False
    secret = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
    return secret, bool(secret)


def _is_from_other_site(headers: Headers) -> bool:
    """Return whether another site caused the request, by headers that only browsers send."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def _is_direct(scope: Scope, headers: Headers) -> bool:
    """Return whether a program on this machine connects without a proxy.

    HTTP/1.0 counts as a proxy, because some proxies use it and add no header.
    """
    client = str((scope.get("client") or ("",))[0])
    proxied = any(name.startswith(PROXIED) for name in headers)
    return client.startswith(LOOPBACK_ADDRESSES) and not proxied and scope.get("http_version") != "1.0"


def _host(headers: Headers) -> str:
    """Return the host name in the header Host, in lower case; empty if it is malformed."""
    try:
        return (urlsplit(f"//{headers.get('host', '')}").hostname or "").lower()
    except ValueError:
        return ""
