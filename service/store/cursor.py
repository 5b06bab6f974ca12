"""Pagination cursor: the position after the last row of a page, written as ``[P1-]microseconds-id``.

Every text of that form is a valid position, even if no such row exists, so only a malformed cursor is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_

from service.errors import Refused
from service.store.tables import Instant, Number

PATTERN = r"^(P[1-4]-)?[0-9]{1,17}-[0-9]{1,15}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_cursor(position: Sequence[Any] | None) -> str | None:
    """Return the cursor of a position: priority or "", time, row id."""
    if position is None:
        return None
    level, moment, number = position
    return f"{level and level + '-'}{max(0, (moment - _EPOCH) // timedelta(microseconds=1))}-{number}"


def from_cursor(cursor: str | None) -> list[Any] | None:
    """Return the position of a cursor; None if it is empty. Raises Refused if it is malformed."""
    if not cursor:
        return None
    if not re.fullmatch(PATTERN[1:-1], cursor, re.ASCII):
        raise Refused("cursor: not valid; use `next` of the previous page")
    *level, micros, number = cursor.split("-")
    return ["".join(level), _EPOCH + timedelta(microseconds=int(micros)), int(number)]


def beyond(moment: Any, number: Any, position: Sequence[Any], *, down: bool = False) -> ColumnElement[bool]:
    """Condition for the rows after a position, in the order of these two columns."""
    here = tuple_(moment, number)
    there = tuple_(literal(position[1], Instant), literal(position[2], Number))
    return here < there if down else here > there
