"""The message on a page after a change. A form redirects to the page with query parameters that describe the change."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import Request

IDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,99}")  # matches the ids of changes that are undone together: ``41.42``
REASONS = ("gone", "merged", "other")  # why a case was not changed
DONE = "set merged dismissed accepted moved undone asked drafted noted assigned resolved".split()
"""Values of the parameter ``done``: the change that was made."""
NAMES = ("done", "undo", "failed", "key")


def flash_message(request: Request) -> dict[str, Any]:
    """Return what a template shows of a change: the change, ids to undo it, and failures."""
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
    """Return the parameters of the message as a query string for a redirect; "" if none."""
    kept = [pair for pair in request.query_params.multi_items() if pair[0] in NAMES]
    return f"?{urlencode(kept)}" if kept else ""


def overview(path: str) -> str:
    """Return the path of the start page, with the filters of ``path`` if it is the start page."""
    head, _, query = path.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in NAMES] if head == "/" else []
    return f"/?{urlencode(kept)}" if kept else "/"
