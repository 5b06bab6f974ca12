"""Decodes bytes to text, even with a wrong or missing charset label.

A label may be wrong: Japanese mailers send NEC and IBM characters as ``iso-2022-jp`` (CP50221, which no codec of the
standard library reads), web forms send UTF-8 as ``iso-8859-1``, scripts send no label at all. Strict decoding by the
label is tried first, then strict UTF-8, then a guess from the bytes; only then are characters lost.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Final

from service.mail import jis
from service.mail.charset_guess import cp1252, guess, japanese, utf8
from service.mail.word_lists import load

__all__ = ["codec", "decode", "guess", "japanese"]

_ALIASES: Final[dict[str, str]] = {
    label: name for name, labels in load("charsets")["aliases"].items() for label in labels.split()
}
"""Charset label → codec, if Python lacks the name or its codec is narrower than the label means in mail."""
_LOOKS_LIKE: Final = (
    (re.compile(r"utf.?8"), "utf-8"),
    (re.compile(r"2022.?jp"), "jis"),
    (re.compile(r"s(?:hift)?.?jis|cp.?932|windows.?31j"), "cp932"),
    (re.compile(r"euc.?jp"), "euc_jp"),
    (re.compile(r"gb.?(?:2312|k|18030)|cp.?936"), "gb18030"),
    (re.compile(r"big.?5"), "big5hkscs"),
    (re.compile(r"ks.?c.?5601|euc.?kr"), "cp949"),
    (re.compile(r"koi8"), "koi8-r"),
)
"""Misspelt or decorated labels ("iso-gb2312", "utf8-strict") are matched by the name they contain."""
_NOT_TEXT = {"base64", "hex", "quopri", "uu", "zip", "bz2", "rot13", "zlib", "idna", "punycode", "undefined", "mbcs"}
_NO_CLAIM = {"", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "8bit", "binary", "none", "utf"}

_SINGLE_BYTE = re.compile(r"cp125\d|cp874|iso8859-\d+|mac-|koi8|cp4|cp8|latin|hp-|kz|ptcp")


def decode(raw: bytes, label: str | None = None) -> tuple[str, str | None]:
    """Return ``raw`` as text, and the code of a defect, if any.

    Defects: ``charset-unknown`` (no such charset), ``charset-missing`` (8-bit text without a label), ``charset-wrong``
    (the label is wrong), ``charset-lossy`` (characters were lost).
    """
    name = codec(label) if label else None
    defect = "charset-unknown" if label and name is None and label.strip().casefold() not in _NO_CLAIM else None
    if raw.isascii():
        return _ascii(raw, name, defect)
    if name in (None, "ascii", "utf-7"):
        text, lossy = guess(raw)
        return text, "charset-lossy" if lossy else defect or "charset-missing"
    assert name is not None
    if name == "jis":
        if b"\x1b" in raw:
            text = jis.decode(raw)
            if "\ufffd" not in text:
                return text, None
        other, lossy = guess(raw)
        return (text, "charset-lossy") if lossy and b"\x1b" in raw else (other, "charset-wrong")
    try:
        text = raw.decode(name)
    except (UnicodeError, ValueError):
        return _mislabelled(raw, name)
    if _SINGLE_BYTE.match(name):
        better = utf8(raw)
        if better is not None:
            return better, "charset-wrong"
    return text, defect


def _ascii(raw: bytes, name: str | None, defect: str | None) -> tuple[str, str | None]:
    if b"\x1b" in raw and (name in (None, "ascii", "jis") or name == "utf-8") and jis.ESCAPE.search(raw):
        return jis.decode(raw), defect or (None if name == "jis" else "charset-wrong")
    if name == "utf-7" and b"+" in raw:
        try:
            # UTF-7 may contain halves of surrogate pairs, which the codec lets through: join pairs and replace the rest
            return raw.decode("utf-7").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), defect
        except (UnicodeError, ValueError):
            return raw.decode("ascii"), "charset-wrong"
    if name == "hz" or (
        name and name.startswith(("utf-16", "utf-32", "utf_16", "utf_32", "iso2022", "cp037", "cp500"))
    ):
        try:
            return raw.decode(name), defect
        except (UnicodeError, ValueError):
            return raw.decode("ascii"), "charset-wrong"
    return raw.decode("ascii"), defect


def _mislabelled(raw: bytes, name: str) -> tuple[str, str | None]:
    if name != "utf-8":
        text = utf8(raw)
        if text is not None:
            return text, "charset-wrong"
    if name == "cp1252":
        return cp1252(raw), None
    lenient = raw.decode(name, "replace")
    lost = lenient.count("\ufffd")
    if lost * 20 <= len(lenient) - len(lenient.encode("ascii", "ignore")) or lost <= 2 < len(lenient) // 50:
        return lenient, "charset-lossy"
    text, lossy = guess(raw)
    if lossy:
        return lenient, "charset-lossy"
    return text, "charset-wrong"


@lru_cache(maxsize=512)
def codec(label: str) -> str | None:
    """Return the codec for a charset label (``jis`` for the ISO-2022-JP family); None if it names no charset."""
    name = label[:100].strip().strip("\"'").casefold()
    name = name.partition("*")[0].partition(";")[0].strip()
    if name in _NO_CLAIM:
        return None
    if name in _ALIASES:
        return _ALIASES[name]
    for candidate in (name, name.removeprefix("x-"), name.removeprefix("charset="), name.replace("windows-cp", "cp")):
        if candidate in _ALIASES:
            return _ALIASES[candidate]
        try:
            found = codecs.lookup(candidate)
        except (LookupError, ValueError, UnicodeError):
            continue
        if found.name in _NOT_TEXT or not getattr(found, "_is_text_encoding", True):
            return None
        return found.name
    return next((known for pattern, known in _LOOKS_LIKE if pattern.search(name)), None) or _numbered(name)


def _numbered(name: str) -> str | None:
    """Return the codec for a numbered charset in any spelling: ``iso 8859 15``, ``windows_1252``, ``win-1251``."""
    match = re.search(r"8859[^0-9]?(\d{1,2})(?!\d)|125([0-8])(?!\d)", name)
    if match is None:
        return None
    if match[2]:
        return f"cp125{match[2]}"
    try:
        return _ALIASES.get(f"iso-8859-{match[1]}") or codecs.lookup(f"iso8859-{match[1]}").name
    except LookupError:
        return None
