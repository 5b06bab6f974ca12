"""Bytes to text, whatever the label says.

A label is a claim, not a fact: Japanese mailers send NEC and IBM rows under ``iso-2022-jp`` (CP50221, which no codec
of the standard library reads), web forms send UTF-8 under ``iso-8859-1``, scripts send no label at all. Strict
decoding under the label comes first, then strict UTF-8, then what the bytes look like; only then are characters lost.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from itertools import pairwise

import cchardet

SAMPLE = 20_000
"""Bytes shown to the guesser; more costs time and changes nothing."""

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
"""Label to codec, where Python has no such name or a narrower one than the label means in mail."""

_NOT_TEXT = {"base64", "hex", "quopri", "uu", "zip", "bz2", "rot13", "zlib", "idna", "punycode", "undefined", "mbcs"}
_NO_CLAIM = {"", "unknown", "unknown-8bit", "x-unknown", "default", "default_charset", "8bit", "binary", "none", "utf"}
_JIS_ESCAPE = re.compile(rb"(\x1b\$[@B]|\x1b\$\([DBOPQ]|\x1b\([BJIH])")
_SINGLE_BYTE = re.compile(r"cp125\d|cp874|iso8859-\d+|mac-|koi8|cp4|cp8|latin|hp-|kz|ptcp")


@lru_cache(maxsize=512)
def codec(label: str) -> str | None:
    """The codec a charset label means (``jis`` for the ISO-2022-JP family), None where it means nothing."""
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
"""Labels misspelt or decorated ("iso-gb2312", "utf8-strict"): what they hold decides."""


def _numbered(name: str) -> str | None:
    """``iso 8859 15``, ``windows_1252``, ``win-1251`` in any spelling."""
    match = re.search(r"8859[^0-9]?(\d{1,2})(?!\d)|125([0-8])(?!\d)", name)
    if match is None:
        return None
    if match[2]:
        return f"cp125{match[2]}"
    try:
        return _ALIASES.get(f"iso-8859-{match[1]}") or codecs.lookup(f"iso8859-{match[1]}").name
    except LookupError:
        return None


def decode(raw: bytes, label: str | None = None) -> tuple[str, str | None]:
    """``raw`` as text, and the code of the defect met on the way, if any.

    Defects: ``charset-unknown`` (no such charset), ``charset-missing`` (8-bit text without a label),
    ``charset-wrong`` (not what the label says), ``charset-lossy`` (characters were lost).
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
            text = jis(raw)
            if "\ufffd" not in text:
                return text, None
        other, lossy = guess(raw)
        return (text, "charset-lossy") if lossy and b"\x1b" in raw else (other, "charset-wrong")
    try:
        text = raw.decode(name)
    except (UnicodeError, ValueError):
        return _mislabelled(raw, name)
    if _SINGLE_BYTE.match(name):
        better = _utf8(raw)
        if better is not None:
            return better, "charset-wrong"
    return text, defect


def _ascii(raw: bytes, name: str | None, defect: str | None) -> tuple[str, str | None]:
    if b"\x1b" in raw and (name in (None, "ascii", "jis") or name == "utf-8") and _JIS_ESCAPE.search(raw):
        return jis(raw), defect or (None if name == "jis" else "charset-wrong")
    if name == "utf-7" and b"+" in raw:
        try:
            # halves of surrogate pairs, which the codec lets through: pairs are joined, the rest is lost
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


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _mislabelled(raw: bytes, name: str) -> tuple[str, str | None]:
    if name != "utf-8":
        text = _utf8(raw)
        if text is not None:
            return text, "charset-wrong"
    if name == "cp1252":
        return _cp1252(raw), None
    lenient = raw.decode(name, "replace")
    lost = lenient.count("\ufffd")
    if lost * 20 <= len(lenient) - len(lenient.encode("ascii", "ignore")) or lost <= 2 < len(lenient) // 50:
        return lenient, "charset-lossy"
    text, lossy = guess(raw)
    if lossy:
        return lenient, "charset-lossy"
    return text, "charset-wrong"


def _cp1252(raw: bytes) -> str:
    """Windows-1252 with the five undefined bytes as Latin-1 has them (WHATWG Encoding Standard)."""
    pieces = re.split(rb"([\x81\x8d\x8f\x90\x9d]+)", raw)
    return "".join(p.decode("latin-1" if i % 2 else "cp1252") for i, p in enumerate(pieces))


def guess(raw: bytes) -> tuple[str, bool]:
    """Text of unlabelled bytes and whether characters were lost."""
    text = _utf8(raw)
    if text is not None:
        return text, False
    if _JIS_ESCAPE.search(raw):
        text = jis(raw)
        if text.count("\ufffd") * 20 <= len(text):
            return text, "\ufffd" in text
    japanese = _japanese(raw)
    if japanese is not None:
        return japanese, False
    # UTF-8 cut in the middle (by a size limit, by a folding that counted bytes) is still UTF-8
    lenient = raw[:SAMPLE].decode("utf-8", "replace")
    if lenient.count("\ufffd") * 10 <= sum(1 for c in lenient if c >= "\x80"):
        return raw.decode("utf-8", "replace"), True
    run = _by_runs(raw[:SAMPLE])
    if run is not None:
        try:
            return raw.decode(run), False
        except (UnicodeError, ValueError):
            pass
    found = cchardet.detect(raw[:SAMPLE])["encoding"]
    name = codec(found) if found else None
    if name not in (None, "ascii", "utf-8", "jis"):
        try:
            return raw.decode(name or "ascii"), False
        except (UnicodeError, ValueError):
            pass
    return _cp1252(raw), False


def _by_runs(sample: bytes) -> str | None:
    """KOI8-R, Windows-1251 or GB 2312, told by which high bytes come in runs; the guesser errs on short texts.

    Western text has single high bytes between ASCII letters. In KOI8-R small letters are C0–DF, in Windows-1251 E0–FF;
    common Chinese characters are pairs led by B0–D7.
    """
    runs = _HIGH_RUN.findall(sample)
    high = sum(map(len, runs))
    if not high or sum(len(r) for r in runs if len(r) > 2) * 10 < high * 7:
        return None
    joined = b"".join(runs)
    low, tall = sum(0xC0 <= b <= 0xDF for b in joined), sum(b >= 0xE0 for b in joined)
    pairs = b"".join(r for r in runs if len(r) % 2 == 0)
    if len(pairs) * 10 >= high * 9:
        common = sum(0xB0 <= b <= 0xD7 for b in pairs[::2])
        foreign = sum(0xA1 <= b <= 0xBF and b != 0xB8 for b in pairs)
        if common * 10 >= len(pairs) * 4 and foreign * 10 >= len(pairs):
            return "gb18030"
    if (low + tall) * 20 < high * 19:
        return None
    if low > 2 * tall:
        return "koi8-r"
    return "cp1251" if tall > low else None


_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def _japanese(raw: bytes) -> str | None:
    """Shift_JIS or EUC-JP where one of them reads as Japanese: strict, with kana, few rare kanji."""
    best: tuple[float, str] | None = None
    for name in ("euc_jp", "cp932"):
        try:
            text = raw.decode(name)
        except (UnicodeError, ValueError):
            continue
        sample = text[:SAMPLE]
        wide = sum(1 for c in sample if c >= "\x80")
        kana = sum(1 for c in sample if "\u3041" <= c <= "\u30fc")
        half = sum(1 for c in sample if "\uff61" <= c <= "\uff9f")
        # names and headings are often kanji alone; single high bytes of western text never make a third of it
        kanji = sum("\u4e00" <= c <= "\u9fff" for c in sample) if name == "cp932" and not half else 0
        score = (kana - half) / (wide or 1)
        if kanji >= 2 and (kanji + kana) * 10 >= 3 * len(sample) and (kanji + kana) * 10 >= 9 * wide:
            score = max(score, 0.2)
        if score > 0.15 and (best is None or score > best[0]):
            best = (score, text)
    return best[1] if best else None


def jis(raw: bytes) -> str:
    """ISO-2022-JP as Windows mailers write it (CP50221: NEC and IBM rows, half-width kana by ``ESC ( I`` or 8 bit).

    Pairs are turned into Shift_JIS bytes and read as cp932, whose tables have those rows.
    """
    out: list[str] = []
    mode = b"\x1b(B"
    last = 0
    for match in _JIS_ESCAPE.finditer(raw):
        if match.start() > last:
            out.append(_run(raw[last : match.start()], mode))
        mode, last = match.group(), match.end()
    out.append(_run(raw[last:], mode))
    return "".join(out)


def _run(part: bytes, mode: bytes) -> str:
    """A stretch between two escapes."""
    if mode == b"\x1b(I":
        return bytes(b | 0x80 if 0x20 < b < 0x60 else b for b in part).decode("cp932", "replace")
    if mode == b"\x1b$(D":
        return _jis0212(part)
    if mode.startswith(b"\x1b$"):
        return _double(part) if b"\n" not in part else _pairs(part)
    return part.decode("ascii") if part.isascii() else part.decode("cp932", "replace")


def _jis0212(part: bytes) -> str:
    try:
        return (b"\x1b$(D" + part + b"\x1b(B").decode("iso2022_jp_1")
    except (UnicodeError, ValueError):
        return "\ufffd" * (len(part) // 2)


def _pairs(part: bytes) -> str:
    """JIS X 0208 pairs; a line end inside (a missing escape) goes back to ASCII, as readers in Japan do."""
    text: list[str] = []
    ascii_now = False
    for index, line in enumerate(re.split(rb"(\r?\n)", part)):
        if index % 2:
            text.append("\n")
            ascii_now = True
        elif ascii_now and (len(line) % 2 or not _looks_double(line)):
            text.append(line.decode("ascii", "replace"))
        else:
            text.append(_double(line))
    return "".join(text)


def _looks_double(line: bytes) -> bool:
    return bool(line) and all(0x21 <= b <= 0x7E for b in line) and any(a in (0x24, 0x25) for a, _ in pairwise(line))


def _double(line: bytes) -> str:
    """JIS X 0208 pairs (ISO-2022-JP, NEC and IBM rows too) by way of Shift_JIS."""
    shifted = bytearray()
    for j1, j2 in zip(line[::2], line[1::2], strict=False):
        if 0x21 <= j1 <= 0x7E and 0x21 <= j2 <= 0x7E:
            odd = j1 & 1
            shifted.append((j1 + 1) // 2 + (0x70 if j1 < 0x5F else 0xB0))
            shifted.append(j2 + (0x7E if not odd else 0x1F if j2 < 0x60 else 0x20))
        else:
            shifted.append(0x20 if j1 <= 0x20 else 0x3F)
    return shifted.decode("cp932", "replace")
