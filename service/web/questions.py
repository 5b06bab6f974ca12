"""Pages for questions to a requester, notes, and the outbox."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import NotFound, Refused
from service.outbound import questions
from service.outbound.setup import labels_of, outbound_of
from service.store import cases, keys, notes, outbox
from service.store.cases import key_of, stamp
from service.store.database import Connection
from service.web.frame import Frame, back_to, form, who

SHOWN = 100
"""Number of outbox entries on one page."""


def question_routes(frame: Frame) -> APIRouter:
    """Return the routes for asking a requester, and for notes."""
    router = APIRouter(include_in_schema=False)

    @router.get("/cases/{key}/ask")
    def show_draft(request: Request, key: str) -> Response:
        number = _standing(frame, key)
        items = [value for name, value in request.query_params.multi_items() if name == "item"]
        text = request.query_params.get("text", "")
        made = frame.database.transact(lambda conn: _prepared(conn, frame, number, items, text))
        return frame.page(request, "ask.html", key=key_of(number, frame.prefix), made=made)

    @router.post("/cases/{key}/ask")
    async def ask(request: Request, key: str) -> Response:
        given = await form(request)
        number, by, now = _standing(frame, key), who(request), frame.now()
        items = [item for item in given.get("items", "").split(",") if item]

        def write(conn: Connection) -> int:
            made = _prepared(conn, frame, number, items, given.get("text", ""), by)
            return questions.ask(conn, made, _outbound(conn, frame), now)

        await frame.transact(write)
        return back_to(f"/cases/{key_of(number, frame.prefix)}", "asked")

    @router.post("/cases/{key}/notes")
    async def note(request: Request, key: str) -> Response:
        text = (await form(request)).get("text", "").strip()[:20_000]
        number, by, now = _standing(frame, key), who(request), frame.now()
        if not text:
            raise Refused("the note is empty")
        await frame.transact(lambda conn: notes.add(conn, number, text, by, now))
        return back_to(f"/cases/{key_of(number, frame.prefix)}", "noted")

    return router


def outbox_routes(frame: Frame) -> APIRouter:
    """Return the routes of mails that sodan sends."""
    router = APIRouter(include_in_schema=False)

    @router.get("/outbox")
    def show_outbox(request: Request) -> Response:
        state = request.query_params.get("state") or None
        if state is not None and state not in outbox.STATES:
            raise Refused(f"state: {state[:40]}")

        def read(conn: Connection) -> tuple[dict[str, int], list[dict[str, Any]], Any]:
            return outbox.counts(conn), outbox.listing(conn, state, SHOWN), outbox.tripped(conn)

        counts, rows, tripped = frame.database.read(read)
        shown = [entry(row, frame.prefix) for row in rows]
        return frame.page(request, "outbox.html", counts=counts, rows=shown, state=state, tripped=stamp(tripped))

    @router.get("/outbox/{id}")
    def show_entry(request: Request, id: int) -> Response:
        if not 0 < id < 2**62:
            raise NotFound("there is no such mail")
        row = frame.database.read(lambda conn: outbox.entry(conn, id))
        return frame.page(request, "outbox_entry.html", row=entry(row, frame.prefix))

    @router.post("/outbox/{id}/{what}")
    async def decide(request: Request, id: int, what: str) -> Response:
        await form(request)
        by, now = who(request), frame.now()
        if not 0 < id < 2**62 or what not in ("send", "discard"):
            raise NotFound("there is nothing at this address")
        decision = outbox.send_again if what == "send" else outbox.discard
        await frame.transact(lambda conn: decision(conn, id, by, now))
        return back_to(f"/outbox/{id}")

    return router


def sent_in(conn: Connection, number: int, prefix: str) -> list[dict[str, Any]]:
    """Return the mails that sodan sent or will send in a case, newest first, without notifications."""
    return [entry(row, prefix) for row in outbox.listing(conn, limit=20, case=number) if row["channel"] == "mail"]


def entry(row: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return an outbox entry as the page shows it."""
    return {
        **row,
        "case": None if row["case_id"] is None else key_of(row["case_id"], prefix),
        "created_at": stamp(row["created_at"]),
        "sent_at": stamp(row["sent_at"]),
    }


def _prepared(
    conn: Connection, frame: Frame, number: int, items: list[str], text: str, by: str = ""
) -> questions.Questions:
    return questions.prepare(conn, number, items, text, _outbound(conn, frame), known=labels_of(frame.rules), who=by)


def _outbound(conn: Connection, frame: Frame) -> Any:
    return outbound_of(frame.settings, keys.key(conn, "case", frame.now()))


def _standing(frame: Frame, key: str) -> int:
    number = cases.number_of(key, frame.prefix)
    return frame.database.read(lambda conn: cases.survivor(conn, number))
