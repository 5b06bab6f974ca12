"""Reads messages: the timeline of a case, one message, its evidence and attachments."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from mailrules.judgement import Finding
from mailrules.reader.units import MAX_TEXT
from mailrules.statement import Statement
from service.cases.brief_standing import MEANINGS
from service.cases.state import stamp
from service.errors import NotFound
from service.store.cases import key_of
from service.store.cursor import beyond
from service.store.sql import one_row
from service.store.tables import Instant, attachments, deliveries, messages

_NEWEST = 100  # messages examined by ``unverified_lately`` and for the progress of a case
_WHEN = func.coalesce(messages.c.date, messages.c.received_at, type_=Instant)
# default values, which the stored statements and findings leave out
_STATEMENT = msgspec.structs.asdict(Statement(""))
_FINDING = {name: value for name, value in msgspec.structs.asdict(Finding("", "")).items() if name != "turn"}
_SHOWN_AS = {"case_id": "case", "refs": "references", "author_name": "author"}  # column → name in the result
_MESSAGES = select(
    *(
        messages.c[name].label(_SHOWN_AS.get(name, name))
        for name in (
            "id case_id message_id in_reply_to refs origin author_name author_address author_role forwarded_by to cc "
            "subject date received_at text quoted_text intro automatic language vendor deliveries found_in statements "
            "defects pinned_by"
        ).split()
    )
)
_FILES = [attachments.c[name] for name in "id message_id filename content_type size sha256 inline".split()]


def page(
    conn: Connection, case_id: int, limit: int, after: Sequence[Any] | None, prefix: str
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return up to ``limit`` messages after a position, oldest first. Also returns the last position, or None."""
    query = _MESSAGES.where(messages.c.case_id == case_id).order_by(_WHEN, messages.c.id).limit(limit + 1)
    if after is not None:
        query = query.where(beyond(_WHEN, messages.c.id, after))
    rows = conn.execute(query).mappings().all()
    last = rows[limit - 1] if len(rows) > limit else None
    position = ["", last["date"] or last["received_at"], last["id"]] if last else None
    return _messages(conn, rows[:limit], prefix), position


def before_newest(conn: Connection, case_id: int, limit: int) -> list[Any] | None:
    """Return the position just before the ``limit`` newest messages, or None."""
    query = select(_WHEN.label("at"), messages.c.id).where(messages.c.case_id == case_id)
    row = conn.execute(query.order_by(_WHEN.desc(), messages.c.id.desc()).offset(limit).limit(1)).one_or_none()
    return ["", row.at, row.id] if row else None


def arrivals(conn: Connection, case_id: int) -> dict[str, int]:
    """Return message id → how often the mail itself arrived, if more than once. Quotes of it do not count."""
    of_case = messages.join(deliveries, deliveries.c.message_id == messages.c.id)
    found = (messages.c.case_id == case_id, messages.c.deliveries > 1, deliveries.c.way == "delivered")
    query = select(messages.c.id, func.count()).select_from(of_case).where(*found).group_by(messages.c.id)
    return {str(message): count for message, count in conn.execute(query) if count > 1}


def outlines(conn: Connection, case_id: int, limit: int) -> list[dict[str, Any]]:
    """Return what a brief needs of the ``limit`` newest messages of a case, oldest first.

    Each has id, date, role of the author, and files; the newest also have their text and the progress.
    """
    query = select(messages.c.id, messages.c.author_role, _WHEN.label("at")).where(messages.c.case_id == case_id)
    rows = conn.execute(query.order_by(_WHEN.desc(), messages.c.id.desc()).limit(limit)).all()[::-1]
    files = _files_of(conn, [row.id for row in rows])
    details = _details(conn, [row.id for row in rows[-_NEWEST:]])
    return [
        {"id": str(row.id), "date": stamp(row.at), "author": {"role": row.author_role}, "attachments": files[row.id]}
        | details.get(row.id, {})
        for row in rows
    ]


def _details(conn: Connection, message_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return recipients, language and text of messages, and the statements about progress.

    The text ends where the readers stop reading.
    """
    columns = [messages.c[name] for name in "id to language automatic statements".split()]
    text = func.substr(messages.c.text, 1, MAX_TEXT).label("text")
    rows = conn.execute(select(*columns, text).where(messages.c.id.in_(message_ids))).mappings()
    return {row["id"]: {**row, "id": str(row["id"]), "statements": _progress(row["statements"])} for row in rows}


def _progress(reading: dict[str, Any] | None) -> list[dict[str, Any]]:
    statements = (_STATEMENT | one for one in (reading or {}).get("statements", []))
    return [one for one in statements if one["meaning"] in MEANINGS and one["state"] == "value"]


def by_message_id(conn: Connection, message_id: str, prefix: str) -> list[dict[str, Any]]:
    """Return up to 50 messages with this Message-ID; the angle brackets may be omitted."""
    wanted = "".join(message_id.split())
    if not wanted.startswith("<"):
        wanted = f"<{wanted}>"
    query = _MESSAGES.where(messages.c.message_id == wanted).order_by(messages.c.id).limit(50)
    return _messages(conn, conn.execute(query).mappings().all(), prefix)


def unverified_lately(conn: Connection) -> bool:
    """Return whether one of the newest mails has an unverified author of the organisation."""
    newest = select(messages.c.defects).order_by(messages.c.id.desc()).limit(_NEWEST)
    return any(
        "sender-unverified" in defects and "from-missing" not in defects for defects in conn.execute(newest).scalars()
    )


def find(conn: Connection, number: int, prefix: str) -> dict[str, Any]:
    """Return one message. Raises NotFound."""
    return _messages(conn, [_one(conn, _MESSAGES.where(messages.c.id == number))._mapping], prefix)[0]


def why(conn: Connection, number: int, prefix: str) -> dict[str, Any]:
    """Return why a message is in its case: the evidence, and the other cases considered. Raises NotFound."""
    columns = (messages.c.case_id, messages.c.placed_by, messages.c.evidence, messages.c.pinned_by)
    row = _one(conn, select(*columns).where(messages.c.id == number))
    result = {"message": str(number), "case": key_of(row.case_id, prefix), "placed_by": row.placed_by, "evidence": []}
    result |= row.evidence if isinstance(row.evidence, dict) else {"evidence": row.evidence}
    result["runners_up"] = [
        {**other, "case": key_of(other["case"], prefix)} if isinstance(other.get("case"), int) else other
        for other in result.get("runners_up", [])
    ]
    return result | {"pinned_by": row.pinned_by}


def source(conn: Connection, number: int) -> Any:
    """Return ``spool_id`` and MIME ``part`` of the raw mail of a message. Raises NotFound for a quoted message."""
    columns = (messages.c.spool_id, messages.c.raw_part.label("part"), messages.c.origin)
    row = _one(conn, select(*columns).where(messages.c.id == number))
    if row.spool_id is None or (row.origin != "delivered" and not row.part):
        raise NotFound("sodan found this message inside another mail, so there is no raw mail of it")
    return row


def file(conn: Connection, number: int) -> Any:
    """Return the row of the attachment with the id ``number``, without its bytes. Raises NotFound.

    The bytes are in the MIME part ``part`` of the raw mail ``spool_id``.
    """
    return _one(conn, select(attachments).where(attachments.c.id == number), "attachment")


def _one(conn: Connection, query: Select[Any], what: str = "message") -> Any:
    return one_row(conn, query, f"there is no such {what}")


def _messages(conn: Connection, rows: Sequence[Any], prefix: str) -> list[dict[str, Any]]:
    """Return rows of messages as the API shows them, with their attachments."""
    files = _files_of(conn, [row["id"] for row in rows])
    return [_message(dict(row), files[row["id"]], prefix) for row in rows]


def _files_of(conn: Connection, message_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    files: dict[int, list[dict[str, Any]]] = {id: [] for id in message_ids}
    query = select(*_FILES).where(attachments.c.message_id.in_(files)).order_by(attachments.c.id)
    for file in map(dict, conn.execute(query).mappings() if files else ()):
        files[file.pop("message_id")].append(file | {"id": str(file["id"])})
    return files


def _message(values: dict[str, Any], files: list[dict[str, Any]], prefix: str) -> dict[str, Any]:
    reading = values["statements"] or {}
    return values | {
        "id": str(values["id"]),
        "case": key_of(values["case"], prefix),
        "author": {
            "name": values["author"],
            "address": values.pop("author_address"),
            "role": values.pop("author_role"),
        },
        "date": stamp(values["date"]),
        "received_at": stamp(values["received_at"]),
        "attachments": files,
        "found_in": None if values["found_in"] is None else str(values["found_in"]),
        "statements": [_STATEMENT | one for one in reading.get("statements", [])],
        "findings": [_FINDING | found for found in reading.get("findings", [])],
    }
