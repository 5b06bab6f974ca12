"""The line that a phone or mail client adds below a text ("Sent from my iPhone"), in many languages.

It is recognised as a short clause that begins with a word for sending and names a device or a mail client. A sentence
that continues ("Sent from my desk, which is …") is not a footer.
"""

from __future__ import annotations

import re
from typing import Final

from service.mail.word_lists import alternatives, fold, load

_LONGEST: Final = 300
_MOST_WORDS: Final = 9

_LISTS: Final = load("around_text")
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
_JAPANESE = re.compile(alternatives(_LISTS["japanese_footer"]))
_CHINESE = re.compile(alternatives(_LISTS["chinese_footer"]))


def is_footer(line: str) -> bool:
    """Whether the line is only a client's footer, such as "Sent from my iPhone"."""
    if len(line) > _LONGEST:
        return False
    folded = fold(line)
    if "http" in folded:
        folded = _LINK.sub(lambda m: m[1] or " ", folded)
    bare = folded.strip(" \t\u3000-–—_*<>()[]~=・※.!|\u200e\u200f")
    if not bare:
        return False
    if not bare.isascii() and (_JAPANESE.match(bare) or _CHINESE.match(bare)):
        return True
    if _ENGLISH.match(bare):
        return _is_english(bare)
    if (m := _FROM.match(bare)) is not None:
        return len(bare) - m.end() < 16 and "," not in bare
    if bare.startswith(("please excuse", "pls excuse", "excuse", "please forgive", "yahoo mail:")):
        return (
            _EXCUSE.match(bare) is not None
            or bare.startswith("yahoo mail:")
            or bare in ("sent mobile", "sent from mobile")
        )
    return _is_foreign(bare)


def _is_english(bare: str) -> bool:
    clause, _, rest = (re.sub(r"[.,!;]\s", "\n", bare, count=1) + "\n").partition("\n")
    words = _WORD.findall(clause)
    if len(words) > _MOST_WORDS or (rest.strip() and not _APOLOGY.match(rest.strip())):
        return False
    if any(word.startswith(_DEVICES) for word in words[2:]):
        return True
    return words[1:3] in (["from", "my"], ["via", "my"]) and (len(words) <= 6 or bool(rest.strip()))


def _is_foreign(bare: str) -> bool:
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
