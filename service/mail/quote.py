"""Finds quoted lines ("> …"), and attributions: lines such as "On … X wrote:" above them.

At most ``LONGEST`` characters of a line are examined, so that time is linear in the text.
"""

# ruff: noqa: E501 -- patterns and tables: a case a line

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.mail import dates
from service.mail.client_phrases import WROTE
from service.mail.word_lists import fold

LONGEST: Final = 1_000  # maximum number of characters of a line that are examined
MOST_LINES: Final = 5  # maximum number of lines of one attribution
_MOST_CHARACTERS: Final = 600

_MARK = re.compile(r"[ \t]{0,3}[>＞](?!From )")
_STRIP = re.compile(r"[ \t]{0,3}[>＞][ ]?")
ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]{1,128}@[^\s<>\"',;:()\[\]]{1,255}")
_END = re.compile(r"[:：][ \t*_>]*$|--[ \t]*$")
_ADDRESS_END = re.compile(r"@[^<>\s]{1,255}>+[)\]]?(?:\s?(?:のメール|のメッセージ|さん))?[ \t]*[:：]?$")
_TIME = re.compile(r"\d{1,2}[:：.時h]\d{2}")
_LONGEST_ENDING: Final = max(map(len, WROTE)) + 20
_LAST: Final = frozenset(verb[-1] for verb in WROTE) | frozenset(verb[-1].upper() for verb in WROTE)


def _verbs(*, words: bool) -> str:
    """Return a pattern for the verbs in scripts that separate words, or for the other verbs."""
    verbs = [verb for verb in WROTE if bool(re.fullmatch("[ -~]+|.*[À-ӿ].*", verb)) is words]
    return "|".join(map(re.escape, sorted(verbs, key=len, reverse=True)))


VERB = re.compile(rf"(?<![^\W\d_])(?:{_verbs(words=True)})(?![^\W_])|{_verbs(words=False)}")
OPENER = re.compile(
    r"[\W_]{0,6}(?:on|le|am|el|em|il(?: giorno)?|in data|den|d|op|dnia|w dniu|dne|dňa|pe|la data|în|la|u|dana|on the|at|el día|no dia|"
    r"ngày|vào|pada|в|у|на|στις|tarihinde|a|ma|ti|ke|to|la|su|mon|tue|wed|thu|fri|sat|sun|mån|tis|ons|tor|fre|lör|sön)\b[ .,:]"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """An attribution in lines ``start`` to ``end`` (exclusive). ``text``: its lines joined by spaces."""

    start: int
    end: int
    text: str
    of_ticket: bool = False  # whether it is the heading of a comment in the mail of a ticket system


def is_quoted(line: str) -> bool:
    """Return whether the line begins with ">"; false for ">From ", which mbox files contain."""
    return _MARK.match(line) is not None


def unquoted(line: str) -> str:
    """Return the line without its first ">"."""
    return _STRIP.sub("", line, count=1)


def run_end(lines: Sequence[str], start: int) -> int:
    """Return the index after a run of quoted lines. The wrapped rest of a quoted line belongs to the run."""
    at = start
    while at < len(lines) and (is_quoted(lines[at]) or _is_wrapped(lines, at)):
        at += 1
    return at


def _is_wrapped(lines: Sequence[str], at: int) -> bool:
    """Return whether line ``at`` is the rest of the quoted line above, wrapped by a mail program without ">"."""
    above, line, below = lines[at - 1], lines[at], "".join(lines[at + 1 : at + 2])
    return 64 <= len(above) <= 90 and len(line) < 80 and line[:1].islower() and is_quoted(below)


def attribution(lines: Sequence[str], at: int, earliest: int) -> Attribution | None:
    """Return the attribution that ends in line ``at``; None if there is none. It begins at ``earliest`` or below."""
    last = lines[at][:LONGEST].strip()
    if len(last) < 3:
        return None
    folded = fold(last)
    has_ending = last[-1] in ":：*_>-" and _END.search(folded) is not None
    if not (("@" in last or _TIME.search(last) or VERB.search(folded)) if has_ending else ends_with_verb(folded)):
        return None
    before_quote = quote_follows(lines, at + 1)
    text = ""
    without_date: Attribution | None = None
    for start in range(at, max(earliest, at - MOST_LINES + 1) - 1, -1):
        line = lines[start][:LONGEST].strip()
        if not line or (start < at and (is_quoted(lines[start]) or len(text) + len(line) > _MOST_CHARACTERS)):
            break
        text = f"{line} {text}".strip()
        if without_date is None and _is_attribution(text, before_quote):
            without_date = Attribution(start, at + 1, text)
            if dates.has_day(text):
                return without_date
        elif (
            without_date and (OPENER.match(fold(line)) or line[0].isdigit() or line[-1] == "<") and dates.has_day(text)
        ):
            return Attribution(start, at + 1, text)  # "On Mon, Aug 26, 2019, X <"
    return without_date


def ends_with_verb(line: str) -> bool:
    """Return whether the line ends with a verb of writing, such as "wrote:"."""
    bare = line.rstrip(" \t:：*-_>。")
    return bare[-1:] in _LAST and fold(bare[-_LONGEST_ENDING:]).endswith(WROTE)


def next_text(lines: Sequence[str], at: int) -> int | None:
    """Return the index of the first line with text among the three lines from ``at`` on, or None."""
    return next((index for index in range(at, min(len(lines), at + 3)) if lines[index].strip()), None)


def quote_follows(lines: Sequence[str], at: int) -> bool:
    """Return whether the first line with text from ``at`` on is quoted."""
    first = next_text(lines, at)
    return first is not None and is_quoted(lines[first])


def _is_attribution(text: str, before_quote: bool) -> bool:
    """Return whether the text names an author, and a verb such as "wrote" or an address says that a mail follows."""
    if len(text) > _MOST_CHARACTERS or (text.endswith("。") and not before_quote):
        return False
    folded = fold(text)
    verb, address, ends_with_wrote = VERB.search(folded), ADDRESS.search(text), ends_with_verb(folded)
    has_ending = ends_with_wrote or _END.search(folded) is not None
    if address is not None:
        is_heading = has_ending and not _is_prose(text[: address.start()])
        return is_heading and (verb is not None or _announces_mail(text, address, before_quote))
    if verb is None or len(folded) - verb.end() > 80:
        return False
    if dates.has_day(text) and has_ending and (ends_with_wrote or _TIME.search(folded)):
        return len(text) <= 200
    return before_quote and len(text) <= 120 and ends_with_wrote and len(folded) > len(verb[0]) + 3


def _announces_mail(text: str, address: re.Match[str], before_quote: bool) -> bool:
    """Return whether a text without a known verb announces a mail: "12:46 X <a@b> kirjutas:", "Quoting X <a@b>:".

    It has a date and ends with an address, or it is short and has two of these: a quoted line below, an address in
    brackets, a time.
    """
    if len(text) > 200:
        return False
    if _ADDRESS_END.search(text) is not None and dates.has_day(text):
        return True
    before, after = text[: address.start()], text[address.end() :]
    tail = after.strip(" >)]\"'*")
    if not tail.endswith((":", "：")) or len(tail) > 40 or len(tail.split()) > 4:
        return False
    in_brackets, has_time = after.lstrip()[:1] in (">", ")", "]"), _TIME.search(text) is not None
    return before_quote + in_brackets + has_time >= 2 and (has_time or len(before.split()) < 6)


def _is_prose(text: str) -> bool:
    """Return whether the text before an address is prose: it is long, or a sentence ends in it."""
    return len(text) > 300 or "。" in text or re.search(r"[a-z]{3}[.!?] [A-Z]", text) is not None
