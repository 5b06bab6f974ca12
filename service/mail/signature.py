"""Separates the new text of one author from warnings, signature, footer and disclaimer."""

# ruff: noqa: E501 -- patterns and tables: a case a line

import re
from collections.abc import Sequence
from typing import Final

from service.mail.boilerplate import banner_end, disclaimer_start, footer_start, list_footer_start
from service.mail.message import Address
from service.mail.separator_lines import is_drawn_line
from service.mail.word_lists import alternatives, fold, load, phrases

_LONGEST_SIGNATURE: Final = 16  # maximum number of lines of a signature without a delimiter
_LONGEST_DELIMITED: Final = 60
"""Maximum number of lines below "-- " (RFC 3676 §4.3); more lines are text below a line of dashes."""
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


def new_text(lines: list[str], author: Address | None = None) -> list[str]:
    """Return the lines of one author without warning, signature and footer."""
    kept = _trim(lines)
    for _ in range(_MOST_CUTS):
        tail_start = _tail_start(kept)
        if tail_start is None and author is not None and _ends_with_name(kept, author):
            tail_start = len(kept) - 1
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


def _tail_start(lines: list[str]) -> int | None:
    """Return the index where a signature, footer or disclaimer begins, or None."""
    finders = (
        _delimiter_line, footer_start, disclaimer_start, list_footer_start, _framed_signature, _closing,
        _contact_paragraph,
    )  # fmt: skip
    return next((at for find in finders if (at := find(lines)) is not None), None) if lines else None


def _delimiter_line(lines: list[str]) -> int | None:
    """Return the index of the delimiter "-- " (RFC 3676 §4.3) or a similar line, or None."""
    for at in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED - 1), -1):
        if len(lines[at]) < 8 and _DELIMITER.match(lines[at]):
            below = lines[at + 1 :]
            fits = len(below) <= _LONGEST_SIGNATURE and not any(_LOG_LINE.match(line[:200]) for line in below)
            return at if fits or lines[at] == "-- " else None
    return None


def _framed_signature(lines: list[str]) -> int | None:
    """Return the index of the line of dashes or stars above a signature, or None. This form is usual in Japan."""
    below: list[str] = []
    for at in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED), -1):
        line = lines[at]
        if not line.strip():
            continue
        if not is_drawn_line(line):
            if len(below) >= _LONGEST_SIGNATURE or not _fits_signature(line):
                return None
            below.append(line)
        elif below and _looks_like_signature(below, below_frame=True):
            return at
    return None


def _closing(lines: list[str]) -> int | None:
    """Return the index of "Best regards," above a name, or of a last line "- Ann", or None."""
    for at in range(len(lines) - 1, max(0, len(lines) - 12), -1):
        phrase = fold(lines[at][:60]).strip(" \t,.!;:-*_、。　")
        if phrase in _SIGN_OFFS and len(lines[at]) < 60:
            below = [line for line in lines[at + 1 :] if line.strip()]
            fits = all(_fits_signature(line) or _CONTACT.search(line[:200]) for line in below[:10])
            has_footnote = any(_FOOTNOTE.match(line) for line in below)
            return at if fits and 1 <= len(below) <= 9 and not has_footnote else None
    last = lines[-1].strip()
    is_apart = len(lines) > 1 and not lines[-2].strip()
    is_name = len(last) < 44 and _NAME_DASH.match(last) and len(last.split()) <= 4
    return len(lines) - 1 if is_apart and is_name else None


def _ends_with_name(lines: Sequence[str], author: Address) -> bool:
    """Return whether the last line is only the author's name or a part of it.

    False if the line above goes on, so that the name is its end, or if it announces an answer ("the name is:").
    """
    if len(lines) < 2 or lines[-2].rstrip()[-1:] not in ("", *".!。！") or len(lines[-1]) > _LONGEST_NAME:
        return False
    above = next((line for line in reversed(lines[:-1]) if line.strip()), "")
    if _ANNOUNCES.search(above[-_WIDEST:].rstrip()):
        return False
    name = fold(author.name or author.address.partition("@")[0])
    line = fold(lines[-1]).strip(_NAME_MARKS)
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
