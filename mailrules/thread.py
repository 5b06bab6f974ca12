"""Input of the rules: the mails of a case, oldest first, each with its author's side."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Side = Literal["team", "requester", "vendor", "unknown"]


@dataclass(frozen=True, slots=True)
class File:
    """The properties of an attached file that rules can use."""

    filename: str
    content_type: str
    size: int
    inline: bool = False


@dataclass(frozen=True, slots=True)
class RuleInput:
    """One mail of a case. ``text`` is the new text only: no quotes, no signature, no banner."""

    id: str  # identifies the mail in findings (the message id of the store, or a file name)
    side: Side
    author: str  # address of the author in lower case; may be empty
    text: str
    subject: str = ""
    subject_is_new: bool = True  # false for a reply, because somebody else wrote its subject earlier
    is_reply: bool = False
    wrapper: bool = False  # forwards another mail; `text` is only what the forwarder wrote above it
    begins: bool = False  # a reply that begins another matter than the mail that it answers
    date: datetime | None = None
    """When it was written, with the author's UTC offset; relative times and deadlines are resolved against it."""
    language: str = "und"
    automatic: str | None = None
    towards: frozenset[Side] = frozenset()  # sides of the recipients in To (not Cc)
    files: tuple[File, ...] = ()
    vendor: str | None = None
    """Vendor of the author or, for mail from our side, of a recipient; None if no vendor is involved."""
    partner: str | None = None
    """Mail domain of a vendor that no pack describes; case numbers in its mail are stored under this domain."""


Thread = tuple[RuleInput, ...]
