"""Documents of many cases at once, as they were saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from service.store.tables import cases


def documents_of(conn: Connection, case_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The document of each of these cases that was not merged away."""
    query = select(cases.c.id, cases.c.document).where(cases.c.id.in_(case_ids), cases.c.merged_into.is_(None))
    return {row.id: row.document for row in conn.execute(query)}
