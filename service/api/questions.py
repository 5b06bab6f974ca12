"""Asking a requester for facts by mail, and notes for the team."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import Response

from service.api.case_schema import Out, Person, doc, page_of
from service.api.dependencies import Language, TheCase, TheDesk, Who, case_responses
from service.api.outbox import OutboxEntry, entry
from service.api.paging import answer
from service.errors import Conflict
from service.outbound import questions
from service.store import notes


class QuestionsDraft(Out):
    """A mail that asks a requester for facts, before it is sent."""

    to: Person | None = doc("The requester; null if no mail of the case is from a requester.")
    subject: str = doc("The subject.")
    text: str = doc("The body as plain text, with numbered questions.")
    language: str = doc("`ja` or `en`.")
    items: list[str] = doc("Ids of the checklist items, in the order of their numbers.")
    refused: str | None = doc("Why sodan may not send the mail; null if it may.")


ItemId = Annotated[str, Field(max_length=64, pattern="^[a-z_]+$")]


class Questions(BaseModel, extra="forbid", json_schema_extra={"examples": [{"items": ["occurred_at", "version"]}]}):
    """The facts to ask the requester for."""

    items: list[ItemId] = doc("Ids of checklist items, at most five; empty: the missing items.", [], max_length=5)
    text: str = doc("Text above the numbered questions; the whole mail, if it has them.", "", max_length=20_000)
    lang: Language | None = doc("Language of the mail; null: the language of the case.", None)


class Note(Out):
    """A note of the team. sodan never sends it."""

    id: int = doc("Id of the note.")
    case: str = doc("Key of the case to which the note was added.")
    who: str = doc("The person who wrote the note.")
    at: datetime = doc("When the note was written.")
    text: str = doc("The note.")


NotePage = page_of("NotePage", Note, "The notes of a case.", "The notes, oldest first: at most the 500 newest.", None)


class NewNote(BaseModel, extra="forbid", json_schema_extra={"examples": [{"text": "Called Ms. Tanaka at 10:30."}]}):
    """A note to add."""

    text: str = doc("The note. sodan never sends it.", min_length=1, max_length=20_000, pattern=r"\S")


_ITEMS = "Ids of checklist items, at most five; without any, the missing items."
Items = Annotated[list[ItemId], Query(alias="item", default_factory=list, max_length=5, description=_ITEMS)]
Lang = Annotated[Language | None, Query(description="Language of the mail; by default that of the case.")]


router = APIRouter(prefix="/api/cases", tags=["cases"])


@router.get("/{key}/questions/draft", response_model=QuestionsDraft, responses=case_responses(400, 404, 409))
def read_questions_draft(case: TheCase, desk: TheDesk, item: Items, lang: Lang = None) -> Response:
    """Preview the mail that asks the requester for these facts. `refused`: why it may not be sent.

    409: there is nothing to ask.
    """
    mail = desk.draft_questions(case.id, item, language=lang)
    if not mail.items:
        raise Conflict(questions.NOTHING_TO_ASK)
    draft = {name: getattr(mail, name) for name in ("subject", "text", "language", "items", "refused")}
    return answer({"to": {"name": mail.name, "address": mail.address} if mail.address else None, **draft})


@router.post("/{key}/questions", response_model=OutboxEntry, status_code=201, responses=case_responses(400, 404, 409))
def ask_questions(case: TheCase, desk: TheDesk, who: Who, body: Questions) -> Response:
    """Ask the requester for these facts by mail. If sodan may not send it, 409 says why."""
    _, row = desk.ask(case.id, body.items, body.text, body.lang, who)
    return answer(entry(row, desk.prefix), status=201)


@router.get("/{key}/notes", response_model=NotePage, responses=case_responses(404))
def list_notes(case: TheCase, desk: TheDesk) -> Response:
    """List the notes of the team, oldest first. sodan never sends them."""
    return answer({"items": desk.database.read(lambda conn: notes.of_case(conn, case.id, desk.prefix)), "next": None})


@router.post("/{key}/notes", response_model=Note, status_code=201, responses=case_responses(400, 404))
def add_note(case: TheCase, desk: TheDesk, who: Who, body: NewNote) -> Response:
    """Add a note for the team. The page shows it in the timeline. sodan never sends it."""
    return answer(desk.note(case.id, body.text, who), status=201)
