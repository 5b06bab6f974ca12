"""Reads the documents of many cases at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from service.store.tables import cases


def documents_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return case id → document of those cases that are not merged into another."""
    query = select(cases.c.id, cases.c.document).where(cases.c.id.in_(case_ids), cases.c.merged_into.is_(None))
    return {row.id: row.document for row in conn.execute(query)}
