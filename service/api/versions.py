"""`/api/v1/…` is the same interface as `/api/…`, under a name that a client can rely on when another version comes."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

CURRENT = "/api/v1"


class Versions:
    """Routes a versioned path to the resource that answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(f"{CURRENT}/"):
            raw = bytes(scope.get("raw_path") or path.encode()).replace(CURRENT.encode(), b"/api", 1)
            scope = {**scope, "path": f"/api{path[len(CURRENT) :]}", "raw_path": raw}
        await self.app(scope, receive, send)
