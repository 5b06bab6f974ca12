"""Changes of several selected cases: assign, resolve, merge. Each case changes as it would alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from service.errors import AlreadyMerged, Conflict, NotFound, Refused, SodanError
from service.store import cases
from service.store.corrections import must_exist_unmerged
from service.web.changes import IDS, merge_case, set_values
from service.web.frame import Frame, back_to, fields, who

MOST = 100
"""Number of cases that one form changes."""
REASONS = ("gone", "merged", "other")
DONE = ("set", "merged", "dismissed", "accepted", "moved", "undone", "asked", "noted", "assigned", "resolved")
"""Changes that a page tells about after it was redirected to."""
OUTCOME = ("done", "undo", "failed", "key")
"""Query parameters with which a page tells the outcome of a change."""


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def each(keys: list[str], change: Callable[..., int]) -> tuple[list[int], list[str]]:
        """Change each case in a transaction of its own. Returns the event ids, and ``SD-4:merged`` where it failed."""
        events, failed = [], []
        for key in keys:
            try:
                one = partial(change, number=cases.number_of(key, frame.prefix))
                events.append(await frame.transact(one))
            except SodanError as error:  # of this case alone: the others are changed all the same
                failed.append(f"{key}:{_reason(error)}")
        return events, failed

    @router.post("/selected")
    async def change_selected(request: Request) -> Response:
        given = await fields(request)
        keys, values = _keys(given), dict(given)
        now, by = frame.now(), who(request)
        wanted = _wanted(values, by)
        events, failed = await each(keys, lambda conn, number: set_values(conn, frame, number, wanted, by, now))
        done = "resolved" if "status" in wanted else "assigned"
        return _back(values.get("back", "/"), done, events, failed)

    @router.get("/merge")
    def choose(request: Request) -> Response:
        """Show the selected cases, to choose the one that stays."""
        keys = _keys(request.query_params.multi_items())

        def read(conn: Any) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
            found, failed = {}, []
            for key in keys:
                try:
                    number = cases.number_of(key, frame.prefix)
                    must_exist_unmerged(conn, number)
                    found[number] = cases.find(conn, number).document
                except (NotFound, Conflict) as error:
                    failed.append((key, _reason(error)))
            return [found[number] for number in sorted(found)], failed

        found, failed = frame.database.read(read)
        back = _here(request.query_params.get("back", "/"))
        return frame.page(request, "merge.html", found=found, failed=failed, back=back)

    @router.post("/merge")
    async def merge(request: Request) -> Response:
        given = await fields(request)
        values = dict(given)
        stays = cases.number_of(values.get("into", ""), frame.prefix)
        key = cases.key_of(stays, frame.prefix)
        others = [one for one in _keys(given) if one.upper() != key]
        now, by = frame.now(), who(request)
        events, failed = await each(others, lambda conn, number: merge_case(conn, frame, number, stays, by, now))
        if not events:
            return _back(values.get("back", "/"), "merged", events, failed)
        gone = {one.partition(":")[0] for one in failed}
        said = {"undo": _ids(events), "key": ", ".join(one for one in others if one not in gone)}
        return back_to(f"/cases/{key}", "merged", **said, **({"failed": ".".join(failed)} if failed else {}))

    return router


def failures(request: Request) -> list[tuple[str, str]]:
    """Return the cases that a change of several left out, each with the reason."""
    found = re.findall(r"([A-Za-z0-9]{1,20}-\d{1,15}):([a-z]+)", request.query_params.get("failed", "")[:4000])
    return [(key, reason) for key, reason in found if reason in REASONS]


def done(request: Request) -> str:
    """Return the change that a page tells about; empty: none."""
    given = request.query_params.get("done", "")
    return given if given in DONE else ""


def undoable(request: Request) -> str:
    """Return the ids of the corrections that the page offers to undo; empty: none."""
    given = request.query_params.get("undo", "")
    return given if IDS.fullmatch(given) else ""


def outcome(request: Request) -> dict[str, Any]:
    """Return what the overview says about a change of several cases."""
    return {
        "done": done(request),
        "undo": undoable(request),
        "failed": failures(request),
        "here": _here(f"{request.url.path}?{request.url.query}"),
    }


def _wanted(values: dict[str, str], by: str) -> dict[str, Any]:
    match values.get("do"):
        case "take":
            return {"owner": by}
        case "assign" if owner := values.get("owner", "").strip()[:200]:
            return {"owner": by if owner == "me" else owner}
        case "resolve":
            return {"status": "resolved"}
    raise Refused("error.nothing_chosen")


def _keys(given: list[tuple[str, str]]) -> list[str]:
    keys = list(dict.fromkeys(value[:40] for name, value in given if name == "case"))
    if len(keys) > MOST:
        raise Refused("error.too_many")
    return keys


def _reason(error: Exception) -> str:
    return "gone" if isinstance(error, NotFound) else "merged" if isinstance(error, AlreadyMerged) else "other"


def _ids(events: list[int]) -> str:
    return ".".join(map(str, events))


def _here(path: str) -> str:
    """Return the address of the overview with its filter, without the outcome of an earlier change."""
    head, _, query = path.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name not in OUTCOME] if head == "/" else []
    return f"/?{urlencode(kept)}" if kept else "/"


def _back(path: str, done: str, events: list[int], failed: list[str]) -> Response:
    said = {"done": done, "undo": _ids(events)} if events else {}
    if failed:
        said["failed"] = ".".join(failed)
    here = _here(path)
    if not said:
        return RedirectResponse(here, 303)
    return RedirectResponse(f"{here}{'&' if '?' in here else '?'}{urlencode(said)}", 303)
