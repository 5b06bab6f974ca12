"""Marks deceptive text on pages: invisible characters, and domains that look like known ones."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from confusable_homoglyphs import categories, confusables

_STEERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2028-\u202e\u2060-\u206f\u3164"
    r"\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]|(?<=[!-~])[\u200c\u200d]"
)
"""Characters that reorder text or are invisible: bidi overrides and isolates, fillers, tags, controls."""
_NOTHING = re.compile(r"[\u00ad\u200b\u200e\u200f\ufeff]")
"""Removed without a mark: they do not change how text looks, and are common in legitimate mail."""
_SCRIPTS = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HANGUL", "HAN"}),
    frozenset({"CYRILLIC"}),
    frozenset({"GREEK"}),
)
"""Scripts that legitimate names combine (UTS 39, "highly restrictive"). A single script is always accepted."""
_PAIRS = (("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""), ("rn", "m"), ("vv", "w"), ("cl", "d"))
_SECOND_LEVEL = frozenset({"ac", "ad", "co", "com", "ed", "go", "gov", "gr", "lg", "ne", "net", "or", "org"})
_LONG_ENOUGH = 5
"""For shorter names, another domain that contains the name is not suspicious."""


def visible(text: str) -> str:
    """Return the text with reordering and invisible characters shown by their code point: ⟨U+202E⟩."""
    if text.isascii() and text.isprintable():
        return text
    return _STEERS.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", _NOTHING.sub("", text))


class KnownDomains:
    """Domains of the organisation and of vendors, to detect domains that only look like them."""

    def __init__(self, domains: Iterable[str]) -> None:
        self._known = {domain.casefold().strip("."): _skeleton(domain) for domain in domains if "." in domain}
        self._find = lru_cache(maxsize=4096)(self._find_similar)

    def similar(self, address: str) -> str | None:
        """Return the known domain that the domain of this address resembles but is not; None if there is none."""
        domain = address.rpartition("@")[2].casefold().strip(".")
        return self._find(domain) if 3 < len(domain) <= 255 else None

    def _find_similar(self, domain: str) -> str | None:
        if any(domain == known or domain.endswith(f".{known}") for known in self._known):
            return None
        skeleton = _skeleton(domain)
        return next((known for known, other in self._known.items() if _looks_like(skeleton, other)), None)


def mixes_scripts(address: str) -> bool:
    """Whether a label of the domain mixes scripts as no legitimate name does, such as Latin and Cyrillic."""
    for label in _decoded(address.rpartition("@")[2]).split("."):
        aliases = categories.unique_aliases(label)  # type: ignore[no-untyped-call]
        scripts = {alias for alias in aliases if alias not in ("COMMON", "INHERITED")}
        if len(scripts) > 1 and not any(scripts <= together for together in _SCRIPTS):
            return True
    return False


def _looks_like(domain: str, known: str) -> bool:
    """Whether a domain looks like a known one; both are skeletons."""
    if domain == known or domain.endswith(f".{known}") or domain.startswith(f"{known}."):
        return True
    name, rest = _split(known)
    if len(name) < _LONG_ENOUGH:
        return False
    own, own_rest = _split(domain)
    return (own != name and name in own) or (own_rest == rest and len(own) > 2 and _one_edit(own, name))


def _split(domain: str) -> tuple[str, str]:
    """Return the registered name and the public suffix after it (``corp``, ``co.jp``)."""
    labels = domain.split(".")
    behind = 2 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 1
    return labels[-behind - 1] if len(labels) > behind else labels[0], ".".join(labels[-behind:])


def _skeleton(domain: str) -> str:
    """Return the skeleton of a domain (UTS 39 §4, with more pairs such as rn and m); equal ones look alike."""
    letters = unicodedata.normalize("NFKC", _decoded(domain)).casefold()
    written = "".join(letter if letter.isascii() else _ascii(letter) for letter in letters).casefold()
    for pair, one in _PAIRS:
        written = written.replace(pair, one)
    return written


@lru_cache(maxsize=4096)
def _ascii(letter: str) -> str:
    """Return the ASCII letter that this letter looks like, or the letter itself."""
    plain = unicodedata.normalize("NFD", letter)[0]
    if plain.isascii():
        return plain
    found = confusables.is_confusable(letter, greedy=True, preferred_aliases=[])  # type: ignore[no-untyped-call]
    like = [other["c"] for other in found[0]["homoglyphs"]] if found else []
    return next((other for other in like if other.isascii() and other.isalnum()), letter)


def _decoded(domain: str) -> str:
    """Return the domain with Punycode labels (RFC 3492) decoded."""
    labels = []
    for label in domain.split("."):
        if label[:4].casefold() == "xn--":
            with contextlib.suppress(UnicodeError):
                label = label[4:].encode("ascii").decode("punycode")
        labels.append(label)
    return ".".join(labels)


def _one_edit(one: str, other: str) -> bool:
    """Whether inserting, deleting, replacing or swapping one letter turns one text into the other."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return left[1:] == right or left == right[1:] or left[1:] == right[1:] or (len(right) > 1 and swapped)
