"""Cursors for pages: the position of the last row, as ``[P1-]microseconds-id``.

A position is a list of priority or rank (or ""), time and row id. Every text of that form is a valid cursor, even if
there is no such row.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, literal, tuple_

from service.errors import Refused
from service.store.tables import Instant, Number

PATTERN = r"^(P[1-6]-)?[0-9]{1,17}-[0-9]{1,15}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_cursor(position: Sequence[Any] | None) -> str | None:
    """Return the cursor of a position, or None without a position."""
    if position is None:
        return None
    priority, moment, number = position
    return f"{priority and priority + '-'}{max(0, (moment - _EPOCH) // timedelta(microseconds=1))}-{number}"


def from_cursor(cursor: str | None) -> list[Any] | None:
    """Return the position of a cursor, or None if there is no cursor. Raises Refused if it is malformed."""
    if not cursor:
        return None
    if not re.fullmatch(PATTERN[1:-1], cursor, re.ASCII):
        raise Refused("cursor: not valid; use `next` of the previous page")
    *priority, micros, number = cursor.split("-")
    return ["".join(priority), _EPOCH + timedelta(microseconds=int(micros)), int(number)]


def beyond(
    moment: Any, number: Any, position: Sequence[Any], *, down: bool = False, priority: Any = None
) -> ColumnElement[bool]:
    """Return the SQL condition for the rows after a position.

    Rows are in order of ``priority`` (if it is given), then of moment, then of number.
    """
    columns, values = [moment, number], [literal(position[1], Instant), literal(position[2], Number)]
    if priority is not None:
        columns, values = [priority, *columns], [literal(position[0] or "P1"), *values]
    return tuple_(*columns) < tuple_(*values) if down else tuple_(*columns) > tuple_(*values)
