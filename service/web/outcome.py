"""What a page says after a change: the query parameters with which a form redirects to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.responses import RedirectResponse, Response

IDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,99}")
"""Ids of corrections to undo together: ``41.42``."""
REASONS = ("gone", "merged", "other")
DONE = ("set", "merged", "dismissed", "accepted", "moved", "undone", "asked", "noted", "assigned", "resolved")
"""Changes that a page tells about after it was redirected to."""
NAMES = ("done", "undo", "failed", "key")


def outcome(request: Request) -> dict[str, Any]:
    """Return what a page says: the change, its undo, the cases that were left out, and its address without these."""
    query = request.query_params
    done, undo = query.get("done", ""), query.get("undo", "")
    failed = re.findall(r"([A-Za-z0-9]{1,20}-\d{1,15}):([a-z]+)", query.get("failed", "")[:4000])
    return {
        "done": done if done in DONE else "",
        "undo": undo if IDS.fullmatch(undo) else "",
        "failed": [(key, reason) for key, reason in failed if reason in REASONS],
        "merged_key": query.get("key", ""),
        "here": overview(f"{request.url.path}?{request.url.query}"),
    }


def of_redirect(request: Request) -> str:
    """Return these parameters of a request as a query, to keep them in a redirect; empty without any."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] in NAMES]
    return f"?{urlencode(kept)}" if kept else ""


def overview(path: str) -> str:
    """Return the address of the overview with its filter, without the outcome of an earlier change."""
    head, _, query = path.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in NAMES] if head == "/" else []
    return f"/?{urlencode(kept)}" if kept else "/"


def back_to_overview(path: str, done: str, events: Sequence[int], failed: Sequence[str]) -> Response:
    """Redirect to the overview after a change of several cases."""
    said = {"done": done, "undo": ".".join(map(str, events))} if events else {}
    if failed:
        said["failed"] = ".".join(failed)
    here = overview(path)
    return RedirectResponse(f"{here}{'&' if '?' in here else '?'}{urlencode(said)}" if said else here, 303)
