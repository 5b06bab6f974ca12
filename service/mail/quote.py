"""Finds quoted lines ("> …") and attribution lines, which name the author and date of the quoted text below them.

Every search reads at most ``LONGEST`` characters of a line, so that time is linear in the text.
"""

# ruff: noqa: E501 -- patterns and tables: a case a line

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.mail import dates
from service.mail.client_phrases import WROTE
from service.mail.word_lists import fold

LONGEST: Final = 1_000
"""Maximum number of characters read of one line; header lines of real mails are shorter."""
MOST_LINES: Final = 5
"""Maximum number of lines that a mail client wraps an attribution into."""
_JOINED: Final = 600

_MARK = re.compile(r"[ \t]{0,3}[>＞](?!From )")
_STRIP = re.compile(r"[ \t]{0,3}[>＞][ ]?")
ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]{1,128}@[^\s<>\"',;:()\[\]]{1,255}")
_END = re.compile(r"[:：][ \t*_>]*$|--[ \t]*$")
_ADDRESS_END = re.compile(r"@[^<>\s]{1,255}>+[)\]]?(?:\s?(?:のメール|のメッセージ|さん))?[ \t]*[:：]?$")
_TIME = re.compile(r"\d{1,2}[:：.時h]\d{2}")
_DIGIT = re.compile(r"\d")
_LATIN = tuple(
    sorted(
        (w for w in WROTE if w.isascii() or any("À" <= c <= "ӿ" or "Ͱ" <= c <= "Ͽ" for c in w)), key=len, reverse=True
    )
)
_OTHER = tuple(sorted((w for w in WROTE if w not in _LATIN), key=len, reverse=True))
_LAST: Final = frozenset(w[-1] for w in WROTE) | frozenset(w[-1].upper() for w in WROTE)
VERB = re.compile(
    r"(?:(?<![^\W\d_])(?:" + "|".join(map(re.escape, _LATIN)) + r")(?![^\W_])|" + "|".join(map(re.escape, _OTHER)) + ")"
)
OPENER = re.compile(
    r"[\W_]{0,6}(?:on|le|am|el|em|il(?: giorno)?|in data|den|d|op|dnia|w dniu|dne|dňa|pe|la data|în|la|u|dana|on the|at|el día|no dia|"
    r"ngày|vào|pada|в|у|на|στις|tarihinde|a|ma|ti|ke|to|la|su|mon|tue|wed|thu|fri|sat|sun|mån|tis|ons|tor|fre|lör|sön)\b[ .,:]"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """The attribution in lines ``start`` to ``end`` (exclusive), which says who wrote the text below it."""

    start: int
    end: int
    text: str
    of_ticket: bool = False
    """Whether a ticket system lists a comment with it."""


def is_quoted(line: str) -> bool:
    """Whether the line has a quote mark (not mbox's ">From ")."""
    return _MARK.match(line) is not None


def unquoted(line: str) -> str:
    """Return the line without one level of quoting."""
    return _STRIP.sub("", line, count=1)


def run_end(lines: Sequence[str], start: int) -> int:
    """Return the index after the run of quoted lines that begins at ``start``.

    A line that a mail client wrapped without repeating the quote mark belongs to the run. It is between two quoted
    lines, the line above is full, and it begins in lower case.
    """
    at = start
    while at < len(lines):
        if is_quoted(lines[at]) or (
            at + 1 < len(lines) and _is_wrapped(lines[at - 1], lines[at]) and is_quoted(lines[at + 1])
        ):
            at += 1
        else:
            break
    return at


def _is_wrapped(above: str, line: str) -> bool:
    return 64 <= len(above) <= 90 and len(line) < 80 and line[:1].islower()


def attribution(lines: Sequence[str], at: int, floor: int) -> Attribution | None:
    """Return the attribution that ends in line ``at``; None if there is none. Lines before ``floor`` are not used."""
    last = lines[at][:LONGEST].strip()
    if len(last) < 3:
        return None
    folded = fold(last)
    ends = last[-1] in ":：*_>-" and _END.search(folded) is not None
    if not ends and not _ends_with_verb(folded):
        return None
    if ends and not ("@" in last or _TIME.search(last) or VERB.search(folded)):
        return None
    followed = quote_follows(lines, at + 1)
    text = ""
    for start in range(at, max(floor, at - MOST_LINES + 1) - 1, -1):
        line = lines[start][:LONGEST].strip()
        if not line or (start < at and (is_quoted(lines[start]) or len(text) + len(line) > _JOINED)):
            return None
        text = f"{line} {text}".strip()
        if _says_who(text, followed):
            break
    else:
        return None
    # without a date, its first lines may be missing: "On Mon, Aug 26, 2019 at 4:37 PM X <" / "x@y> wrote:"
    if not dates.has_day(text):
        wider = text
        for above in range(start - 1, max(floor, at - MOST_LINES + 1) - 1, -1):
            line = lines[above][:LONGEST].strip()
            if not line or is_quoted(lines[above]) or len(wider) + len(line) > _JOINED:
                break
            wider = f"{line} {wider}"
            if dates.has_day(wider) and (OPENER.match(fold(line)) or _DIGIT.match(line) or line.endswith("<")):
                text, start = wider, above
                break
    return Attribution(start, at + 1, text)


def may_end(line: str) -> bool:
    """Whether the line may end an attribution without a colon; a cheap first check."""
    bare = line[-40:].rstrip(" \t*_>-。")
    return bare[-1:] in _LAST and fold(bare).endswith(WROTE)


def _ends_with_verb(folded: str) -> bool:
    bare = folded.rstrip(" \t:：*-_>。")
    return bare.endswith(WROTE)


def quote_follows(lines: Sequence[str], at: int) -> bool:
    """Whether the next line that is not blank is quoted."""
    for line in lines[at : at + 3]:
        if line.strip():
            return is_quoted(line)
    return False


def _says_who(text: str, followed: bool) -> bool:
    """Whether the joined lines name an author with a date, or an author with a verb of writing."""
    if len(text) > _JOINED or (text.endswith("。") and not followed):
        return False
    folded = fold(text)
    verb = VERB.search(folded)
    address = ADDRESS.search(text)
    if verb is None:
        # "2026年11月10日(火) 12:05 X <a@b>:", "ср, 30 апр. 2025 г. в 15:19, X <a@b>:"
        if address is None:
            return False
        if not dates.has_day(text):
            return _unknown_verb(text, address, followed)
        if _ADDRESS_END.search(text) is not None and (text.rstrip().endswith((":", "：")) or followed):
            return True
        return _unknown_verb(text, address, followed)
    tail = folded[verb.end() :]
    if len(tail) > 80 and address is None:
        return False
    if address is not None and (_ends_with_verb(folded) or _END.search(folded)):
        return not _is_prose(text, address.start())
    if dates.has_day(text) and (_ends_with_verb(folded) or (_END.search(folded) and _TIME.search(folded))):
        return len(text) <= 200
    return followed and len(text) <= 120 and (_ends_with_verb(folded) and len(folded) > verb.end() - verb.start() + 3)


def _unknown_verb(text: str, address: re.Match[str], followed: bool) -> bool:
    """Whether the text is an attribution with an unknown verb: "28/10/2021 12:46 X <a@b> kirjutas:"."""
    tail = text[address.end() :].strip(" >)]\"'*")
    if not tail.endswith((":", "：")) or len(tail) > 40 or len(tail.split()) > 4 or _is_prose(text, address.start()):
        return False
    bracketed = text[address.start() - 1 : address.start()] in ("<", "(", "[")
    if followed and bracketed and len(text[: address.start()].split()) < 6 and len(text) < 120:
        return True  # "Quoting X <a@b>:"
    return _TIME.search(text) is not None and (followed or (bracketed and len(text) < 200))


def _is_prose(text: str, address_at: int) -> bool:
    """Whether it is an ordinary sentence with an address and a verb: much text or a full stop before the address."""
    head = text[:address_at]
    return len(head) > 300 or "。" in head or re.search(r"[a-z]{3}[.!?] [A-Z]", head) is not None
