"""Processed mails."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mailrules import catalogue
from service.api.schemas.people import Author, Out


class AttachmentOut(Out):
    """A file attached to a message."""

    id: str = Field(description="Id of the attachment, for `GET /api/attachments/{id}`.")
    filename: str = Field(description="Name of the file, as the mail gives it.")
    content_type: str = Field(description="Media type, as the mail gives it.")
    size: int = Field(description="Size in bytes.")
    sha256: str = Field(description="SHA-256 of the content, in hexadecimal.")
    inline: bool = Field(default=False, description="True for an image shown within the text, such as a logo.")


class StatementOut(Out):
    """A meaning of the catalogue (`GET /api/meanings`) found in a mail."""

    meaning: str = Field(
        json_schema_extra={"enum": [*catalogue.load().ids]}, description="Id of the meaning, such as `item.version`."
    )
    state: str = Field(
        default="value",
        json_schema_extra={"enum": [*sorted(catalogue.STATES)]},
        description="`value`: given. `none`: there is none. `partial`: not exact enough. `unknown`: the sender does "
        "not know it. `not_applicable`. `pending`: announced for later. `placeholder`, `empty`: a form field that "
        "was not filled in. `unsure`: the reader could not decide, so it counts neither as given nor as missing.",
    )
    quote: str = Field(default="", description="The text it was found in, verbatim.")
    start: int = Field(
        default=-1,
        description="Offset of the quote in `text`, in characters; -1: it is in the subject or the name of a file.",
    )
    end: int = Field(default=-1, description="Offset of the end of the quote in `text`; -1 as for `start`.")
    value: str | None = Field(
        default=None, description="The fact in a standard form, such as a date or a version; null if there is none."
    )
    confidence: float = Field(default=1.0, description="How sure the reader is: 0 to 1.")
    reader: str = Field(default="embedded", description="`embedded`, `model`, or the name of your own rule pack.")


class MessageOut(Out):
    """A processed mail. If the same mail is received in several ways, it is still one message."""

    id: str = Field(description="Id of the message.")
    case: str = Field(description="Key of its case.")
    message_id: str | None = Field(
        default=None, description="`Message-ID` of the mail, with angle brackets; null if it is not known."
    )
    in_reply_to: list[str] = Field(default_factory=list, description="Message-IDs of the mails that it answers.")
    references: list[str] = Field(default_factory=list, description="Message-IDs in `References`, oldest first.")
    origin: Literal["delivered", "forwarded", "attached", "quoted"] = Field(
        description="How it was received: as a mail of its own, or inside another mail as a forward, an attached mail "
        "or a quote."
    )
    author: Author = Field(description="The author; of a forwarded mail the person who wrote it first.")
    forwarded_by: Any = Field(
        default=None, description="Mail address of the person who forwarded it; null if nobody did."
    )
    to: list[Any] = Field(description="Recipients in `To`: `name` and `address`.")
    cc: list[Any] = Field(description="Recipients in `Cc`: `name` and `address`.")
    subject: str = Field(description="The subject, decoded; empty if there is none.")
    date: datetime | None = Field(description="When the author wrote it, by its `Date`; null if that is not usable.")
    received_at: datetime = Field(description="When sodan received it for the first time.")
    text: str = Field(description="What the author newly wrote, without quoted mail and signature.")
    quoted_text: str = Field(description="The rest of the body: quoted mail and signature.")
    intro: str = Field(default="", description="What a person wrote above the mail that was forwarded.")
    automatic: str | None = Field(
        description="`auto_reply`, `bounce`, `receipt`, `calendar` or `notification`; null if a person wrote it."
    )
    language: str = Field(default="und", description="Language: `ja`, `en` or another ISO 639 code; `und`: not known.")
    vendor: str | None = Field(default=None, description="Id of the vendor it is about or from; null if not known.")
    attachments: list[AttachmentOut] = Field(description="Its files.")
    deliveries: int = Field(description="How often it was received.")
    found_in: str | None = Field(
        default=None, description="`id` of the message it was found inside; null if it was received by itself."
    )
    statements: list[StatementOut] = Field(default=[], description="Meanings found in it, with their text.")
    findings: list[dict[str, Any]] = Field(
        description="Rules that fired for it: `rule`, `pack`, `quote`, `start` and `end` (offsets in `text`, -1 if the "
        "quote is not in it), `value` (null if the rule gives none)."
    )
    defects: list[str] = Field(
        description="Faults of the mail. `dmarc-failed`: it was sent under another person's name, so it changes "
        "nothing. `sender-unverified`: nothing verifies that its author sent it. Others name faults of its format."
    )
    pinned_by: str | None = Field(
        default=None, description="The person who moved it to this case; null if the rules placed it."
    )


class MessagePage(Out):
    """A page of messages."""

    items: list[MessageOut] = Field(description="The messages.")
    next: str | None = Field(default=None, description="`cursor` of the next page; null on the last page.")


class Why(Out):
    """The evidence that put a message into its case, and the other candidate cases."""

    message: str = Field(description="`id` of the message.")
    case: str = Field(description="Key of its case.")
    placed_by: str = Field(
        description="The kind of evidence that decided: `in_reply_to`, `references`, `vendor_ref` (a vendor's case "
        "number), `token` (the signed reply address), `case_key`, `thread_index`, `recovered` (a quoted mail), "
        "`bounce` (a delivery report), `mention`, `same` (a copy), `content` (similar text), `person` (moved by hand), "
        "`new` (a new case)."
    )
    evidence: list[Any] = Field(
        description="What decided: `kind` (as in `placed_by`), `words` (the text or number), `message` (`id` of the "
        "message it points to, or null); for `content` also `score` (0 to 1) and `margin` (lead over the next "
        "candidate, null if there is none)."
    )
    runners_up: list[Any] = Field(
        description="Other cases that were compared: the same fields, `case` (the key) and `against` (the objection)."
    )
    pinned_by: str | None = Field(
        default=None, description="The person who moved it to this case; null if the rules placed it."
    )
