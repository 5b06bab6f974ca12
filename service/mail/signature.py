"""Separates the new text from banners above it, and from signature, mobile footer and disclaimer below it.

Works on the lines of one author. Removes lines only at the beginning and the end; a line that may be content stays.
"""

# ruff: noqa: E501 -- patterns and tables: a case a line

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from service.mail.boilerplate import FRAME, banner_end, disclaimer_start, footer_start, list_footer_start
from service.mail.word_lists import alternatives, fold, load, phrases

_LONGEST_SIGNATURE: Final = 16
"""Maximum number of lines of a signature without a delimiter."""
_LONGEST_DELIMITED: Final = 60
"""Maximum number of lines after "-- " (RFC 3676 §4.3); more lines are text that somebody divided with dashes."""
_WIDEST: Final = 90
_MOST_CUTS: Final = 40
_MOST_WORDS: Final = 9
"""Maximum number of words in a line of a signature; a line with more is prose."""

_LISTS: Final = load("around_text")
_DELIMITER = re.compile(r"(?:--|—|––|__|－－)[ \t\u00a0]*$")
_FOOTNOTE = re.compile(r"\s*\[\d{1,2}\]")
_SYMBOLS = re.compile(r"[\s\-_=*#~+ᐧ.·•|]*$")
_NAME_DASH = re.compile(r"[-–—~][ \t]?[^\W\d_][\w.'’ -]{0,40}$")
_CONTACT = re.compile(alternatives(_LISTS["contact"]), re.I)
"""Matches contact details: address, phone number, postal address."""
_COMPANY = re.compile(r"株式会社|有限会社|合同会社|㈱|\(株\)|（株）|\b(?:inc|ltd|llc|gmbh|corp|plc|b\.v|pty)\b", re.I)
_ORGANISATION = re.compile(alternatives(_LISTS["organisation"]), re.I)
_NO_PERSON = re.compile(alternatives(_LISTS["log_line"]), re.I)
"""Matches a line of a log, a table or code."""
_LABELLED = re.compile(r"[ \t・■●◆【\[]{0,3}([^:：\n]{1,20})[:：]")
_LINK = re.compile(r"\s*(?:https?://|mailto:|[\w.+-]{1,64}@)")
_CONTACT_LABELS: Final = frozenset(_LISTS["contact_labels"].split())
_SENTENCE = re.compile(
    r"[。？！]|(?:です|ます|ました|ません|ください|下さい|でしょうか|致します)\W*$|[a-z]{2}[.!?](?:\s|$).*[a-z]{3}|\?\s*$|(?:\S+ ){4}\S*[a-z]{3}[.!]\s*$"
)

_SIGN_OFFS: Final = phrases(_LISTS["sign_offs"])


def split(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the lines of one author into (new text; banner, signature and footer)."""
    kept = list(lines)
    off: list[str] = []
    for _ in range(_MOST_CUTS):
        before = len(kept)
        kept = _trim(kept)
        cut = _cut(kept)
        if cut is not None:
            off = [*kept[cut:], *off]
            kept = kept[:cut]
        if len(kept) == before:
            break
    start = banner_end(kept)
    if start:
        off = [*kept[:start], *off]
        kept = kept[start:]
    return _trim(kept), off


def _trim(lines: list[str]) -> list[str]:
    """Return the lines without blank lines around them and without final lines that have only symbols."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or (len(lines[end - 1]) < 300 and _SYMBOLS.match(lines[end - 1]))):
        end -= 1
    start = 0
    while start < end and not lines[start].strip():
        start += 1
    return lines[start:end]


def _cut(lines: list[str]) -> int | None:
    """Return where the last part that is not content begins; None if the lines end with content."""
    if not lines:
        return None
    for find in (_delimited, footer_start, disclaimer_start, list_footer_start, _framed, _signed_off, _contact_block):
        at = find(lines)
        if at is not None:
            return at
    return None


def _delimited(lines: list[str]) -> int | None:
    """Return the index of the delimiter "-- " (RFC 3676 §4.3) or of a line with only a dash; None if there is none."""
    for at in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED - 1), -1):
        line = lines[at]
        if len(line) < 8 and _DELIMITER.match(line):
            below = len(lines) - at - 1
            exact = line.rstrip("\r") == "-- "
            facts = any(_NO_PERSON.match(written[:200]) for written in lines[at + 1 :])
            return at if exact or (below <= _LONGEST_SIGNATURE and not facts) else None
    return None


def _framed(lines: list[str]) -> int | None:
    """Return where a signature below a line of dashes or stars begins, a Japanese form; None if there is none."""
    inside: list[str] = []
    for at in range(len(lines) - 1, max(-1, len(lines) - _LONGEST_DELIMITED), -1):
        line = lines[at]
        if not line.strip():
            continue
        if not (len(line) < 200 and FRAME.match(line)):
            if len(inside) >= _LONGEST_SIGNATURE or not _fits_signature(line):
                return None
            inside.append(line)
        elif inside and _evidence(inside, framed=True):
            return at
    return None


def _signed_off(lines: list[str]) -> int | None:
    """Return where the closing begins: "Best regards," with a name below it, or a last line such as "- Ann"; otherwise
    None."""
    for at in range(len(lines) - 1, max(0, len(lines) - 12), -1):
        bare = fold(lines[at][:60]).strip(" \t,.!;:-*_、。　")
        if bare in _SIGN_OFFS and len(lines[at]) < 60:
            below = [line for line in lines[at + 1 :] if line.strip()]
            if (
                below
                and len(below) <= 9
                and all(_fits_signature(line) or _CONTACT.search(line[:200]) for line in below)
                and not any(_FOOTNOTE.match(line) for line in below)
            ):
                return at
            return None
    last = lines[-1].strip()
    if (
        len(lines) > 1
        and not lines[-2].strip()
        and len(last) < 44
        and _NAME_DASH.match(last)
        and len(last.split()) <= 4
    ):
        return len(lines) - 1
    return None


def _contact_block(lines: list[str]) -> int | None:
    """Return where a last paragraph of short lines with contact details or a company begins; None if there is none."""
    start = len(lines)
    while start > 0 and lines[start - 1].strip() and len(lines) - start < 12:
        start -= 1
    block = lines[start:]
    if start == 0 or len(block) < 2 or len(block) > 10 or not all(_fits_signature(line) for line in block):
        return None
    return start if _evidence(block) and sum(map(len, block)) < 500 else None


def _fits_signature(line: str) -> bool:
    if len(line) > _WIDEST or _SENTENCE.search(line) or _NO_PERSON.match(line) or len(line.split()) > _MOST_WORDS:
        return False
    labelled = _LABELLED.match(line)
    if labelled is not None:
        if _LINK.match(line[labelled.end() :]):
            return True
        words = fold(labelled[1]).strip(" 　\t・").split(" ")
        return words[0] in _CONTACT_LABELS or words[-1] in _CONTACT_LABELS
    return not line.lstrip().startswith(("- ", "* ", "・", "● ", "1.", "1)", "①"))


def _evidence(lines: Sequence[str], framed: bool = False) -> bool:
    """Whether the lines look like a signature: contact details or a company; below a frame also a department."""
    if any(_CONTACT.search(line) or _COMPANY.search(line) for line in lines):
        return framed or len(lines) > 1
    return framed and len(lines) <= 5 and any(_ORGANISATION.search(line) for line in lines)
