"""Finds comments in mails of ticket systems. Each has a drawn line, then author and date, then the text.

Such mails often begin with a reply line, such as "reply above this line".
"""

# ruff: noqa: E501 -- patterns: a case a line

import re
from collections.abc import Sequence
from typing import Final

from service.mail import dates
from service.mail.quote import Attribution, next_text
from service.mail.separator_lines import is_drawn_line
from service.mail.word_lists import alternatives, linear, load

_WIDEST: Final = 110
_TIME = re.compile(r"\d{1,2}[:：時]\d{1,2}")
_TIME_LABEL = re.compile(
    r"日時|時刻|発生|開始|終了|期限|時間|日付|更新日|予定|[:：＝=]\s*$|\b(?:date|time|start|end|since|window|at|on|from|until|due|by)\b[ :]*$",
    re.I,
)
_SENTENCE = re.compile(r"[。！？!?]|です|ます|[a-z]{3}\.\s*$")
_NOTICE = re.compile(
    r"has been updated|updated|added a comment|new comment|reply to this e-?mail|request \(|"
    r"リクエスト|チケット|更新されました|コメントが|返信してください|このメールに返信",
    re.I,
)
REPLY_LINE = linear(alternatives(load("boilerplate")["reply_above"]))


def is_reply_line(line: str) -> bool:
    """Return whether the line is "reply above this line" in one of several languages."""
    return len(line) < 300 and REPLY_LINE.search(line) is not None


def comment_at(lines: Sequence[str], at: int) -> Attribution | None:
    """Return the heading (name and date) of the comment below the drawn line ``at``, or None."""
    if not is_drawn_line(lines[at]):
        return None
    first = next_text(lines, at + 1)
    if first is None or not _may_contain_name(lines[first]):
        return None
    if text := _date_and_name(lines[first]):
        return Attribution(at, first + 1, text, of_ticket=True)
    second = next_text(lines, first + 1)
    if second is None or dates.has_day(lines[first]) or not dates.has_day(lines[second]):
        return None
    if len(lines[second]) > 60 or _SENTENCE.search(lines[second]) or not _TIME.search(lines[second]):
        return None
    return Attribution(at, second + 1, f"{lines[second].strip()}, {lines[first].strip()}", of_ticket=True)


def is_notice(lines: Sequence[str | None]) -> bool:
    """Return whether the text above the first comment is empty, or was written by a ticket system."""
    text = " ".join(line for line in lines if line and line.strip() and not is_reply_line(line))
    return not text or (len(text) < 200 and _NOTICE.search(text) is not None)


def _may_contain_name(line: str) -> bool:
    bare = line.strip()
    return 1 < len(bare) <= _WIDEST and not _SENTENCE.search(bare) and any(c.isalpha() for c in bare[:20])


def _date_and_name(line: str) -> str | None:
    """Return "date, name" for a line of the form "name date time"; None for any other line."""
    digit = re.search(r"\d", line)
    if digit is None or not _TIME.search(line) or not dates.has_day(line):
        return None
    # a date may begin with the name of a month, which does not belong to the author's name
    before_digits = line[: digit.start()]
    name, comma, after_comma = before_digits.rpartition(",")
    if not comma or len(after_comma.split()) > 2:
        name, after_comma = before_digits, ""
    name = re.sub(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s*$", "", name, flags=re.I).strip(
        " ,\t-"
    )
    if not 1 < len(name) <= 50 or _TIME_LABEL.search(name) or not any(c.isalpha() for c in name):
        return None
    return f"{line[len(name) :].strip(' ,')}, {name}"
