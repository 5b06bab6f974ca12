"""Messages, the evidence for their case, their raw mails, and attachments. Browsers download files, never open them."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from mailrules import catalogue
from service.api.case_schema import Out, Participant, doc, page_of
from service.api.dependencies import TheDesk, Who
from service.api.paging import answer
from service.api.problems import error_responses
from service.mail import parse
from service.store import timeline


class AttachmentOut(Out):
    """A file attached to a message."""

    id: str = doc("Id of the attachment, for `GET /api/attachments/{id}`.")
    filename: str = doc("Name of the file, as the mail gives it.")
    content_type: str = doc("Media type, as the mail gives it.")
    size: int = doc("Size in bytes.")
    sha256: str = doc("SHA-256 of the content, in hexadecimal.")
    inline: bool = doc("True for an image shown within the text, such as a logo.", False)


class StatementOut(Out):
    """A meaning of the catalogue (`GET /api/meanings`) found in a mail."""

    meaning: str = doc(
        "Id of the meaning, such as `item.version`.", json_schema_extra={"enum": [*catalogue.load().ids]}
    )
    state: str = doc(
        "`value`: the mail states it. `none`: the mail says that there is none. `partial`: not exact. `unknown`: "
        "the sender does not know it. `not_applicable`: it does not apply. `pending`: the sender will send it later. "
        "`placeholder`, `empty`: a form field that was not filled in. `unsure`: the reader could not decide; sodan "
        "treats it as neither stated nor missing.",
        "value",
        json_schema_extra={"enum": [*sorted(catalogue.STATES)]},
    )
    quote: str = doc("The text that contains the meaning, verbatim.", "")
    start: int = doc("Offset of the quote in `text`, in characters; -1: it is in the subject or a file name.", -1)
    end: int = doc("Offset of the end of the quote in `text`, in characters; -1 if `start` is -1.", -1)
    value: str | None = doc("The fact in a standard form, such as a date or a version; null if there is none.", None)
    confidence: float = doc("How sure the reader is: 0 (not at all) to 1 (certain).", 1.0)
    reader: str = doc("`embedded`, `model`, or the name of your own rule pack.", "embedded")


class MessageOut(Out):
    """A processed mail. If the same mail arrives several times, it is one message."""

    id: str = doc("Id of the message.")
    case: str = doc("Key of the message's case.")
    message_id: str | None = doc("`Message-ID` of the mail, with angle brackets; null if it is not known.", None)
    in_reply_to: list[str] = doc("`In-Reply-To`: ids of the mails that this mail answers.", default_factory=list)
    references: list[str] = doc("Message-IDs in `References`, oldest first.", default_factory=list)
    origin: Literal["delivered", "forwarded", "attached", "quoted"] = doc(
        "`delivered`: the mail arrived by itself. Otherwise it was inside another mail: forwarded, attached or quoted."
    )
    author: Participant = doc("The author; for a forwarded mail, the person who wrote the original mail.")
    forwarded_by: Any = doc("Mail address of the person who forwarded the mail; null if nobody did.", None)
    to: list[Any] = doc("Recipients in `To`: `name` and `address`.")
    cc: list[Any] = doc("Recipients in `Cc`: `name` and `address`.")
    subject: str = doc("The subject, decoded; empty if there is none.")
    date: datetime | None = doc("When the author wrote the mail, from `Date`; null if `Date` is not usable.")
    received_at: datetime = doc("When sodan received the mail for the first time.")
    text: str = doc("The new text: what the author wrote, without quoted mail and signature.")
    quoted_text: str = doc("The rest of the body: quoted mail and signature.")
    intro: str = doc("The text that a person wrote above a mail that the person forwards.", "")
    automatic: str | None = doc("`auto_reply`, `bounce`, `receipt`, `calendar`, `notification`; null: by a person.")
    language: str = doc("Language: `ja`, `en` or another ISO 639 code; `und`: not known.", "und")
    vendor: str | None = doc("Id of the vendor that wrote the mail or that the mail is about; null if not known.", None)
    attachments: list[AttachmentOut] = doc("The files of the mail.")
    deliveries: int = doc("How often sodan received the mail: alone, or forwarded or quoted in another mail.")
    found_in: str | None = doc("`id` of the message that contains this mail; null if the mail arrived by itself.", None)
    statements: list[StatementOut] = doc("Meanings that the reader found in the mail, with their text.", [])
    findings: list[dict[str, Any]] = doc(
        "Rules that fired for it: `rule`, `pack`, `quote`, `start` and `end` (offsets in `text`, -1 if the "
        "quote is not in it), `value` (null if the rule gives none)."
    )
    defects: list[str] = doc(
        "Faults of the mail. `dmarc-failed`: it was sent under another person's name, so it changes "
        "nothing. `sender-unverified`: nothing verifies that its author sent it. Others name faults of its format."
    )
    pinned_by: str | None = doc("The person who moved it to this case; null if the rules placed it.", None)


MessagePage = page_of("MessagePage", MessageOut, "A page of messages.", "The messages.")


class Move(BaseModel, extra="forbid", json_schema_extra={"examples": [{"to": "SD-7"}, {"to": "new"}]}):
    """The target of a moved message."""

    to: str = doc("Key of a case, or `new` for a new case.", max_length=40, pattern="^[!-~]+$")


class Correction(Out):
    """A manual change that can be undone."""

    correction: int | str = doc("Id of the change.")
    case: str = doc("Key of the case that contains the messages now.")
    undo: str = doc("Path for a POST that undoes the change: `/api/corrections/{id}/undo`.")


class Why(Out):
    """Why a message is in its case, and the other cases that sodan compared."""

    message: str = doc("`id` of the message.")
    case: str = doc("Key of the message's case.")
    placed_by: str = doc(
        "The kind of evidence that decided: `in_reply_to`, `references`, `vendor_ref` (a vendor's case "
        "number), `token` (the signed reply address), `case_key`, `thread_index`, `recovered` (a quoted mail), "
        "`bounce` (a delivery report), `mention`, `same` (a copy), `content` (similar text), `person` (moved by hand), "
        "`new` (a new case)."
    )
    evidence: list[Any] = doc(
        "What decided. `kind`: as in `placed_by`. `words`: the text or the number. `message`: `id` of the message to "
        "which the evidence points, or null. For `content` also `score` (0 to 1) and `margin` (the lead over the score "
        "of the next case; null if there is none)."
    )
    runners_up: list[Any] = doc("Other cases that sodan compared: as `evidence`, with `case` and `against` (why not).")
    pinned_by: str | None = doc("The person who moved the message to this case; null if nobody did.", None)


Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the message.")]
_WITH = "The Message-ID, with or without angle brackets."
MessageId = Annotated[str, Query(min_length=1, max_length=998, examples=["<a1b2@mail.example>"], description=_WITH)]
BYTES = "application/octet-stream"
_BINARY = {"schema": {"type": "string", "format": "binary"}}
RAW: dict[int | str, dict[str, Any]] = {
    200: {
        # generated clients read plain bytes; many of them know no other binary media type
        "content": {"message/rfc822": _BINARY, BYTES: _BINARY},
        "description": "The mail. The media type is always `message/rfc822`.",
    }
}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {BYTES: _BINARY}, "description": "The file."}}
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)
FileId = Annotated[int, Path(ge=1, le=2**62, description="Id of the attachment.")]

router = APIRouter(prefix="/api", tags=["messages"])


@router.get("/messages", response_model=MessagePage)
def list_messages(desk: TheDesk, message_id: MessageId) -> Response:
    """List the messages with this Message-ID. There are several if a sender uses one id for different mails."""
    items = desk.database.read(lambda conn: timeline.by_message_id(conn, message_id, desk.prefix))
    return answer({"items": items, "next": None})


@router.get("/messages/{id}", response_model=MessageOut, responses=error_responses(404))
def read_message(desk: TheDesk, id: Number) -> Response:
    """Return one message."""
    return answer(desk.database.read(lambda conn: timeline.find(conn, id, desk.prefix)))


@router.get("/messages/{id}/why", response_model=Why, responses=error_responses(404))
def explain_message(desk: TheDesk, id: Number) -> Response:
    """Return why a message is in its case, and the other cases that sodan compared."""
    return answer(desk.database.read(lambda conn: timeline.why(conn, id, desk.prefix)))


@router.get("/messages/{id}/raw", response_class=Response, responses={**RAW, **error_responses(404)})
def read_raw_message(desk: TheDesk, id: Number) -> Response:
    """Return the mail as a download, exactly as it was received."""
    source = desk.database.read(lambda conn: timeline.source(conn, id))
    raw, part = desk.content(source.spool_id), source.part
    return Response(
        parse.attached_mail(raw, part) if part else raw,
        headers={
            "Content-Type": "message/rfc822",
            "Content-Disposition": f'attachment; filename="message-{id}.eml"',
            "Cache-Control": "private, no-cache",
        },
    )


@router.post("/messages/{id}/move", response_model=Correction, responses=error_responses(400, 404, 409))
def move_message(desk: TheDesk, who: Who, id: Number, body: Move) -> Response:
    """Move a message to another case or to a new case. Later mail does not move it again. You can undo this."""
    return correction_response(desk, *desk.move(id, None if body.to == "new" else desk.number_of(body.to), who))


@router.get("/attachments/{id}", response_class=Response, responses={**FILE, **error_responses(404)})
def read_attachment(desk: TheDesk, id: FileId) -> Response:
    """Return the file as a download. `content_type` of the message's attachment is its media type."""
    file = desk.database.read(lambda conn: timeline.file(conn, id))
    raw = desk.content(file.spool_id)
    return Response(
        parse.attachment(raw, file.part),
        headers={
            "Content-Type": BYTES,
            "Content-Disposition": disposition(file.filename),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-cache",
            "ETag": f'"{file.sha256}"',
        },
    )


def disposition(filename: str) -> str:
    """Return a Content-Disposition header for a file name from a mail (RFC 6266).

    Folders, drives, leading dots, control characters and characters that change the text direction are removed. A
    Windows device name, with any extension, is prefixed with an underscore.
    """
    name = unicodedata.normalize("NFC", filename.encode("utf-8", "replace").decode())
    name = re.split(r"[\\/]", name)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .") or "attachment"
    if _DEVICE.match(name):
        name = f"_{name}"
    name = name[:150] if len(name) <= 150 else f"{name[:120]}…{name[-29:]}"
    ascii_name = re.sub(r"[^A-Za-z0-9._ -]", "_", unicodedata.normalize("NFKD", name)) or "attachment"
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def correction_response(desk: TheDesk, event: int, case: int) -> Response:
    """Return the response to a manual change: its id, the case, and the URL to undo it."""
    return answer({"correction": event, "case": desk.key_of(case), "undo": f"/api/corrections/{event}/undo"})
