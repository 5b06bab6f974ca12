"""Guesses the charset of unlabelled bytes: UTF-8 by its grammar, Japanese by its kana, others by runs of high bytes."""

from __future__ import annotations

import re

from charset_normalizer import from_bytes

from service.mail import jis

SAMPLE = 20_000
"""Maximum number of bytes or characters examined; more costs time and does not change the result."""


def guess(raw: bytes) -> tuple[str, bool]:
    """Return the text of unlabelled bytes, and whether characters were lost."""
    text = utf8(raw)
    if text is not None:
        return text, False
    if jis.ESCAPE.search(raw):
        text = jis.decode(raw)
        if text.count("\ufffd") * 20 <= len(text):
            return text, "\ufffd" in text
    japanese = _japanese(raw)
    if japanese is not None:
        return japanese, False
    # UTF-8 that was cut inside a character (by a size limit, by header folding) is still UTF-8
    lenient = raw[:SAMPLE].decode("utf-8", "replace")
    if lenient.count("\ufffd") * 10 <= sum(1 for c in lenient if c >= "\x80"):
        return raw.decode("utf-8", "replace"), True
    run = _by_runs(raw[:SAMPLE])
    if run is not None:
        try:
            return raw.decode(run), False
        except (UnicodeError, ValueError):
            pass
    runs = _HIGH_RUN.findall(raw[:SAMPLE])
    if sum(len(r) for r in runs if len(r) > 1) * 10 >= sum(map(len, runs)) * 7:
        # words or pairs of high bytes: not a western language
        found = from_bytes(raw[:SAMPLE], cp_isolation=list(_OTHERS)).best()
        if found is not None:
            try:
                return raw.decode(found.encoding), False
            except (UnicodeError, ValueError):
                pass
    return _western(raw), False


def _western(raw: bytes) -> str:
    """Decode as Turkish or Polish if letters occur that only they have; otherwise as Windows-1252."""
    within = set(b"".join(_BETWEEN_LETTERS.findall(raw[:SAMPLE])))
    if within & set(b"\xf0\xfd\xfe\xdd\xde") and not within & set(b"\xe1\xe9\xed\xf3\xfa\xe6"):
        return raw.decode("cp1254", "replace")
    if within & set(b"\xb3\xbf"):
        return raw.decode("cp1250" if within & set(b"\x9c\x9f\xb9") else "iso8859_2", "replace")
    return cp1252(raw)


_BETWEEN_LETTERS = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?=[A-Za-z])")

_OTHERS = ("cp949", "big5hkscs", "gb18030", "cp1251", "cp1253", "cp1255", "cp1256", "tis_620")
"""Charsets of unlabelled mail other than UTF-8, Japanese and western ones."""


def _by_runs(sample: bytes) -> str | None:
    """Return KOI8-R, Windows-1251, Greek, KS X 1001 or GB 2312 by the runs of high bytes; None if none of them fits.

    Statistical guessers fail on short texts. Western text has single high bytes between ASCII letters. In KOI8-R small
    letters are C0–DF, in Windows-1251 E0–FF; common Chinese characters are pairs whose first byte is B0–D7.
    """
    runs = _HIGH_RUN.findall(sample)
    high = sum(map(len, runs))
    if not high or sum(len(r) for r in runs if len(r) > 2) * 10 < high * 7:
        return None
    joined = b"".join(runs)
    low, tall = sum(0xC0 <= b <= 0xDF for b in joined), sum(b >= 0xE0 for b in joined)
    pairs = b"".join(r for r in runs if len(r) % 2 == 0)
    if len(pairs) * 10 >= high * 9:
        hangul = sum(0xB0 <= b <= 0xC8 for b in pairs[::2])
        if hangul >= 4 and hangul * 20 >= len(pairs[::2]) * 19:  # a third of Chinese characters begin with C9 or above
            return "cp949"
        common = sum(0xB0 <= b <= 0xD7 for b in pairs[::2])
        foreign = sum(0xA1 <= b <= 0xBF and b != 0xB8 for b in pairs)
        if common * 10 >= len(pairs) * 4 and foreign * 10 >= len(pairs):
            return "gb18030"
    if (low + tall) * 20 < high * 19:
        return None
    if low > 2 * tall:
        return "koi8-r"
    if len(_ACCENTED.findall(sample)) * 30 >= high:
        return "cp1253"
    return "cp1251" if tall > low else None


_ACCENTED = re.compile(rb"[\xdc-\xdf](?=[\xe1-\xfe])|(?<=[\xe1-\xfe])[\xdc-\xdf]")
"""Accented Greek vowels beside small letters; in Windows-1251 they would be capitals inside a word."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def _japanese(raw: bytes) -> str | None:
    """Decode as Shift_JIS or EUC-JP if the text is valid and has enough kana; None if neither fits."""
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
        # names and headings are often only kanji; the single high bytes of western text never make up a third of it
        kanji = sum("\u4e00" <= c <= "\u9fff" for c in sample) if name == "cp932" and not half else 0
        score = (kana - half) / (wide or 1)
        if kanji >= 2 and (kanji + kana) * 10 >= 3 * len(sample) and (kanji + kana) * 10 >= 9 * wide:
            score = max(score, 0.2)
        if score > 0.15 and (best is None or score > best[0]):
            best = (score, text)
    return best[1] if best else None


def japanese(raw: bytes) -> str | None:
    """Decode Japanese as Shift_JIS or EUC-JP: the valid one with fewer half-width kana; None if neither is valid."""
    best: tuple[int, str] | None = None
    for name in ("cp932", "euc_jp"):
        try:
            text = raw.decode(name)
        except (UnicodeError, ValueError):
            continue
        half = sum("\uff61" <= c <= "\uff9f" for c in text)
        if best is None or half < best[0]:
            best = (half, text)
    return best[1] if best else None


def utf8(raw: bytes) -> str | None:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def cp1252(raw: bytes) -> str:
    """Decode Windows-1252; its five undefined bytes are read as Latin-1 (WHATWG Encoding Standard)."""
    pieces = re.split(rb"([\x81\x8d\x8f\x90\x9d]+)", raw)
    return "".join(p.decode("latin-1" if i % 2 else "cp1252") for i, p in enumerate(pieces))
