"""Words that may name a case: case keys of ours, numbers in a subject, numbers that we wrote down ourselves."""

from __future__ import annotations

import re

from mailrules.thread import Side

_NUMBER = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z-]{0,6}\d)[A-Za-z0-9][A-Za-z0-9-]{4,28}[A-Za-z0-9](?![A-Za-z0-9])", re.ASCII
)


def claims_in(subject: str, prefix: str) -> tuple[int, ...]:
    found = re.finditer(rf"(?<![A-Za-z0-9-]){re.escape(prefix)}-([1-9]\d{{0,11}})(?![\d-])", subject, re.IGNORECASE)
    return tuple(dict.fromkeys(int(match[1]) for match in found))[:4]


def numbers_in(subject: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(match[0] for match in _NUMBER.finditer(subject)))[:6]


def told_in(text: str, role: Side) -> tuple[str, ...]:
    """Long numbers in a mail of ours: a ticket that we opened elsewhere may be among them."""
    if role not in ("team", "requester"):
        return ()
    found = (m[0] for m in _NUMBER.finditer(text[:4000]) if sum(c.isdigit() for c in m[0]) >= 6)
    return tuple(dict.fromkeys(found))[:8]
