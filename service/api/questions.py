"""Asking a requester for facts by mail, and notes for the team."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from service.api import schemas
from service.api.desk import Desk, name_of
from service.api.outbox import entry
from service.api.paging import answer
from service.api.problems import documented
from service.errors import NotFound
from service.outbound import questions
from service.outbound.setup import labels_of, outbound_of
from service.store import cases, keys, notes, outbox
from service.store.database import Connection

MOVED: dict[int | str, dict[str, Any]] = {308: {"description": "Merged: the case is there now."}}
Items = Annotated[
    list[schemas.ItemId], Query(alias="item", default_factory=list, max_length=5, description="None: what is missing.")
]


def routes(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/api/cases", tags=["cases"])

    @router.get(
        "/{key}/questions/draft",
        response_model=schemas.QuestionsDraft,
        responses={**documented(400, 404, 503), **MOVED},
    )
    def read_questions_draft(key: str, item: Items, lang: Literal["ja", "en"] | None = None) -> Response:
        """Preview the mail that asks the requester for these facts.

        `refused` is the reason if it may not be sent.
        """
        number = _standing(desk, key, "/questions/draft")
        if isinstance(number, Response):
            return number
        made = desk.database.transact(lambda conn: prepared(conn, desk, number, item, "", lang))
        return answer(shown(made))

    @router.post(
        "/{key}/questions",
        response_model=schemas.OutboxEntry,
        status_code=201,
        responses={**documented(400, 404, 409, 503), **MOVED},
    )
    def ask_questions(request: Request, key: str, body: schemas.Questions) -> Response:
        """Ask the requester for these facts by mail; 409 with the reason if it may not be sent.

        `text` is placed above the numbered questions; if it already contains them, it is the whole mail.
        """
        number = _standing(desk, key, "/questions")
        if isinstance(number, Response):
            return number
        who = name_of(request)

        def write(conn: Connection) -> dict[str, Any]:
            made = prepared(conn, desk, number, body.items, body.text, body.lang, who)
            return outbox.entry(conn, questions.ask(conn, made, _outbound(conn, desk), desk.now()))

        return answer(entry(desk.database.transact(write), desk.prefix), status=201)

    @router.get("/{key}/notes", response_model=schemas.NotePage, responses={**documented(404, 503), **MOVED})
    def list_notes(key: str) -> Response:
        """List the notes of the team, oldest first. They are never sent."""
        number = _standing(desk, key, "/notes")
        if isinstance(number, Response):
            return number
        return answer(
            {"items": desk.database.read(lambda conn: notes.of_case(conn, number, desk.prefix)), "next": None}
        )

    @router.post(
        "/{key}/notes", response_model=schemas.Note, status_code=201, responses={**documented(400, 404, 503), **MOVED}
    )
    def add_note(request: Request, key: str, body: schemas.NewNote) -> Response:
        """Add a note for the team. It is shown in the timeline and never sent."""
        number = _standing(desk, key, "/notes")
        if isinstance(number, Response):
            return number
        who, now = name_of(request), desk.now()

        def write(conn: Connection) -> dict[str, Any]:
            made = notes.add(conn, number, body.text, who, now)
            return next(one for one in notes.of_case(conn, number, desk.prefix) if one["id"] == made)

        return answer(desk.database.transact(write), status=201)

    return router


def prepared(
    conn: Connection, desk: Desk, number: int, items: list[str], text: str, lang: str | None, who: str = ""
) -> questions.Questions:
    """Prepare the mail that asks for these items. Raises NotFound, Refused."""
    return questions.prepare(
        conn,
        number,
        items,
        text,
        _outbound(conn, desk),
        known=labels_of(desk.rules),
        language=lang,
        who=who,
    )


def shown(made: questions.Questions) -> dict[str, Any]:
    """Return a prepared mail as it is shown to clients."""
    return {
        "to": {"name": made.name, "address": made.address} if made.address else None,
        "subject": made.subject,
        "text": made.text,
        "language": made.language,
        "items": list(made.items),
        "refused": made.refused,
    }


def _outbound(conn: Connection, desk: Desk) -> Any:
    return outbound_of(desk.settings, keys.key(conn, "case", desk.now()))


def _standing(desk: Desk, key: str, rest: str) -> int | Response:
    """Return the number of a case, or a permanent redirect to the case it was merged into.

    Raises NotFound.
    """
    number = cases.number_of(key, desk.prefix)
    try:
        there = desk.database.read(lambda conn: cases.survivor(conn, number))
    except NotFound:
        raise NotFound(f"there is no case {key[:40]}") from None
    if there != number:
        return RedirectResponse(f"/api/cases/{cases.key_of(there, desk.prefix)}{rest}", 308)
    return number
