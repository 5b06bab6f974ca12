"""Judging anew what was taken in: which cases, and writing down what was read in their mails this time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from mailrules.judgement import Reading
from service.case.readings import reading_document
from service.store.tables import cases, messages


def standing_since(
    conn: Connection, since: datetime | None, after: int, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """Numbers and documents of cases touched since then, by number, beyond ``after``."""
    query = (
        select(cases.c.id, cases.c.document)
        .where(cases.c.id > after, cases.c.merged_into.is_(None))
        .order_by(cases.c.id)
        .limit(limit)
    )
    if since is not None:
        query = query.where(cases.c.updated_at >= since)
    return [(row.id, row.document) for row in conn.execute(query)]


def keep_readings(conn: Connection, readings: Iterable[tuple[int, Reading]]) -> None:
    """Write down what was read in these messages."""
    rows = [
        {
            "number": number,
            "reading": reading_document(reading),
            "findings": [
                {"rule": f.rule, "pack": f.pack, "quote": f.quote, "start": f.start, "end": f.end, "value": f.value}
                for f in reading.findings
            ],
        }
        for number, reading in readings
    ]
    if rows:
        conn.execute(
            update(messages)
            .where(messages.c.id == bindparam("number"))
            .values(reading=bindparam("reading"), findings=bindparam("findings")),
            rows,
        )
