"""Manual changes by HTML forms: values, items, requests, merge, suggestions, move, undo."""

from __future__ import annotations

import re
from typing import Any

import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import Conflict, Refused
from service.intake import rejudge
from service.store import cases, corrections
from service.store.database import one_at_a_time
from service.store.undo import undo as take_back
from service.web.frame import Frame, back_to, form, who

FIELDS = ("status", "priority", "title", "vendor", "waiting_on")


def routes(frame: Frame) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def change(fn: Any) -> Any:
        return await anyio.to_thread.run_sync(frame.database.transact, fn)

    @router.post("/cases/{key}/set")
    async def set_by_hand(request: Request, key: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        wanted = changed_fields(given)
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> None:
            found = cases.find(conn, number)
            if given.get("version", str(found.version)) != str(found.version):
                raise Conflict("the case changed meanwhile: look again, then decide")
            if wanted:
                one_at_a_time(conn)
                corrections.set_by_person(conn, number, wanted, by, now)
                rejudge(conn, [number], frame.context, now=now)

        await change(apply)
        return back_to(f"/cases/{key}", "set")

    @router.post("/cases/{key}/items/{item}")
    async def set_item(request: Request, key: str, item: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        if not re.fullmatch(r"[a-z_]{1,64}", item):
            raise Refused("there is no such item")
        value = given.get("value", "").strip()[:2000] or None
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> None:
            one_at_a_time(conn)
            corrections.set_by_person(conn, number, {"items": {item: value}}, by, now)
            rejudge(conn, [number], frame.context, now=now)

        await change(apply)
        return back_to(f"/cases/{key}", "set")

    @router.post("/cases/{key}/asks/{ask}")
    async def set_ask(request: Request, key: str, ask: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        if not re.fullmatch(r"[0-9]{1,20}-[a-z_:]{1,80}", ask):
            raise Refused("there is no such ask")
        value = "answered" if given.get("value") == "answered" else None
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> None:
            one_at_a_time(conn)
            corrections.set_by_person(conn, number, {"asks": {ask: value}}, by, now)
            rejudge(conn, [number], frame.context, now=now)

        await change(apply)
        return back_to(f"/cases/{key}", "set")

    @router.post("/cases/{key}/merge")
    async def merge(request: Request, key: str) -> Response:
        given, number = await form(request), cases.number_of(key, frame.prefix)
        into = cases.number_of(given.get("into", "").strip(), frame.prefix)
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> int:
            event = corrections.merge(conn, number, into, by, now)
            rejudge(conn, corrections.touched(conn, event), frame.context, now=now)
            return event

        done = await change(apply)
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

        done, case = await change(apply)
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

        done, case = await change(apply)
        return back_to(f"/cases/{cases.key_of(case, frame.prefix)}", "moved", undo=str(done))

    @router.post("/corrections/{id}/undo")
    async def undo(request: Request, id: int) -> Response:
        now, by = frame.now(), who(request)

        def apply(conn: Any) -> list[int]:
            touched = take_back(conn, id, by, now)
            rejudge(conn, touched, frame.context, now=now)
            return touched

        touched = await change(apply)
        return back_to(f"/cases/{cases.key_of(touched[0], frame.prefix)}" if touched else "/", "undone")

    return router


def changed_fields(given: dict[str, str]) -> dict[str, Any]:
    """Return the changed fields of the form. An empty value ("automatic") resets a field to the rules."""
    wanted: dict[str, Any] = {}
    for name in FIELDS:
        if name not in given or given[name] == given.get(f"was_{name}", "\x00"):
            continue
        wanted[name] = given[name].strip()[:500] or None
    return wanted
