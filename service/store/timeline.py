"""Reads messages: the timeline of a case, one message, its evidence, raw mail and attachments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, func, literal, select, tuple_

from service.errors import NotFound, Refused
from service.store.cases import key_of, stamp
from service.store.tables import Instant, Number, attachments, messages

_LATELY = 100
"""Newest messages examined to see whether mail from the organisation itself is verified."""
_WHEN = func.coalesce(messages.c.date, messages.c.received_at, type_=Instant)
_COLUMNS = [
    messages.c[name]
    for name in (
        "id case_id message_id in_reply_to refs origin author_name author_address author_role forwarded_by to cc "
        "subject date received_at text quoted_text intro automatic language vendor deliveries found_in findings "
        "statements defects pinned_by"
    ).split()
]


@dataclass(frozen=True, slots=True)
class File:
    """An attachment, and where its bytes are."""

    filename: str
    content_type: str
    size: int
    sha256: str
    spool_id: str
    part: str


@dataclass(frozen=True, slots=True)
class Source:
    """The raw mail a message was read from. ``part``: its place inside that mail, if it was attached."""

    spool_id: str
    part: str | None


def page(
    conn: Connection, case_id: int, limit: int, after: Sequence[Any] | None, prefix: str
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return messages of a case, oldest first, and the position of the last one if more follow, else None."""
    when = _WHEN.label("when")
    query = select(*_COLUMNS, when).where(messages.c.case_id == case_id).order_by(when, messages.c.id).limit(limit + 1)
    if after is not None:
        query = query.where(tuple_(_WHEN, messages.c.id) > tuple_(*_place(after)))
    rows = conn.execute(query).all()
    shown = rows[:limit]
    last = shown[-1]._mapping if len(rows) > limit else None
    return _written(conn, shown, prefix), [last["when"].isoformat(), last["id"]] if last else None


def by_message_id(conn: Connection, message_id: str, prefix: str, limit: int = 50) -> list[dict[str, Any]]:
    """Return the messages with this Message-ID; the angle brackets may be omitted."""
    wanted = "".join(message_id.split())
    if not wanted.startswith("<"):
        wanted = f"<{wanted}>"
    query = select(*_COLUMNS).where(messages.c.message_id == wanted).order_by(messages.c.id).limit(limit)
    return _written(conn, conn.execute(query).all(), prefix)


def unverified_lately(conn: Connection) -> bool:
    """Whether one of the newest mails claims an author of the organisation without verification."""
    newest = select(messages.c.defects).order_by(messages.c.id.desc()).limit(_LATELY)
    return any("sender-unverified" in defects for defects in conn.execute(newest).scalars())


def find(conn: Connection, number: int, prefix: str) -> dict[str, Any]:
    """Return one message. Raises NotFound."""
    rows = conn.execute(select(*_COLUMNS).where(messages.c.id == number)).all()
    if not rows:
        raise NotFound("there is no such message")
    return _written(conn, rows, prefix)[0]


def why(conn: Connection, number: int, prefix: str) -> dict[str, Any]:
    """Return the evidence for the case of a message, with the runners-up. Raises NotFound."""
    columns = (
        messages.c.id,
        messages.c.case_id,
        messages.c.placed_by,
        messages.c.evidence,
        messages.c.pinned_by,
    )
    row = conn.execute(select(*columns).where(messages.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such message")
    found = dict(row.evidence) if isinstance(row.evidence, dict) else {"evidence": row.evidence}
    found["runners_up"] = [
        {**one, "case": key_of(one["case"], prefix)} if isinstance(one.get("case"), int) else one
        for one in found.get("runners_up", [])
    ]
    return {
        "message": str(row.id),
        "case": key_of(row.case_id, prefix),
        "placed_by": row.placed_by,
        "evidence": [],
        "runners_up": [],
        **found,
        "pinned_by": row.pinned_by,
    }


def source(conn: Connection, number: int) -> Source:
    """Return where the raw mail of a message is. Raises NotFound, also if it was only found as a quote."""
    row = conn.execute(
        select(messages.c.spool_id, messages.c.raw_part, messages.c.origin).where(messages.c.id == number)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no such message")
    if row.spool_id is None or (row.origin != "delivered" and not row.raw_part):
        raise NotFound("this message was found inside another mail, so it has no raw mail of its own")
    return Source(row.spool_id, row.raw_part or None)


def file(conn: Connection, number: int) -> File:
    """Return one attachment. Raises NotFound."""
    columns = (
        attachments.c.filename,
        attachments.c.content_type,
        attachments.c.size,
        attachments.c.sha256,
        attachments.c.spool_id,
        attachments.c.part,
    )
    row = conn.execute(select(*columns).where(attachments.c.id == number)).one_or_none()
    if row is None:
        raise NotFound("there is no such attachment")
    return File(*row)


def _written(conn: Connection, rows: Sequence[Row[*tuple[Any, ...]]], prefix: str) -> list[dict[str, Any]]:
    files: dict[int, list[dict[str, Any]]] = {}
    numbers = [row._mapping["id"] for row in rows]
    if numbers:
        query = select(attachments).where(attachments.c.message_id.in_(numbers)).order_by(attachments.c.id)
        for found in conn.execute(query).mappings():
            files.setdefault(found["message_id"], []).append(
                {
                    "id": str(found["id"]),
                    "filename": found["filename"],
                    "content_type": found["content_type"],
                    "size": found["size"],
                    "sha256": found["sha256"],
                    "inline": found["inline"],
                }
            )
    return [_message(row, files.get(row._mapping["id"], []), prefix) for row in rows]


def _message(row: Row[*tuple[Any, ...]], files: list[dict[str, Any]], prefix: str) -> dict[str, Any]:
    values = row._mapping
    return {
        "id": str(values["id"]),
        "case": key_of(values["case_id"], prefix),
        "message_id": values["message_id"],
        "in_reply_to": values["in_reply_to"],
        "references": values["refs"],
        "origin": values["origin"],
        "author": {
            "name": values["author_name"],
            "address": values["author_address"],
            "role": values["author_role"],
        },
        "forwarded_by": values["forwarded_by"],
        "to": values["to"],
        "cc": values["cc"],
        "subject": values["subject"],
        "date": stamp(values["date"]),
        "received_at": stamp(values["received_at"]),
        "text": values["text"],
        "quoted_text": values["quoted_text"],
        "intro": values["intro"],
        "automatic": values["automatic"],
        "language": values["language"],
        "vendor": values["vendor"],
        "attachments": files,
        "deliveries": values["deliveries"],
        "found_in": None if values["found_in"] is None else str(values["found_in"]),
        "statements": (values["statements"] or {}).get("statements", []),
        "findings": values["findings"],
        "defects": values["defects"],
        "pinned_by": values["pinned_by"],
    }


def _place(after: Sequence[Any]) -> tuple[Any, Any]:
    try:
        moment = datetime.fromisoformat(str(after[0]).rpartition(" ")[2])
        number = int(after[1])
    except ValueError:
        raise Refused("cursor: not valid; use `next` of the previous page") from None
    return literal(moment if moment.tzinfo else moment.replace(tzinfo=UTC), Instant), literal(number, Number)
