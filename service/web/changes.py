"""Manual changes of one case by HTML forms: values, items, requests, merge, suggestions, move, undo."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import Conflict, NotFound, Refused
from service.intake import rejudge
from service.store import cases, corrections
from service.store.database import one_at_a_time
from service.store.undo import undo as take_back
from service.web.deceptive import visible
from service.web.frame import Frame, back_to, form, who

FIELDS = ("status", "priority", "title", "vendor", "waiting_on", "owner")
IDS = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18}){0,99}")
"""Ids of corrections to undo together: ``41.42``."""
CHOICES = {
    "status": ("open", "resolved", "closed"),
    "priority": ("P1", "P2", "P3", "P4"),
    "waiting_on": ("team", "vendor", "requester", "none"),
}


def value_routes(frame: Frame) -> APIRouter:
    """Return the routes that set values of a case: fields, checklist items, requests of the vendor."""
    router = APIRouter(include_in_schema=False)

    @router.post("/cases/{key}/set")
    async def set_by_hand(request: Request, key: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        now, by = frame.now(), who(request)
        wanted = changed_fields(frame, given, by)

        def apply(conn: Any) -> int:
            one_at_a_time(conn)
            document = cases.find(conn, number).document
            for name in wanted:
                shown = visible(str(document.get(name) or ""))  # as the form was given it
                if given.get(f"was_{name}", shown) != shown:
                    raise Conflict("error.changed")
            return set_values(conn, frame, number, wanted, by, now)

        return back_to(f"/cases/{key}", "set", undo=str(await frame.transact(apply)))

    @router.post("/cases/{key}/items/{item}")
    async def set_item(request: Request, key: str, item: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        if not re.fullmatch(r"[a-z_]{1,64}", item):
            raise Refused("there is no such item")
        wanted = {"items": {item: given.get("value", "").strip()[:2000] or None}}
        now, by = frame.now(), who(request)
        event = await frame.transact(lambda conn: set_values(conn, frame, number, wanted, by, now))
        return back_to(f"/cases/{key}", "set", undo=str(event))

    @router.post("/cases/{key}/asks/{ask}")
    async def set_ask(request: Request, key: str, ask: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        if not re.fullmatch(r"[0-9]{1,20}-[a-z_:]{1,80}", ask):
            raise Refused("there is no such ask")
        words = given.get("answer", "").strip()[:2000]
        value = ({"answer": words} if words else "answered") if given.get("value") == "answered" else None
        now, by = frame.now(), who(request)
        event = await frame.transact(lambda conn: set_values(conn, frame, number, {"asks": {ask: value}}, by, now))
        return back_to(f"/cases/{key}", "set", undo=str(event))

    return router


def place_routes(frame: Frame) -> APIRouter:
    """Return the routes that say what belongs together: merge, suggestions, moving a message."""
    router = APIRouter(include_in_schema=False)

    @router.post("/cases/{key}/merge")
    async def merge(request: Request, key: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        into = cases.number_of(given.get("into", "").strip(), frame.prefix)
        now, by = frame.now(), who(request)
        done = await frame.transact(lambda conn: merge_case(conn, frame, number, into, by, now))
        return back_to(f"/cases/{cases.key_of(into, frame.prefix)}", "merged", undo=str(done), key=key)

    @router.post("/cases/{key}/suggestions/{id}")
    async def decide(request: Request, key: str, id: int) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        accepted = given.get("value") == "accept"
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> tuple[int, int]:
            if accepted:
                event, case = corrections.accept(conn, number, id, by, now)
                rejudge(conn, corrections.touched(conn, event), frame.context, now=now)
                return event, case
            rejudge(conn, corrections.dismiss(conn, number, id, by, now), frame.context, now=now)
            return 0, number

        done, case = await frame.transact(apply)
        shown = cases.key_of(case, frame.prefix)
        if not accepted:
            return back_to(f"/cases/{shown}", "dismissed")
        return back_to(f"/cases/{shown}", "accepted", undo=str(done))

    @router.post("/messages/{id}/move")
    async def move(request: Request, id: int) -> Response:
        given = await form(request)
        wanted = given.get("to", "").strip()
        to = None if wanted.lower() == "new" else cases.number_of(wanted, frame.prefix)
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> tuple[int, int]:
            event, case = corrections.move(conn, id, to, by, now)
            rejudge(conn, corrections.touched(conn, event), frame.context, now=now)
            return event, case

        done, case = await frame.transact(apply)
        return back_to(f"/cases/{cases.key_of(case, frame.prefix)}", "moved", undo=str(done))

    return router


def undo_routes(frame: Frame) -> APIRouter:
    """Return the route that undoes corrections."""
    router = APIRouter(include_in_schema=False)

    @router.post("/corrections/{ids}/undo")
    async def undo(request: Request, ids: str) -> Response:
        """Undo one correction, or several (``41.42``) together, the last one first."""
        if not IDS.fullmatch(ids):
            raise NotFound("there is no such correction")
        events = sorted({int(id) for id in ids.split(".")}, reverse=True)
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> list[int]:
            touched: set[int] = set()
            for event in events:
                touched |= set(take_back(conn, event, by, now))
            rejudge(conn, sorted(touched), frame.context, now=now)
            return sorted(touched)

        touched = await frame.transact(apply)
        alone = touched and len(events) == 1
        return back_to(f"/cases/{cases.key_of(touched[0], frame.prefix)}" if alone else "/", "undone")

    return router


def set_values(conn: Any, frame: Frame, number: int, wanted: dict[str, Any], by: str, now: datetime) -> int:
    """Store values that a person set, and judge the case again. Returns the event id."""
    one_at_a_time(conn)
    event = corrections.set_by_person(conn, number, wanted, by, now)
    rejudge(conn, [number], frame.context, now=now)
    return event


def merge_case(conn: Any, frame: Frame, number: int, into: int, by: str, now: datetime) -> int:
    """Merge a case into another one, and judge that again. Returns the event id."""
    event = corrections.merge(conn, number, into, by, now)
    rejudge(conn, corrections.touched(conn, event), frame.context, now=now)
    return event


def changed_fields(frame: Frame, given: dict[str, str], by: str) -> dict[str, Any]:
    """Return the fields that a form sets, None for one that the rules decide again. Raises Refused."""
    wanted: dict[str, Any] = {}
    for name in FIELDS:
        if name not in given and given.get("automatic") != name:
            continue
        value = None if given.get("automatic") == name else given[name].strip()[:500] or None
        if value and value not in CHOICES.get(name, (value,)):
            raise Refused(f"{name}: {value[:40]}")
        if name == "owner" and value == "me":
            value = by
        if name == "vendor" and given.get("automatic") != name:
            value = vendor_id(frame, value) if value else "none"
        wanted[name] = value
    if not wanted:
        raise Refused("nothing to set")
    return wanted


def vendor_id(frame: Frame, written: str) -> str:
    """Return the id of a vendor that is named by its id or its name; of an unknown one the text itself."""
    for id in frame.rules.vendors.profiles:
        if written.casefold() in (id, *(frame.rules.vendor_name(id, lang).casefold() for lang in ("ja", "en"))):
            return id
    return written[:64]
