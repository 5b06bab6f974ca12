"""Separates the new text of one author from warnings, signature, footer and disclaimer."""

# ruff: noqa: E501 -- patterns and tables: a case a line

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from service.mail.boilerplate import banner_end, disclaimer_start, footer_start, is_list_footer
from service.mail.message import Address
from service.mail.separator_lines import is_drawn_line
from service.mail.word_lists import alternatives, fold, load, phrases

_LONGEST_SIGNATURE: Final = 16  # maximum number of lines of a signature without a delimiter
_LONGEST_DELIMITED: Final = 60
"""Maximum number of lines below "-- " (RFC 3676 §4.3); more lines are text below a line of dashes."""
_LONGEST_LIST_FOOTER: Final = 6
_WIDEST: Final = 90
_LONGEST_NAME: Final = 44
_MOST_CUTS: Final = 40
_MOST_WORDS: Final = 9  # maximum number of words in a line of a signature

_LISTS: Final = load("boilerplate")
_DELIMITER = re.compile(r"(?:--|—|––|__|－－)[ \t\u00a0]*$")
_FOOTNOTE = re.compile(r"\s*\[\d{1,2}\]")
_NAME_MARKS = " \t\u3000,.;:-–—~/*_"
_NAME_BREAKS = re.compile(r"[\s,./|()\[\]（）／・_+-]+")
_SYMBOLS = re.compile(r"[\s\-_=*#~+ᐧ.·•|]*$")
_NAME_DASH = re.compile(r"[-–—~][ \t]?[^\W\d_][\w.'’ -]{0,40}$")
_CONTACT = re.compile(alternatives(_LISTS["contact"]), re.I)  # matches an address or a phone number
_COMPANY = re.compile(r"株式会社|有限会社|合同会社|㈱|\(株\)|（株）|\b(?:inc|ltd|llc|gmbh|corp|plc|b\.v|pty)\b", re.I)
_ORGANISATION = re.compile(alternatives(_LISTS["organisation"]), re.I)
_ANNOUNCES = re.compile(alternatives(_LISTS["announces"]), re.I)  # matches the end of a line above an answer
_LOG_LINE = re.compile(alternatives(_LISTS["log_line"]), re.I)  # matches a line of a log, a table or code
_LABELLED = re.compile(r"[ \t・■●◆【\[]{0,3}([^:：\n]{1,20})[:：]")
_LINK = re.compile(r"\s*(?:https?://|mailto:|[\w.+-]{1,64}@)")
_CONTACT_LABELS: Final = frozenset(_LISTS["contact_labels"].split())
_SENTENCE = re.compile(
    r"[。？！]|(?:です|ます|ました|ません|ください|下さい|でしょうか|致します)\W*$|[a-z]{2}[.!?](?:\s|$).*[a-z]{3}|\?\s*$|(?:\S+ ){4}\S*[a-z]{3}[.!]\s*$"
)

_SIGN_OFFS: Final = phrases(_LISTS["sign_offs"])


def new_text(lines: list[str], author: Address | None) -> list[str]:
    """Return the lines of one author without warning, signature and footer."""
    kept = _trim(lines)
    for _ in range(_MOST_CUTS):
        tail_start = _tail_start(kept, author) if kept else None
        if tail_start is None:
            break
        kept = _trim(kept[:tail_start])
    return _trim(kept[banner_end(kept) :])


def _trim(lines: list[str]) -> list[str]:
    """Return the lines without blank lines at both ends and lines of symbols at the end."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or (len(lines[end - 1]) < 300 and _SYMBOLS.match(lines[end - 1]))):
        end -= 1
    start = 0
    while start < end and not lines[start].strip():
        start += 1
    return lines[start:end]


def _tail_start(lines: list[str], author: Address | None) -> int | None:
    """Return the index where a signature, footer or disclaimer begins, or None."""
    finders = (footer_start, disclaimer_start, _ruled_start, partial(_closing_start, author=author), _contact_paragraph)
    for find in finders:
        if (start := find(lines)) is not None:
            return start
    return len(lines) - 1 if _ends_with_name(lines, author) else None


def _ruled_start(lines: list[str]) -> int | None:
    """Return the index of the lowest delimiter or line of dashes above a signature or a list's footer, or None."""
    for at in _from_below(lines):
        if _is_delimiter(lines[at], lines[at + 1 :]) or _is_frame(lines[at], lines[at + 1 :]):
            return at
    return None


def _closing_start(lines: list[str], author: Address | None) -> int | None:
    """Return the index of the lowest closing, such as "Best regards,", or None.

    Some closings are also greetings ("Pozdrav,"): as the first line, a closing needs the author's name below it.
    """
    for at in _from_below(lines):
        below = [line for line in lines[at + 1 :] if line.strip()]
        if _is_closing(lines[at], below) and (at > 0 or _is_name(below[0], author)):
            return at
    return None


def _from_below(lines: Sequence[str]) -> range:
    """Return the indices of the last lines, the lowest first."""
    return range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED - 1), -1)


def _is_delimiter(line: str, below: Sequence[str]) -> bool:
    """Return whether the line is the delimiter "-- " (RFC 3676 §4.3) or a similar line above a signature."""
    if line == "-- ":
        return True
    is_similar = len(line) < 8 and _DELIMITER.match(line) is not None and len(below) <= _LONGEST_SIGNATURE
    return is_similar and not any(_LOG_LINE.match(line[:200]) for line in below)


def _is_frame(line: str, below: Sequence[str]) -> bool:
    """Return whether the line of dashes or stars is above a list's footer, or, as is usual in Japan, a signature."""
    if not is_drawn_line(line):
        return False
    if len(below) <= _LONGEST_LIST_FOOTER and is_list_footer(below):
        return True
    signature = [line for line in below if line.strip() and not is_drawn_line(line)]
    fits = 0 < len(signature) <= _LONGEST_SIGNATURE and all(map(_fits_signature, signature))
    return fits and _looks_like_signature(signature, below_frame=True)


def _is_closing(line: str, below: Sequence[str]) -> bool:
    """Return whether the line is "Best regards," or the like. ``below``: lines with text, which must be a signature."""
    if len(line) >= 60 or fold(line).strip(" \t,.!;:-*_、。　") not in _SIGN_OFFS:
        return False
    fits = all(_fits_signature(line) or _CONTACT.search(line[:200]) for line in below)
    return fits and 1 <= len(below) <= 9 and not any(_FOOTNOTE.match(line) for line in below)


def _ends_with_name(lines: Sequence[str], author: Address | None) -> bool:
    """Return whether the last line is "- Ann", or only the author's name or a part of it.

    False if the line above goes on, so that the name is its end, or if it announces an answer ("the name is:").
    """
    if len(lines) < 2 or lines[-2].rstrip()[-1:] not in ("", *".!。！") or len(lines[-1]) > _LONGEST_NAME:
        return False
    if not lines[-2].strip() and _NAME_DASH.match(lines[-1].strip()) and len(lines[-1].split()) <= 4:
        return True
    above = next(filter(str.strip, reversed(lines[:-1])), "")
    return _ANNOUNCES.search(above[-_WIDEST:].rstrip()) is None and _is_name(lines[-1], author)


def _is_name(line: str, author: Address | None) -> bool:
    """Return whether the line is only the author's name or a part of it."""
    if author is None or len(line) > _LONGEST_NAME:
        return False
    name = fold(author.name or author.address.partition("@")[0])
    line = fold(line).strip(_NAME_MARKS)
    if not line.isascii() and len(line) > 1:
        joined = "".join(_NAME_BREAKS.split(line))
        if joined and joined in ("".join(_NAME_BREAKS.split(name)), *_NAME_BREAKS.split(name)):
            return True
    words, of_name = (set(filter(None, _NAME_BREAKS.split(text))) for text in (line, name))
    initials = {word[0] for word in of_name}
    return any(len(word) > 1 or not word.isascii() for word in words) and words <= of_name | initials


def _contact_paragraph(lines: list[str]) -> int | None:
    """Return the index where a last paragraph with contact details begins, or None."""
    start = len(lines)
    while start > 0 and lines[start - 1].strip() and len(lines) - start < 12:
        start -= 1
    paragraph = lines[start:]
    if start == 0 or len(paragraph) < 2 or len(paragraph) > 10 or not all(_fits_signature(line) for line in paragraph):
        return None
    return start if _looks_like_signature(paragraph) and sum(map(len, paragraph)) < 500 else None


def _fits_signature(line: str) -> bool:
    if len(line) > _WIDEST or _SENTENCE.search(line) or _LOG_LINE.match(line) or len(line.split()) > _MOST_WORDS:
        return False
    if labelled := _LABELLED.match(line):
        words = fold(labelled[1]).strip(" 　\t・").split(" ")
        is_link = _LINK.match(line[labelled.end() :]) is not None
        return is_link or words[0] in _CONTACT_LABELS or words[-1] in _CONTACT_LABELS
    return not line.lstrip().startswith(("- ", "* ", "・", "● ", "1.", "1)", "①"))


def _looks_like_signature(lines: Sequence[str], below_frame: bool = False) -> bool:
    """Return whether the lines have contact details or a company. Below a line of dashes, a department is enough."""
    if any(_CONTACT.search(line) or _COMPANY.search(line) for line in lines):
        return below_frame or len(lines) > 1
    return below_frame and len(lines) <= 5 and any(_ORGANISATION.search(line) for line in lines)
