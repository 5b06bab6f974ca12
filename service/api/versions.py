"""`/api/v1/…` is the same interface as `/api/…`.

Clients can rely on this name when there is another version.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

CURRENT = "/api/v1"


class Versions:
    """Rewrites a versioned path to the path of the resource."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(f"{CURRENT}/"):
            raw = bytes(scope.get("raw_path") or path.encode()).replace(CURRENT.encode(), b"/api", 1)
            scope = {**scope, "path": f"/api{path[len(CURRENT) :]}", "raw_path": raw}
        await self.app(scope, receive, send)
