"""What a judge is shown: the mails of a case, oldest first, each with who wrote it.

Plain values; nothing here knows about mail formats, databases or clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["team", "requester", "vendor", "unknown"]


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a mail, as far as rules care."""

    filename: str
    content_type: str
    size: int
    inline: bool = False


@dataclass(frozen=True, slots=True)
class RuleInput:
    """One mail of a case, as its author wrote it. ``text`` is new text only: no quotes, no signature, no banner."""

    id: str
    """Names the mail in findings (a message id of the store, or a file name)."""
    side: Side
    author: str
    """Address of the author, lower case; may be empty."""
    text: str
    subject: str = ""
    subject_is_new: bool = True
    """False for a reply: the subject is then somebody's earlier words."""
    begins: bool = False
    """A reply that says at its head that it is about something else: it opens a matter all the same."""
    date: datetime | None = None
    """When it was written, with the author's offset: relative times and deadlines are read against it."""
    language: str = "und"
    automatic: str | None = None
    towards: frozenset[Side] = frozenset()
    """Who it was addressed to (To, not Cc), by side."""
    files: tuple[File, ...] = ()
    vendor: str | None = None
    """Of the author or, for our own mails, of a recipient; None where no vendor takes part."""
    partner: str | None = None
    """The same of a vendor that no pack knows: its mail domain. Numbers in its mail are kept under it."""
    forwarded_by: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """Facts from headers that packs may read: importance, ticket headers of vendors."""


Thread = tuple[RuleInput, ...]
