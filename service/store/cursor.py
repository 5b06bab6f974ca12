"""Pagination cursor: the position after the last row of a page, written as ``[P1-]microseconds-id``.

Every text of that form is a valid position, even if no such row exists, so only a malformed cursor is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from service.errors import Refused

PATTERN = r"^(P[1-4]-)?[0-9]{1,17}-[0-9]{1,15}$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_cursor(position: Sequence[Any] | None) -> str | None:
    """Return the cursor of a position: (sort key, row id), the key being an ISO time or "priority time"."""
    if position is None:
        return None
    level, _, moment = str(position[0]).rpartition(" ")
    since = datetime.fromisoformat(moment) - _EPOCH
    return f"{level + '-' if level else ''}{max(0, since // timedelta(microseconds=1))}-{position[1]}"


def from_cursor(cursor: str | None) -> list[Any] | None:
    """Return the position of a cursor; None if it is empty. Raises Refused if it is malformed."""
    if not cursor:
        return None
    if not re.fullmatch(PATTERN[1:-1], cursor, re.ASCII):
        raise Refused("cursor: not valid; use `next` of the previous page")
    *level, micros, number = cursor.split("-")
    moment = (_EPOCH + timedelta(microseconds=int(micros))).isoformat()
    return [f"{level[0]} {moment}" if level else moment, int(number)]
