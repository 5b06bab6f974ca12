"""Decodes bytes to text, even with a wrong or missing charset label.

Labels are often wrong: web forms send UTF-8 as ``iso-8859-1``. So the label is tried first, then UTF-8, then a guess
from the bytes. Characters are replaced by U+FFFD only if all of these fail.
"""

import codecs
import re
from functools import lru_cache
from typing import Final

from service.mail import jis
from service.mail.charset_guess import cp1252, decode_strictly, guess
from service.mail.word_lists import load

_ALIASES: Final[dict[str, str]] = {
    label: name for name, labels in load("charsets")["aliases"].items() for label in labels.split()
}
"""Charset label → codec, for labels that Python lacks or for which its codec has too few characters."""
_LABEL_PATTERNS: Final = (
    (re.compile(r"utf.?8"), "utf-8"),
    (re.compile(r"2022.?jp"), "jis"),
    (re.compile(r"s(?:hift)?.?jis|cp.?932|windows.?31j"), "cp932"),
    (re.compile(r"euc.?jp"), "euc_jp"),
    (re.compile(r"gb.?(?:2312|k|18030)|cp.?936"), "gb18030"),
    (re.compile(r"big.?5"), "big5hkscs"),
    (re.compile(r"ks.?c.?5601|euc.?kr"), "cp949"),
    (re.compile(r"koi8"), "koi8-r"),
)
"""Patterns of misspelt or extended labels ("iso-gb2312", "utf8-strict"), and their codecs."""
_NOT_TEXT = {"base64", "hex", "quopri", "uu", "zip", "bz2", "rot13", "zlib", "idna", "punycode", "undefined", "mbcs"}
_NO_LABEL = {"", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "8bit", "binary", "none", "utf"}

_NOT_ASCII_COMPATIBLE = ("hz", "utf-16", "utf-32", "utf_16", "utf_32", "iso2022", "cp037", "cp500")
_SINGLE_BYTE = re.compile(r"cp125\d|cp874|iso8859-\d+|mac-|koi8|cp4|cp8|latin|hp-|kz|ptcp")


def decode(raw: bytes, label: str | None = None) -> tuple[str, str | None]:
    """Return (text, code of a defect or None). ``label`` is the stated charset.

    Defects: ``charset-unknown`` (no such charset), ``charset-missing`` (8-bit text without a label), ``charset-wrong``
    (the text has another charset), ``charset-lossy`` (characters were replaced by U+FFFD).
    """
    codec_name = codec(label) if label else None
    defect = "charset-unknown" if label and codec_name is None and label.strip().casefold() not in _NO_LABEL else None
    if raw.isascii():
        return _decode_ascii(raw, codec_name, defect)
    if codec_name in (None, "ascii", "utf-7", "jis"):
        text, lossy = guess(raw)
        if codec_name == "jis":  # 8-bit bytes are half-width kana
            defect = None if jis.ESCAPE.search(raw) else "charset-wrong"
        else:
            defect = defect or "charset-missing"
        return text, "charset-lossy" if lossy else defect
    assert codec_name is not None
    decoded = decode_strictly(raw, codec_name)
    if decoded is None:
        return _decode_mislabelled(raw, codec_name)
    as_utf8 = decode_strictly(raw, "utf-8") if _SINGLE_BYTE.match(codec_name) else None
    return (decoded, defect) if as_utf8 is None else (as_utf8, "charset-wrong")


def _decode_ascii(raw: bytes, codec_name: str | None, defect: str | None) -> tuple[str, str | None]:
    if b"\x1b" in raw and (codec_name in (None, "ascii", "jis") or codec_name == "utf-8") and jis.ESCAPE.search(raw):
        return jis.decode(raw), defect or (None if codec_name == "jis" else "charset-wrong")
    if codec_name == "utf-7" and b"+" in raw:
        try:
            # the codec of UTF-7 accepts halves of surrogate pairs: join pairs, and replace single halves
            return raw.decode("utf-7").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), defect
        except (UnicodeError, ValueError):
            return raw.decode("ascii"), "charset-wrong"
    if codec_name and codec_name.startswith(_NOT_ASCII_COMPATIBLE):
        text = decode_strictly(raw, codec_name)
        return (raw.decode("ascii"), "charset-wrong") if text is None else (text, defect)
    return raw.decode("ascii"), defect


def _decode_mislabelled(raw: bytes, codec_name: str) -> tuple[str, str | None]:
    as_utf8 = decode_strictly(raw, "utf-8")
    if as_utf8 is not None:
        return as_utf8, "charset-wrong"
    if codec_name == "cp1252":
        return cp1252(raw), None
    lenient = raw.decode(codec_name, "replace")
    lost_characters = lenient.count("\ufffd")
    if (
        lost_characters * 20 <= len(lenient) - len(lenient.encode("ascii", "ignore"))
        or lost_characters <= 2 < len(lenient) // 50
    ):
        return lenient, "charset-lossy"
    text, lossy = guess(raw)
    return (lenient, "charset-lossy") if lossy else (text, "charset-wrong")


@lru_cache(maxsize=512)
def codec(label: str) -> str | None:
    """Return the name of Python's codec for a charset label, or None. ISO-2022-JP gives ``jis``."""
    name = label[:100].strip().strip("\"'").casefold()
    name = name.partition("*")[0].partition(";")[0].strip()
    if name in _NO_LABEL:
        return None
    numbered = re.sub(r".*8859\D?(\d{1,2})(?!\d).*", r"iso-8859-\1", name)  # "iso 8859 15"
    numbered = re.sub(r".*125([0-8])(?!\d).*", r"cp125\1", numbered)  # "win-1251"
    found = next((codec_name for pattern, codec_name in _LABEL_PATTERNS if pattern.search(name)), numbered)
    as_cp = name.replace("windows-cp", "cp")  # "windows-cp874"
    for candidate in (name, name.removeprefix("x-"), name.removeprefix("charset="), as_cp, found):
        if candidate in _ALIASES:
            return _ALIASES[candidate]
        try:
            info = codecs.lookup(candidate)
        except (LookupError, ValueError, UnicodeError):
            continue
        return None if info.name in _NOT_TEXT or not getattr(info, "_is_text_encoding", True) else info.name
    return None
