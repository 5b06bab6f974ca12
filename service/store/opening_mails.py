"""Reads the mails that opened cases, and whether their authors may be answered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from service.store.tables import cases, messages, spool

UNVERIFIED = frozenset({"dmarc-failed", "sender-unverified", "sender-forged"})
"""Defects of mails whose sender is not confirmed."""
_MESSAGES = (
    select(messages, cases.c.document, spool.c.channel, spool.c.mail_from)
    .join(cases, cases.c.id == messages.c.case_id)
    .join(spool, spool.c.id == messages.c.spool_id)
)


@dataclass(frozen=True, slots=True)
class OpeningMail:
    """The mail that opened a case, with the current document of the case."""

    case_id: int
    message: int
    spool_id: str
    channel: str  # channel of the envelope: smtp, lmtp, import or mailbox
    mail_from: str  # sender of the envelope
    author: str  # address of the author
    name: str  # name of the author
    role: str  # side of the author: requester, team, vendor or unknown
    origin: str  # delivered; or where it was found: forwarded, attached, quoted
    automatic: str | None  # kind of automatic mail; None: a person wrote it
    verified: bool  # False: the sender is not verified
    subject: str
    language: str
    message_id: str | None
    references: Sequence[str]
    headers: dict[str, str]
    date: datetime | None
    received_at: datetime
    document: dict[str, Any]


def opening_mails(conn: Connection, case_ids: Sequence[int], spool_ids: Collection[str]) -> list[OpeningMail]:
    """Return the first delivered mail of each case, if ``spool_ids`` contain it. Merged cases are left out."""
    mails = []
    for case_id in case_ids:
        first = select(func.min(messages.c.id)).where(messages.c.case_id == case_id, messages.c.origin == "delivered")
        query = _MESSAGES.where(messages.c.id == first.scalar_subquery(), cases.c.merged_into.is_(None))
        row = conn.execute(query).first()
        if row is not None and row.spool_id in spool_ids:
            mails.append(_opening_mail(row))
    return mails


def first_of_requester(conn: Connection, case_id: int, origins: Sequence[str] = ("delivered",)) -> OpeningMail | None:
    """Return the first mail by a requester in a case, or None. Only mails with one of ``origins`` are considered."""
    conditions = (messages.c.case_id == case_id, messages.c.origin.in_(origins), messages.c.author_role == "requester")
    row = conn.execute(_MESSAGES.where(*conditions).order_by(messages.c.id).limit(1)).first()
    return None if row is None else _opening_mail(row)


def _opening_mail(row: Any) -> OpeningMail:
    names = {"message": "id", "author": "author_address", "name": "author_name"}
    names |= {"role": "author_role", "references": "refs"}  # field → column, if the column has another name
    values = {field: getattr(row, names.get(field, field)) for field in OpeningMail.__slots__ if field != "verified"}
    return OpeningMail(**values, verified=not UNVERIFIED.intersection(row.defects))
