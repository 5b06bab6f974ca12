"""Mails as input of the reader, labelled mails, and cases as input of the rules."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from mailrules.judgement import Judgement
from mailrules.library import load
from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.normal_forms import is_japanese
from mailrules.statement import NEXT_SIDES, MailText, NextSide, ReaderResult, Statement
from mailrules.thread import RuleInput, Side

READER = EmbeddedReader()
RULES = load()


def language_of(text: str) -> str:
    return "ja" if is_japanese(text) else "en"


def mail(
    text: str,
    side: str = "requester",
    to: str = "team",
    *,
    subject: str = "",
    language: str = "",
    opens: bool = True,
    automatic: str | None = None,
    written_at: datetime | None = None,
) -> MailText:
    """Return a mail that opens a topic, in Japanese or English."""
    language = language or language_of(subject + text)
    return MailText(text, subject, language, side, to, opens, automatic, (), written_at)


def reply(text: str, side: str = "requester", to: str = "team") -> MailText:
    return mail(text, side, to, opens=False)


def read(given: MailText) -> dict[str, Statement]:
    """Return meaning → statement. If there are several statements of a meaning, the last one."""
    return {one.meaning: one for one in READER.read(given).statements}


def next_side(found: ReaderResult) -> NextSide:
    """Return the side that most probably has to act after a mail."""
    return NEXT_SIDES[found.next_scores.index(max(found.next_scores))]


class StatingReader:
    """A reader that states what it was given."""

    name, version = "given", "1"

    def __init__(self, *statements: Statement) -> None:
        self._statements = statements

    def read(self, mail: MailText) -> ReaderResult:
        return ReaderResult(self._statements)


def labelled(mail: dict[str, Any]) -> list[Statement]:
    """Return the labels of a mail of the corpus as statements."""
    found, start = [], 0
    for unit in mail["units"]:
        for meaning, _, state in (label.partition("=") for label in unit["l"]):
            name, end = meaning.replace(":", "."), start + len(unit["t"])
            found.append(Statement(name, state or "value", unit["t"], start, end, reader="labels"))
        start += len(unit["t"]) + 1
    return found


def judge(*mails: str, sides: Sequence[Side] = ("requester",), reader: str = "embedded") -> Judgement:
    """Judge a case whose mails are given by their statements: ``meaning`` or ``meaning=state``, with blanks between.

    ``sides``: who wrote each mail; the last one wrote all further mails. The team writes to the vendor. ``reader``: in
    statements of the embedded reader, only some items can be missing.
    """
    thread, readings = [], []
    for at, said in enumerate(mails):
        side = sides[min(at, len(sides) - 1)]
        date, to = datetime(2031, 5, at + 1, tzinfo=UTC), frozenset[Side](["vendor" if side == "team" else "team"])
        thread.append(RuleInput(str(at), side, f"{side}@lab.test", said, date=date, language="en", towards=to))
        parts = [one.partition("=") for one in said.split()]
        found = [Statement(one, state or "value", f"{one} {at}.{n}", n) for n, (one, _, state) in enumerate(parts)]
        readings.append(RULES.reading(thread[-1], found, reader, "1"))
    return RULES.judge(tuple(thread), readings)
