"""Maps charset labels of mails to codecs: aliases, misspellings, names that are no charsets."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

_ALIASES = {
    "ansi_x3.4-1968": "ascii",
    "us-ascii": "ascii",
    "646": "ascii",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "cswindows31j": "cp932",
    "x-ms-cp932": "cp932",
    "shift_jisx0213": "shift_jisx0213",
    "x-euc-jp": "euc_jp",
    "x-euc": "euc_jp",
    "cp51932": "euc_jp",
    "eucjp-ms": "euc_jp",
    "eucjp": "euc_jp",
    "iso-2022-jp": "jis",
    "iso2022jp": "jis",
    "iso-2022-jp-1": "jis",
    "iso-2022-jp-ms": "jis",
    "csiso2022jp": "jis",
    "cp50220": "jis",
    "cp50221": "jis",
    "cp50222": "jis",
    "jis": "jis",
    "jis_encoding": "jis",
    "gb2312": "gb18030",
    "gb_2312-80": "gb18030",
    "csgb2312": "gb18030",
    "x-gbk": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "ms936": "gb18030",
    "euc-cn": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "big-5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "windows-949": "cp949",
    "x-windows-949": "cp949",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "csunicode11utf7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "utf-8-bom": "utf-8",
    "x-utf-8": "utf-8",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "windows-874": "cp874",
    "x-mac-roman": "mac-roman",
    "x-macintosh": "mac-roman",
    "macintosh": "mac-roman",
    "x-mac-japanese": "cp932",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ce": "mac-latin2",
    "x-cp1250": "cp1250",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "ansi": "cp1252",
    "x-ansi": "cp1252",
    "iso-8859-1-windows-3.1-latin-1": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "iso-8859-9": "cp1254",
}
"""Charset label → codec, if Python lacks the name or its codec is narrower than the label means in mail."""

_NOT_TEXT = {"base64", "hex", "quopri", "uu", "zip", "bz2", "rot13", "zlib", "idna", "punycode", "undefined", "mbcs"}
NO_CLAIM = {"", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "8bit", "binary", "none", "utf"}


@lru_cache(maxsize=512)
def codec(label: str) -> str | None:
    """Return the codec for a charset label (``jis`` for the ISO-2022-JP family); None if it names no charset."""
    name = label[:100].strip().strip("\"'").casefold()
    name = name.partition("*")[0].partition(";")[0].strip()
    if name in NO_CLAIM:
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


_LOOKS_LIKE = (
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
