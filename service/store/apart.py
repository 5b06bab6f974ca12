"""Pairs of cases that a person separated: related, but not proposed for a merge."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from service.case.grouping import APART
from service.store.tables import case_links

MOVED = "a person moved a message from one to the other"
"""Why a case is related to the one that somebody moved a mail out of."""


def set_apart(conn: Connection, case_id: int) -> set[int]:
    """Related cases set apart from this one: by a mail that begins a new topic, or by moving a mail out of it."""
    query = select(case_links.c.case_id, case_links.c.other_id).where(
        or_(case_links.c.case_id == case_id, case_links.c.other_id == case_id),
        case_links.c.why.in_(sorted(APART | {MOVED})),
    )
    return {number for row in conn.execute(query) for number in (row.case_id, row.other_id)} - {case_id}
