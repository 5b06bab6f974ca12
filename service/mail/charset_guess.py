"""Guesses the charset of bytes: UTF-8, then Japanese by its kana, then other charsets."""

import re

from charset_normalizer import from_bytes

from service.mail import jis

SAMPLE = 20_000  # maximum number of bytes or characters examined; more would not change the result


def guess(raw: bytes) -> tuple[str, bool]:
    """Return (text of bytes in an unknown charset, whether characters were replaced by U+FFFD)."""
    text = decode_strictly(raw, "utf-8")
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
    text = decode_strictly(raw, _by_runs(raw[:SAMPLE]))
    runs = _HIGH_RUN.findall(raw[:SAMPLE])
    if text is None and sum(len(run) for run in runs if len(run) > 1) * 10 >= sum(map(len, runs)) * 7:
        # words or pairs of high bytes: not a western language
        best_match = from_bytes(raw[:SAMPLE], cp_isolation=list(_OTHER_CHARSETS)).best()
        text = decode_strictly(raw, best_match.encoding if best_match else None)
    return _western(raw) if text is None else text, False


def _western(raw: bytes) -> str:
    """Decode as Turkish or Polish if letters of these languages occur, else as Windows-1252."""
    high_bytes = set(b"".join(_BETWEEN_LETTERS.findall(raw[:SAMPLE])))
    if high_bytes & set(b"\xf0\xfd\xfe\xdd\xde") and not high_bytes & set(b"\xe1\xe9\xed\xf3\xfa\xe6"):
        return raw.decode("cp1254", "replace")
    if high_bytes & set(b"\xb3\xbf"):
        return raw.decode("cp1250" if high_bytes & set(b"\x9c\x9f\xb9") else "iso8859_2", "replace")
    return cp1252(raw)


_BETWEEN_LETTERS = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?=[A-Za-z])")

_OTHER_CHARSETS = ("cp949", "big5hkscs", "gb18030", "cp1251", "cp1253", "cp1255", "cp1256", "tis_620")
"""The charsets that ``charset_normalizer`` chooses from."""


def _by_runs(sample: bytes) -> str | None:
    """Return the codec of Russian, Greek, Korean or Chinese text, or None.

    Statistical guessers fail on short texts. Western text has single high bytes between ASCII letters. In KOI8-R small
    letters are C0–DF, in Windows-1251 E0–FF; common Chinese characters are pairs whose first byte is B0–D7.
    """
    runs = _HIGH_RUN.findall(sample)
    high_bytes = sum(map(len, runs))
    if not high_bytes or sum(len(r) for r in runs if len(r) > 2) * 10 < high_bytes * 7:
        return None
    joined = b"".join(runs)
    bytes_c0_df, bytes_e0_ff = sum(0xC0 <= b <= 0xDF for b in joined), sum(b >= 0xE0 for b in joined)
    pairs = b"".join(r for r in runs if len(r) % 2 == 0)
    if len(pairs) * 10 >= high_bytes * 9:
        hangul = sum(0xB0 <= b <= 0xC8 for b in pairs[::2])
        if hangul >= 4 and hangul * 20 >= len(pairs[::2]) * 19:  # a third of Chinese characters begin with C9 or above
            return "cp949"
        common = sum(0xB0 <= b <= 0xD7 for b in pairs[::2])
        foreign = sum(0xA1 <= b <= 0xBF and b != 0xB8 for b in pairs)
        if common * 10 >= len(pairs) * 4 and foreign * 10 >= len(pairs):
            return "gb18030"
    if (bytes_c0_df + bytes_e0_ff) * 20 < high_bytes * 19:
        return None
    if bytes_c0_df > 2 * bytes_e0_ff:
        return "koi8-r"
    if len(_ACCENTED.findall(sample)) * 30 >= high_bytes:
        return "cp1253"
    return "cp1251" if bytes_e0_ff > bytes_c0_df else None


_ACCENTED = re.compile(rb"[\xdc-\xdf](?=[\xe1-\xfe])|(?<=[\xe1-\xfe])[\xdc-\xdf]")
"""Matches accented Greek vowels next to small letters. In Windows-1251 these bytes are capitals inside a word."""
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")


def _japanese(raw: bytes) -> str | None:
    """Decode as Shift_JIS or EUC-JP by the share of kana; None if the share is too small."""
    best: tuple[float, str] | None = None
    for name in ("euc_jp", "cp932"):
        text = decode_strictly(raw, name)
        if text is None:
            continue
        sample = text[:SAMPLE]
        wide = sum(1 for c in sample if c >= "\x80")
        kana = sum(1 for c in sample if "\u3041" <= c <= "\u30fc")
        half = sum(1 for c in sample if "\uff61" <= c <= "\uff9f")
        # names and headings are often only kanji; in western text, a third of the characters are never kanji
        kanji = sum("\u4e00" <= c <= "\u9fff" for c in sample) if name == "cp932" and not half else 0
        score = (kana - half) / (wide or 1)
        if kanji >= 2 and (kanji + kana) * 10 >= 3 * len(sample) and (kanji + kana) * 10 >= 9 * wide:
            score = max(score, 0.2)
        if score > 0.15 and (best is None or score > best[0]):
            best = (score, text)
    return best[1] if best else None


def decode_strictly(raw: bytes, codec: str | None) -> str | None:
    """Return the decoded text; None if the bytes are invalid in this codec."""
    try:
        return raw.decode(codec) if codec else None
    except ValueError:
        return None


def cp1252(raw: bytes) -> str:
    """Decode Windows-1252. Its five undefined bytes are decoded as Latin-1 (WHATWG Encoding Standard)."""
    pieces = re.split(rb"([\x81\x8d\x8f\x90\x9d]+)", raw)
    return "".join(p.decode("latin-1" if i % 2 else "cp1252") for i, p in enumerate(pieces))
