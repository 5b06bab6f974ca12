"""A place in an ordered list, as opaque text: where the last page ended (sort key and row number)."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from service.errors import Refused


def to_cursor(position: list[Any] | None) -> str | None:
    """Opaque text for a position."""
    if position is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def from_cursor(cursor: str | None) -> list[Any] | None:
    """The position again. Raises Refused for a cursor that we did not make."""
    if not cursor:
        return None
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        raise Refused("cursor: not one of ours; use `next` of the page before") from None
    well_made = isinstance(position, list) and len(position) == 2 and isinstance(position[1], (int, str))
    if not well_made:
        raise Refused("cursor: not one of ours; use `next` of the page before")
    return list(position)
