"""Messages: one processed mail, the evidence for its case, its raw bytes, moving it."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from service.api import schemas
from service.api.changes import corrected
from service.api.dependencies import TheDesk, Who
from service.api.paging import answer
from service.api.problems import documented
from service.mail import parse
from service.store import timeline

Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the message.")]
Accepted = Annotated[str | None, Header(include_in_schema=False)]
"""Described by the media types of the response: OpenAPI ignores a parameter of this name."""
MAIL, BYTES = "message/rfc822", "application/octet-stream"
RAW: dict[int | str, dict[str, Any]] = {
    200: {
        # generated clients read plain bytes; many of them know no other binary media type
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (MAIL, BYTES)},
        "description": "The mail; as `application/octet-stream` only if `Accept` asks for it.",
    }
}


router = APIRouter(prefix="/api/messages", tags=["messages"])


@router.get("", response_model=schemas.MessagePage, responses=documented(503))
def list_messages(
    desk: TheDesk,
    message_id: Annotated[
        str,
        Query(
            min_length=1,
            max_length=998,
            examples=["<a1b2@mail.example>"],
            description="The Message-ID; the angle brackets may be left out.",
        ),
    ],
) -> Response:
    """List the processed messages with this Message-ID (several, if senders used one id for different mails)."""
    found = desk.database.read(lambda conn: timeline.by_message_id(conn, message_id, desk.prefix))
    return answer({"items": found, "next": None})


@router.get("/{id}", response_model=schemas.MessageOut, responses=documented(404, 503))
def read_message(desk: TheDesk, id: Number) -> Response:
    """Return one message."""
    return answer(desk.database.read(lambda conn: timeline.find(conn, id, desk.prefix)))


@router.get("/{id}/why", response_model=schemas.Why, responses=documented(404, 503))
def explain_message(desk: TheDesk, id: Number) -> Response:
    """Return the evidence that put a message into its case, and the other candidate cases."""
    return answer(desk.database.read(lambda conn: timeline.why(conn, id, desk.prefix)))


@router.get("/{id}/raw", response_class=Response, responses={**RAW, **documented(404, 503)})
def read_raw_message(desk: TheDesk, id: Number, accept: Accepted = None) -> Response:
    """Return the mail as a download, exactly as it was received."""
    source = desk.database.read(lambda conn: timeline.source(conn, id))
    raw, part = desk.content(source.spool_id), source.part
    return Response(
        parse.attachment(raw, part) if part else raw,
        headers={
            "Content-Type": _media_type(accept),
            "Content-Disposition": f'attachment; filename="message-{id}.eml"',
            "Cache-Control": "private, no-cache",
            "Vary": "Accept",
        },
    )


@router.post("/{id}/move", response_model=schemas.Correction, responses=documented(400, 404, 409, 503))
def move_message(desk: TheDesk, who: Who, id: Number, body: schemas.Move) -> Response:
    """Move a message to another case or to a new one. The rules do not move it again. This can be undone."""
    return corrected(desk, *desk.move(id, None if body.to == "new" else desk.number_of(body.to), who))


def _media_type(accept: str | None) -> str:
    """Return `message/rfc822`, unless the caller accepts bytes but not mail (RFC 9110 §12.5.1)."""
    kinds = (kind.replace(" ", "").lower().split(";") for kind in (accept or "").split(","))
    asked = {name for name, *rest in kinds if not any(re.fullmatch(r"q=0(\.0*)?", one) for one in rest)}
    return BYTES if BYTES in asked and MAIL not in asked else MAIL
