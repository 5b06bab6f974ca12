"""Decodes text in headers: encoded words (RFC 2047), parameters (RFC 2231), raw 8-bit text."""

import binascii
import re

from service.mail import charset
from service.mail.charset_guess import decode_strictly, guess

_WORD = re.compile(r"=\?([^?\s=]{1,60})\?([bBqQ])\?(.*?)\?=", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]+")
_PARAMETER = re.compile(
    rb"""(?:^|(?<=[;\s"]))([^\s=;"<>()]{1,80})[ \t]*+=[ \t]*+"""
    rb"""(?:"((?:[^"\\]|\\.)*)(?:"|$)|'([^';]*)'(?=[ \t]*(?:;|$))|([^;]*))""",
    re.DOTALL,
)
_INDEXED = re.compile(r"^(.*?)\*(\d{1,3})?(\*)?$")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MAX_RUNS = 10_000  # maximum number of separately padded pieces in a base64 text
_FOREIGN = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"))
_WIDE = re.compile(rb"[\x81-\xfe]{6}")
"""Six high bytes in a row occur in East Asian and Cyrillic text, but in no western language."""


def decode_field(raw: bytes | None, hint: str | None = None) -> str:
    """Return an unstructured field such as Subject as one line of text. ``hint``: the charset of the body."""
    if not raw:
        return ""
    value = decode_words(decode_bytes(raw, hint))
    return _CONTROL.sub("", value.replace("\n", " ").replace("\r", "")).strip()


def decode_bytes(raw: bytes, hint: str | None = None) -> str:
    """Return header bytes as text in which encoded words are still encoded.

    The charset of 8-bit bytes is UTF-8 (RFC 6532) if they are valid UTF-8, otherwise ``hint``, otherwise a guess.
    """
    if raw.isascii():
        if b"\x1b" in raw:
            return charset.decode(raw, "iso-2022-jp")[0]
        if hint and b"+" in raw and charset.codec(hint) == "utf-7":
            return charset.decode(raw, hint)[0]
        return raw.decode("ascii")
    name = charset.codec(hint) if hint else None
    text = decode_strictly(raw, "utf-8")
    if text is None and name not in ("ascii", "utf-8", "jis") and not (name == "cp1252" and _foreign(raw)):
        text = decode_strictly(raw, name)
    return guess(raw)[0] if text is None else text


def _foreign(raw: bytes) -> bool:
    """Return whether the text has too many high bytes for a western language."""
    return _WIDE.search(raw) is not None or 10 * sum(b >= 0x80 for b in raw) > 3 * len(raw)


def decode_words(value: str) -> str:
    """Return the text with its encoded words decoded (RFC 2047).

    Adjacent words of one charset are joined before decoding, because some mailers split a character between them.
    """
    if "=?" not in value:
        return value
    texts: list[str] = []
    payloads = bytearray()  # of adjacent words in ``charset_label``
    charset_label = ""
    word_end = 0
    # every encoded word ends with "?=": stop at the last one, so that the search is linear
    for match in _WORD.finditer(value, 0, value.rfind("?=") + 2):
        gap = value[word_end : match.start()]
        raw = match[3].encode("utf-8", "surrogateescape")
        payload = binascii.a2b_qp(raw.replace(b" ", b"_"), header=True) if match[2] in "qQ" else base64(raw)
        label = match[1].partition("*")[0].casefold()
        if gap.strip() or not word_end or label != charset_label:
            texts += [charset.decode(bytes(payloads), charset_label)[0], gap if gap.strip() or not word_end else ""]
            charset_label, payloads = label, bytearray()
        payloads += payload
        word_end = match.end()
    return "".join([*texts, charset.decode(bytes(payloads), charset_label)[0], value[word_end:]])


def base64(raw: bytes) -> bytes:
    """Decode base64 that has errors, such as missing padding or invalid characters."""
    stripped = raw.rstrip()
    inner = stripped.rstrip(b"=")
    if b"=" not in inner:
        try:
            return binascii.a2b_base64(stripped)
        except (binascii.Error, ValueError):
            pass
    decoded: list[bytes] = []
    for piece in re.split(rb"=+", inner, maxsplit=MAX_RUNS):
        clean = piece.translate(None, _FOREIGN)
        usable = len(clean) - (len(clean) % 4 == 1)
        decoded.append(binascii.a2b_base64(clean[:usable] + b"=" * (-usable % 4)))
    return b"".join(decoded)


def parameters(raw: bytes) -> dict[str, str]:
    """Return the parameters of a header field: name → decoded value. Pieces are joined (RFC 2231 §3)."""
    values: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for match in _PARAMETER.finditer(raw[:100_000]):
        name = match[1].decode("latin-1").lower()
        value = match[2] if match[2] is not None else match[3] if match[3] is not None else match[4].strip()
        if match[2] is not None and b"\\" in value:
            value = re.sub(rb"\\([\"\\])", rb"\1", value)
        if indexed := _INDEXED.match(name):
            extended = indexed[3] is not None or indexed[2] is None
            pieces.setdefault(indexed[1], {}).setdefault(int(indexed[2] or 0), (value, extended))
        else:
            values.setdefault(name, parameter_text(value))
    return values | {name: joined for name, parts in pieces.items() if (joined := _rfc2231(parts))}


def parameter_text(value: bytes) -> str:
    """Decode a parameter value. Encoded words are decoded too: they are common, although RFC 2047 §5 forbids them."""
    decoded = decode_bytes(value)
    if "=?" in decoded:
        decoded = decode_words(re.sub(r"\?=\s+=\?", "?==?", decoded))
    return _clean(decoded)


def _clean(text: str) -> str:
    return _SPACE.sub(" ", _CONTROL.sub("", text)).strip()


def _rfc2231(pieces: dict[int, tuple[bytes, bool]]) -> str:
    """Return the decoded value of a parameter in pieces.

    ``pieces``: number → (bytes, whether they are percent-encoded).
    """
    label = ""
    joined = bytearray()
    for index in sorted(pieces):
        value, extended = pieces[index]
        if extended:
            if index == min(pieces) and value.count(b"'") >= 2:
                charset_name, _, after_charset = value.partition(b"'")
                label = charset_name.decode("latin-1")
                value = after_charset.partition(b"'")[2]
            value = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), value)
        joined += value
    raw = bytes(joined)
    return _clean(decode_words(charset.decode(raw, label)[0] if label else decode_bytes(raw)))
