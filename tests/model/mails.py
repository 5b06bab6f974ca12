"""A mail as a reader gets it, and its units."""

from dataclasses import dataclass

from mailrules.catalogue import load
from mailrules.reader.model_request import Request, request
from mailrules.statement import MailText

TEXT = "本番の受注システムが全社で使えません。\n回避策はありません。\n連絡先は sato@corp.example です。"


@dataclass(frozen=True)
class Line:
    text: str
    start: int


def lines(text: str) -> list[Line]:
    """Units, one a line."""
    found, at = [], 0
    for line in text.split("\n"):
        if line.strip():
            found.append(Line(line, at))
        at += len(line) + 1
    return found


def mail(text: str = TEXT, *, subject: str = "受注システム", side: str = "requester", language: str = "ja") -> MailText:
    return MailText(text, subject, language, side, "team", True, None, (), None)


def asked(given: MailText) -> Request:
    """The product's request about it."""
    return request(given, lines(given.text), load())
