"""Marks deceptive text: invisible characters, and domains that look like known ones."""

import contextlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from confusable_homoglyphs import categories, confusables

_DECEPTIVE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u2028-\u202e\u2060-\u206f\u3164"
    r"\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]|(?<=[!-~])[\u200c\u200d]"
)
"""Matches characters that reorder text or are invisible: bidi overrides and isolates, fillers, tags, controls."""
_HARMLESS = re.compile(r"[\u00ad\u200b\u200e\u200f\ufeff]")
"""Matches invisible characters that legitimate mail often contains. They are removed and not marked."""
_SCRIPTS = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HANGUL", "HAN"}),
    frozenset({"CYRILLIC"}),
    frozenset({"GREEK"}),
)
"""Scripts that legitimate names combine (UTS 39, "highly restrictive"). A single script is always accepted."""
_LOOK_ALIKE = (("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("-", ""), ("rn", "m"), ("vv", "w"), ("cl", "d"))
_SECOND_LEVEL = frozenset({"ac", "ad", "co", "com", "ed", "go", "gov", "gr", "lg", "ne", "net", "or", "org"})
_MIN_NAME = 5  # minimum length of a known name: shorter names also occur in unrelated domains


def visible(text: str) -> str:
    """Return the text, with each deceptive character replaced by its code point: ⟨U+202E⟩."""
    if text.isascii() and text.isprintable():
        return text
    return _DECEPTIVE.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", _HARMLESS.sub("", text))


class KnownDomains:
    """The domains of the organisation and of vendors. Detects domains that imitate them."""

    def __init__(self, domains: Iterable[str]) -> None:
        self._known = {domain.casefold().strip("."): _skeleton(domain) for domain in domains if "." in domain}
        self._find = lru_cache(maxsize=4096)(self._find_similar)

    def similar(self, address: str) -> str | None:
        """Return the known domain that the domain of an address imitates, or None."""
        domain = address.rpartition("@")[2].casefold().strip(".")
        return self._find(domain) if 3 < len(domain) <= 255 else None

    def _find_similar(self, domain: str) -> str | None:
        if any(domain == known or domain.endswith(f".{known}") for known in self._known):
            return None
        skeleton = _skeleton(domain)
        return next((known for known, similar in self._known.items() if _looks_like(skeleton, similar)), None)


def mixes_scripts(address: str) -> bool:
    """Return whether a domain mixes scripts that real names do not mix: Latin with Cyrillic."""
    for label in _decoded(address.rpartition("@")[2]).split("."):
        aliases = categories.unique_aliases(label)  # type: ignore[no-untyped-call]
        scripts = {alias for alias in aliases if alias not in ("COMMON", "INHERITED")}
        if len(scripts) > 1 and not any(scripts <= combination for combination in _SCRIPTS):
            return True
    return False


def _looks_like(domain: str, known: str) -> bool:
    """Return whether a domain imitates a known domain. Both are given as skeletons."""
    if domain == known or domain.endswith(f".{known}") or domain.startswith(f"{known}."):
        return True
    known_name, known_suffix = _split(known)
    if len(known_name) < _MIN_NAME:
        return False
    name, suffix = _split(domain)
    contains = name != known_name and known_name in name
    return contains or (suffix == known_suffix and len(name) > 2 and _is_one_edit(name, known_name))


def _split(domain: str) -> tuple[str, str]:
    """Split a domain: ``mail.corp.co.jp`` into the name ``corp`` and the suffix ``co.jp``."""
    labels = domain.split(".")
    length = 2 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 1
    return labels[-length - 1] if len(labels) > length else labels[0], ".".join(labels[-length:])


def _skeleton(domain: str) -> str:
    """Return the skeleton of a domain (UTS 39 §4, and ``_LOOK_ALIKE``). Domains that look alike have one skeleton."""
    letters = unicodedata.normalize("NFKC", _decoded(domain)).casefold()
    skeleton = "".join(letter if letter.isascii() else _ascii(letter) for letter in letters).casefold()
    for text, replacement in _LOOK_ALIKE:
        skeleton = skeleton.replace(text, replacement)
    return skeleton


@lru_cache(maxsize=4096)
def _ascii(letter: str) -> str:
    """Return the ASCII letter that a letter looks like, or the letter itself."""
    base_letter = unicodedata.normalize("NFD", letter)[0]
    if base_letter.isascii():
        return base_letter
    results = confusables.is_confusable(letter, greedy=True, preferred_aliases=[])  # type: ignore[no-untyped-call]
    similar = [homoglyph["c"] for homoglyph in results[0]["homoglyphs"]] if results else []
    return next((other for other in similar if other.isascii() and other.isalnum()), letter)


def _decoded(domain: str) -> str:
    """Return the domain with Punycode labels (RFC 3492) decoded."""
    labels = []
    for label in domain.split("."):
        if label[:4].casefold() == "xn--":
            with contextlib.suppress(UnicodeError):
                label = label[4:].encode("ascii").decode("punycode")
        labels.append(label)
    return ".".join(labels)


def _is_one_edit(first: str, second: str) -> bool:
    """Return whether the texts differ by one inserted, deleted, replaced or swapped letter."""
    if first == second or abs(len(first) - len(second)) > 1:
        return False
    shorter = min(len(first), len(second))
    start = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    left, right = first[start:], second[start:]
    swapped = left[:2] == right[1::-1] and left[2:] == right[2:]
    return left[1:] == right or left == right[1:] or left[1:] == right[1:] or (len(right) > 1 and swapped)
