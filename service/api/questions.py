"""Asking a requester for facts by mail, and notes for the team."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from service.api import schemas
from service.api.dependencies import MOVED, FindCase, TheDesk, Who
from service.api.outbox import entry
from service.api.paging import answer
from service.api.problems import documented
from service.outbound import questions
from service.store import notes

Items = Annotated[
    list[schemas.ItemId],
    Query(
        alias="item",
        default_factory=list,
        max_length=5,
        description="Ids of checklist items, at most five; without any, the missing items.",
    ),
]
Lang = Annotated[Literal["ja", "en"] | None, Query(description="Language of the mail; by default that of the case.")]


router = APIRouter(prefix="/api/cases", tags=["cases"])


@router.get(
    "/{key}/questions/draft",
    response_model=schemas.QuestionsDraft,
    responses={**documented(400, 404, 503), **MOVED},
)
def read_questions_draft(find: FindCase, desk: TheDesk, item: Items, lang: Lang = None) -> Response:
    """Preview the mail that asks the requester for these facts.

    `refused` is the reason if it may not be sent.
    """
    return answer(shown(desk.draft_questions(find().id, item, language=lang)))


@router.post(
    "/{key}/questions",
    response_model=schemas.OutboxEntry,
    status_code=201,
    responses={**documented(400, 404, 409, 503), **MOVED},
)
def ask_questions(find: FindCase, desk: TheDesk, who: Who, body: schemas.Questions) -> Response:
    """Ask the requester for these facts by mail; 409 with the reason if it may not be sent.

    `text` is placed above the numbered questions; if it already contains them, it is the whole mail.
    """
    _, written = desk.ask(find().id, body.items, body.text, body.lang, who)
    return answer(entry(written, desk.prefix), status=201)


@router.get("/{key}/notes", response_model=schemas.NotePage, responses={**documented(404, 503), **MOVED})
def list_notes(find: FindCase, desk: TheDesk) -> Response:
    """List the notes of the team, oldest first. They are never sent."""
    found = find()
    return answer({"items": desk.database.read(lambda conn: notes.of_case(conn, found.id, desk.prefix)), "next": None})


@router.post(
    "/{key}/notes", response_model=schemas.Note, status_code=201, responses={**documented(400, 404, 503), **MOVED}
)
def add_note(find: FindCase, desk: TheDesk, who: Who, body: schemas.NewNote) -> Response:
    """Add a note for the team. It is shown in the timeline, and never sent."""
    return answer(desk.note(find().id, body.text, who), status=201)


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
