"""Statements: meanings that a reader found in one mail, each with the quoted text.

A statement has a meaning of the catalogue (`mailrules/catalogue/`), a state and a verbatim quote. Rules use
statements and facts; they do not depend on which reader found a statement, nor how.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import msgspec

UNSURE = "unsure"


class Statement(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One meaning of the catalogue found in a mail."""

    meaning: str  # id of a catalogue entry
    state: str = "value"  # one of its states, or `unsure`, which counts neither as given nor as missing
    quote: str = ""
    start: int = -1  # offset of `quote` in the new text; -1 if it is from the subject or a file name
    end: int = -1
    confidence: float = 1.0
    reader: str = "embedded"  # or "model", or the name of an organisation's pack
    value: str | None = None  # normalised value of a date, number, code or version


NextSide = Literal["team", "vendor", "requester", "nobody"]
NEXT_SIDES: tuple[NextSide, ...] = ("team", "vendor", "requester", "nobody")


@dataclass(frozen=True, slots=True)
class MailText:
    """Input of a reader: one mail, without its case."""

    text: str  # the new text only
    subject: str
    language: str
    side: str  # requester, team, vendor or unknown
    to: str  # side that the mail is addressed to; "" if it is not known
    opens: bool  # whether it starts a new topic
    automatic: str | None
    files: tuple[str, ...]
    written_at: datetime | None  # with a time zone: "by 15:00 today" is resolved against it


class ReaderResult(NamedTuple):
    """What a reader finds in one mail."""

    statements: tuple[Statement, ...]
    continues: float = 0.0
    """Between -2 and 2: positive if the mail probably continues an earlier matter, negative if it probably begins one;
    0.0 if the reader does not decide."""
    departs: float = 0.0
    """Between -2 and 2: positive if the mail, as a reply, begins another matter than the mail that it answers; 0.0 if
    the reader does not decide."""
    next_scores: tuple[float, ...] = ()
    """Who has to act after this mail: the logarithm of the probability of each of `NEXT_SIDES`, at least -6. Empty if
    the reader does not decide."""
    report: str = ""
    """What the mail reports, if it only reports, such as "alarm" (`reader/reports.py`)."""
    vendor_author: float = 0.0
    """Between -2 and 2: positive if the first mail of an unknown sender is a vendor's; 0.0 if the reader does not
    decide."""


class Reader(Protocol):
    """Reads one mail. `version` changes whenever the statements of a mail can change."""

    name: str
    version: str

    def read(self, mail: MailText) -> ReaderResult: ...
