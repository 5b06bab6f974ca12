"""Statements: the meanings a reader found in one mail, with the words that carry them.

A statement names an entry of the catalogue (`mailrules/catalogue/`), its state and a verbatim quote.
Rules see statements and facts; they never know which reader found a statement, nor how.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

UNSURE = "unsure"


class Statement(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One meaning of the catalogue found in a mail.

    `meaning` is the id of a catalogue entry, `state` one of its states, or `unsure`: a sentence that
    could not be judged counts neither as told nor as missing. `start` and `end` are character offsets
    of `quote` in the new text; they are -1 where the quote stands in the subject or a file name.
    `reader` is "embedded", "model" or the name of a house's pack. `value` is the normal form of a
    shape: an ISO date-time, a number, a code, a version.
    """

    meaning: str
    state: str = "value"
    quote: str = ""
    start: int = -1
    end: int = -1
    confidence: float = 1.0
    reader: str = "embedded"
    value: str | None = None


@dataclass(frozen=True, slots=True)
class MailText:
    """What a reader gets: one mail alone, without its case.

    `text` is the new text only. `side` is requester, team, vendor or unknown; `to` names who the mail is
    written to, "" where that is not known. `written_at` carries an offset: "by 15:00 today" is
    resolved against it.
    """

    text: str
    subject: str
    language: str
    side: str
    to: str
    opens: bool
    automatic: str | None
    files: tuple[str, ...]
    written_at: datetime | None


class Reader(Protocol):
    """Finds the statements of one mail. `version` changes whenever its answers may change."""

    name: str
    version: str

    def read(self, mail: MailText) -> tuple[Statement, ...]: ...
