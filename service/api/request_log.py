"""The outermost middleware: logs requests, adds security headers, handles unexpected errors."""

import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.health import Meters
from service.api.problems import problem
from service.errors import where

log = structlog.get_logger("sodan.api")

VERSION = "/api/v1"  # the same as `/api`; if there is another version later, `/api/v1` stays as it is
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Response headers that forbid scripts, frames and content-type sniffing, unless a route sets others."""


class RequestLog:
    """ASGI middleware that logs and counts each request, and adds the security headers to each response.

    It also serves ``/api/v1`` as ``/api``, answers HEAD like GET, and answers 500 after an unexpected error.
    """

    def __init__(self, app: ASGIApp, *, meters: Meters) -> None:
        self.app, self.meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        if scope["path"].startswith(f"{VERSION}/"):
            raw = bytes(scope.get("raw_path") or scope["path"].encode()).replace(VERSION.encode(), b"/api", 1)
            scope = {**scope, "path": f"/api{scope['path'][len(VERSION) :]}", "raw_path": raw}
        only_head = scope["method"] == "HEAD" and scope["path"] != "/api/events"
        if only_head:  # RFC 9110 §9.3.2: the response to GET, without the body
            scope = {**scope, "method": "GET"}

        async def send_checked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            elif only_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(scope, receive, send_checked)
        except Exception as error:
            kind, trace = type(error).__name__, where(error)
            log.error("request failed", method=scope["method"], route=_route(scope), error=kind, trace=trace)
            if status:
                raise  # the response has begun, so the only way to signal the error is to close the connection
            await problem(500, "an error in sodan; the log of the server has the details")(scope, receive, send_checked)
        self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        """Count and log a response with its route.

        Path and query are not logged, because they can contain addresses, search terms or secrets.
        """
        route, method = _route(scope), scope["method"]
        if method not in ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"):
            method = "other"
        self.meters.requests.labels(method, route, str(status)).inc()
        self.meters.seconds.labels(route).observe(seconds)
        name = getattr(scope.get("state", {}).get("token"), "name", "")
        log.info("answered", method=method, route=route, status=status, ms=int(seconds * 1000), by=name)


def _route(scope: Scope) -> str:
    """Return the path of the route, such as ``/api/cases/{key}``; ``none`` if no route matched."""
    return str(getattr(scope.get("route"), "path", "none"))
