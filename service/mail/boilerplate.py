"""Finds text that programs add to a body: warnings, disclaimers and footers.

A footer of a mail client is a short clause that begins with a word for sending and names a device or a mail client. A
sentence that continues ("Sent from my desk, which is …") is not a footer.
"""

# ruff: noqa: E501 -- patterns: a case a line

import re
from collections.abc import Sequence
from typing import Final

from service.mail.separator_lines import is_drawn_line
from service.mail.word_lists import alternatives, fold, load

_LONGEST: Final = 300
_MOST_WORDS: Final = 9  # a footer of a mail client has at most this many words, and ``_LONGEST`` characters
_LISTS: Final = load("boilerplate")


def _opening(name: str) -> re.Pattern[str]:
    """Return a pattern that matches the phrases of a word list at the beginning of a line."""
    return re.compile(rf"[\W_]*(?:{alternatives(_LISTS[name])})", re.I)


_DISCLAIMER, _BANNER, _BANNER_END = map(_opening, ("disclaimer", "banner", "banner_end"))
_DEVICES, _SENT, _GET = (tuple(_LISTS[name].split()) for name in ("devices", "sent", "get"))
_LINK = re.compile(r"\[([^\]\n]{1,60})\]\(https?://[^)\s]{0,300}\)|<?\(?https?://[^\s>)]{0,300}[>)]?")
_WORD = re.compile(r"[^\W_]+(?:[-'’&][^\W_]+)*")
_PARTS = re.compile(r"[\s,;:()\"'’“”„«»-]+")
_ENGLISH = re.compile(r"(?:sent|posted|composed|written)\s+(?:from|via|with|using|by|on)\b")
_FROM = re.compile(r"(?:[\w'’-]{1,30} )?(?:via|from) (?:my |a )?(?:mobile|iphone|ipad|android|phone|cell|blackberry)\b")
_APOLOGY = re.compile(r"(?:so |and )?(?:please|sorry|apolog|excuse|pardon|forgive|kindly|get |samsung)")
_EXCUSE = re.compile(
    r"(?:please |pls )?(?:excuse|forgive|pardon)\b[^.]{0,60}\b(?:brevity|typos?|spelling|mistakes)\b.{0,60}$"
)
_EAST_ASIAN = re.compile(alternatives(_LISTS["east_asian_footer"]))
_CUT_AFTER = re.compile(
    r"[\W_]*(?:sent from|gesendet von|envoyé de(?:puis)?|enviado desde|enviado do|inviato da|verzonden vanuit|skickat från|sendt fra|lähetetty|wysłano z|получено из|"
    r"отправлено из)\s[^.!?]{0,30}\b(?:outlook|mail|mobil\w*|iphone|ipad|android|phone)\b[^.!?]{0,30}<?\(?https?://\S{1,200}[)>]*\s*$",
    re.I,
)  # fmt: skip
_LIST_FOOTER = re.compile(
    r"[\w.+-]{1,64} mailing list\b|[\w.+-]{1,64}@(?:lists?|googlegroups)\.|https?://\S{0,120}(?:listinfo|mailman)|unsubscribe|配信停止",
    re.I,
)


def banner_end(lines: Sequence[str]) -> int:
    """Return how many lines at the beginning are a mail system's warning."""
    at = 0
    for _ in range(3):
        while at < len(lines) and not lines[at].strip():
            at += 1
        first = at + (at < len(lines) and is_drawn_line(lines[at]))
        if first >= len(lines) or len(lines[first]) > 600 or not _BANNER.match(lines[first][:400]):
            break
        end = first + 1
        for line in lines[end : end + 5]:
            if not line.strip() or not (_BANNER_END.match(line[:200]) or is_drawn_line(line)):
                break
            end += 1
        at = end
    return at


def disclaimer_start(lines: Sequence[str]) -> int | None:
    """Return the index of the line that begins a disclaimer below text, or None."""
    for at in range(max(0, len(lines) - 40), len(lines)):
        line = lines[at]
        starts = at == 0 or not lines[at - 1].strip() or is_drawn_line(lines[at - 1])
        if starts and line.strip() and _DISCLAIMER.match(line[:400]):
            return at or None
    return None


def footer_start(lines: Sequence[str]) -> int | None:
    """Return the index of the line that begins a mail client's footer, or None."""
    last = lines[-1]
    if _is_footer(last):
        return len(lines) - 1
    # "Sent from Outlook for Android<https://…>", followed by quoted text without a header block
    for at in range(len(lines) - 1, max(0, len(lines) - 200), -1):
        line = lines[at]
        if len(line) < 300 and "http" in line and _CUT_AFTER.match(line):
            return at
    linked = len(last) < 120 and last.strip().startswith(("<http", "http", "(http"))
    return len(lines) - 2 if linked and len(lines) > 1 and _is_footer(lines[-2]) else None


def is_list_footer(lines: Sequence[str]) -> bool:
    """Return whether the lines below a drawn line are a mailing list's footer."""
    return any(_LIST_FOOTER.search(line[:300]) for line in lines)


def _is_footer(line: str) -> bool:
    if len(line) > _LONGEST:
        return False
    folded = fold(line)
    if "http" in folded:
        folded = _LINK.sub(lambda m: m[1] or " ", folded)
    bare = folded.strip(" \t\u3000-–—_*<>()[]~=・※.!|\u200e\u200f")
    if not bare:
        return False
    if not bare.isascii() and _EAST_ASIAN.match(bare):
        return True
    if _ENGLISH.match(bare):
        return _is_english_footer(bare)
    if (m := _FROM.match(bare)) is not None:
        return len(bare) - m.end() < 16 and "," not in bare
    return bare.startswith("yahoo mail:") or _EXCUSE.match(bare) is not None or _is_foreign_footer(bare)


def _is_english_footer(bare: str) -> bool:
    clause, _, apology = (re.sub(r"[.,!;]\s", "\n", bare, count=1) + "\n").partition("\n")
    words = _WORD.findall(clause)
    if len(words) > _MOST_WORDS or (apology.strip() and not _APOLOGY.match(apology.strip())):
        return False
    if any(word.startswith(_DEVICES) for word in words[2:]):
        return True
    return words[1:3] in (["from", "my"], ["via", "my"]) and (len(words) <= 6 or bool(apology.strip()))


def _is_foreign_footer(bare: str) -> bool:
    words = [word for word in _PARTS.split(bare) if word]
    if not 2 <= len(words) <= 14 or not any(word.startswith(_DEVICES) for word in words):
        return False
    first, last = words[0], words[-1]
    if first in ("von", "diese", "dieses"):
        return last in ("gesendet", "geschickt", "verschickt")
    if len(words) > _MOST_WORDS:
        return False
    if any(word.startswith(("ios", "android")) for word in words) and "outlook" in bare:
        return first.startswith(_GET) or last.startswith(_GET) or bare.startswith(_SENT)
    return bare.startswith(_SENT) or (first.startswith(_DEVICES) and last.startswith(_SENT) and len(words) <= 3)
