"""Mails as input of the reader, for the tests of the reader."""

from datetime import datetime

from mailrules.reader.embedded import EmbeddedReader
from mailrules.reader.normal_forms import is_japanese
from mailrules.statement import NEXT_SIDES, MailText, NextSide, ReaderResult, Statement

READER = EmbeddedReader()


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
