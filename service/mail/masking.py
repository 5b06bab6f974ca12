"""Replaces a person's address and names in texts and raw mails by other letters of the same length.

The length is kept so that offsets in a text (findings, quotes) stay valid. Only the part before the ``@`` of an address
is replaced: the domain identifies no person and determines the side of the author.

A name of several words ("Aiko Mori") or with digits is replaced everywhere. A single word ("Mori") is replaced only in
contexts that mark a person: beside a title, in a self-introduction, alone on a line as in a signature. The display name
beside the person's own address is always replaced.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.utils import format_datetime, quote
from typing import Any

from service.mail import charset, encoded
from service.mail.parse import parse

_AT = r"(?:@|=40|%40|=|&#64;|&#x40;|&commat;)"
"""Forms of @ in plain text, quoted-printable, links, return paths (VERP) and HTML."""
_SPACE = r"[\s\u3000\u00a0,]*"
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "cp932", "euc_jp", "iso2022_jp", "latin-1")
_ENCODED = re.compile(r"=\?[^\s?]+\?[bBqQ]\?[^?]*\?=(?:[ \t\r\n]+=\?[^\s?]+\?[bBqQ]\?[^?]*\?=)*")
_ADDRESS_FIELDS = frozenset(
    ("from", "to", "cc", "bcc", "reply-to", "sender", "resent-from", "resent-to", "resent-cc", "resent-sender")
)
_LETTER = r"[A-Za-z0-9_\u00c0-\u024f]"
"""Characters that continue a Latin word; kana and ideographs do not."""
_LINE_START = r"^[> \t\u3000]*"
_GREETING = r"\b(?:Dear|Hi|Hello|Mr|Ms|Mrs|Dr|This is|I am|I'm)\b\.?[ \t]+"
_AFTER_PERSON = (
    r"[ \t\u3000]*(?:様|さま|さん|殿|氏|くん|君)|[- ](?:san|sama)\b"
    r"|[ \t]*(?:です|と申します|と申し|でございます|より)|[ \t]*[,、。.]?[ \t\r]*$|[ \t]+here\b"
)
_TITLE_AFTER = r"[ \t\u3000]*(?:様|さま|さん|殿|氏|くん|君)|[- ](?:san|sama)\b"
_WRITTEN = policy.compat32.clone(linesep="\r\n", max_line_length=0)
_REMOVED = b"removed: this file named a person who was erased"


STRUCTURED = frozenset(
    """
    case channel codec id impact item key kind language level message of origin priority ref role rule state status
    urgency vendor waiting_on what
    """.split()
)
"""JSON keys whose values are ids and fixed terms: names are not looked for in them."""


def is_whole(name: str) -> bool:
    """Whether the name identifies one person in any context: it has two words, or a digit."""
    return len(re.findall(r"[^\s\u3000,]+", name)) > 1 or (len(name) > 3 and any(letter.isdigit() for letter in name))


class Mask:
    """Finds one person's address and names, in any case and spacing, and replaces them with ``alias``."""

    def __init__(self, address: str, names: Sequence[str], alias: str) -> None:
        """``alias``: letters and digits, repeated and cut to length. ``names``: also other words for the person."""
        self.address = address.casefold()
        self.names = tuple(dict.fromkeys(name.strip() for name in names if len(name.strip()) > 1))
        self._alias = alias
        local, _, domain = self.address.rpartition("@")
        self._address = re.compile(
            rf"(?<![\w.+-]){re.escape(local)}(?:\+[^\s@<>\"]*)?(?={_AT}{re.escape(domain)}(?![\w-]|\.\w))", re.I
        )
        whole = [name for name in self.names if is_whole(name)]
        self._names = re.compile("|".join(_spellings(whole)) or r"(?!)", re.I)
        self._single = re.compile(_single_patterns([name for name in self.names if not is_whole(name)]), re.I | re.M)
        self._needles = tuple(_needles((self.address, *self.names)).items())

    def hits(self, text: str) -> bool:
        """Whether the text names the person."""
        return any(pattern.search(text) for pattern in (self._address, self._names, self._single))

    def found(self, text: str) -> set[str]:
        """Return the words of the text that would be replaced."""
        words = {match[0] for pattern in (self._address, self._names) for match in pattern.finditer(text)}
        return words | {match[0][len(match[1] or "") :] for match in self._single.finditer(text)}

    def text(self, text: str) -> str:
        """Return the text with the person's address and names replaced; unchanged if they do not occur."""
        named = self._names.sub(self._blank, self.address_in(text))
        return self._single.sub(lambda match: (before := match[1] or "") + self.blank(match[0][len(before) :]), named)

    def address_in(self, text: str) -> str:
        """Return the text with the person's address replaced; names stay."""
        return self._address.sub(self._blank, text)

    def blank(self, name: str) -> str:
        """Replace all letters and digits of a name."""
        letters = iter(self._alias * (len(name) // len(self._alias) + 1))
        return "".join(next(letters) if letter.isalnum() else letter for letter in name)

    def data(self, value: Any) -> Any:
        """Mask a JSON value. Names are replaced in text, but not in keys or in values of keys in ``STRUCTURED``."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.data(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        own = str(value.get("address", "")).casefold() == self.address
        masked = {}
        for key, inner in value.items():
            if isinstance(inner, str) and own and key == "name":
                inner = self.blank(inner)
            elif isinstance(inner, str) and key in STRUCTURED:
                inner = self.address_in(inner)
            else:
                inner = self.data(inner)
            masked[self.address_in(str(key))] = inner
        return masked

    def hits_bytes(self, raw: bytes) -> bool:
        """Whether the bytes name the person, in any encoding used in mail."""
        lower = raw.lower()
        names = {name for needle, names in self._needles if needle in lower for name in names}
        return any(
            self.hits(raw[at:].decode(name, "ignore")) for name in names for at in ((0, 1) if "16" in name else (0,))
        )

    def mail(self, raw: bytes) -> bytes | None:
        """Return the mail with the person masked; None if the mail does not name the person.

        Headers, texts and attachments are searched in decoded form; an attachment that names the person is removed. If
        the result still names the person, a plain-text mail with headers and text replaces it.
        """
        message = message_from_bytes(raw, policy=_WRITTEN)
        if not self._mask_part(message) and not self.seen(raw):
            return None
        try:
            masked = message.as_bytes(policy=_WRITTEN)
        except (ValueError, LookupError, TypeError, AttributeError, KeyError):  # the generator cannot write it
            masked = raw
        return self._plain(raw) if self.seen(masked) else masked

    def seen(self, raw: bytes) -> bool:
        """Whether the person is named in this mail as shown to a reader, or in its bytes."""
        if self.hits_bytes(raw):
            return True
        for part in message_from_bytes(raw, policy=_WRITTEN).walk():
            if any(self.hits(f"{name}: {_read(value)}") for name, value in part.raw_items()):
                return True
            if not part.is_multipart() and self._seen_in(part):
                return True
        return self.hits(repr(parse(raw)))

    def _seen_in(self, part: Message) -> bool:
        payload = _payload(part)
        text = html.unescape(_text(part, payload))
        return self.hits_bytes(payload) or self.hits(text) or self.hits(re.sub(r"<[^>]*>", "", text))

    def _mask_part(self, part: Message) -> bool:
        changed = self._mask_headers(part)
        for side in ("preamble", "epilogue"):
            if (around := getattr(part, side)) and self.hits(around):
                setattr(part, side, self.text(around))
                changed = True
        if part.is_multipart():
            inner: Any = part.get_payload()
            for one in inner:
                changed = self._mask_part(one) or changed
            return changed
        if not self._seen_in(part):
            return changed
        payload = _payload(part)
        text = _text(part, payload)
        if part.get_content_maintype() == "text" and self.text(text) != text:
            _set(part, self.text(text).encode("utf-8", "replace"), "utf-8")
        elif part.get_content_maintype() == "message" and (nested := self.mail(payload)):
            _set(part, nested, None)
        else:
            _set(part, _REMOVED, None)
        return True

    def _mask_headers(self, part: Message) -> bool:
        changed = False
        headers = []
        for name, value in part.raw_items():
            shown = _raw(value)
            if name.lower() in _ADDRESS_FIELDS:
                shown = self._without_display_names(shown)
            written = _ENCODED.sub(self._mask_encoded, self.text(shown))
            if written != _raw(value):
                changed = True
                headers.append((self.text(name), written))
            else:
                headers.append((name, value))
        if changed:
            part._headers = headers  # type: ignore[attr-defined]
        return changed

    def _without_display_names(self, field: str) -> str:
        """Mask the display names beside the person's address in an address field (RFC 5322 §3.4)."""
        for found in reversed(list(self._address.finditer(field))):
            before = field[: found.start()].rstrip()
            if not before.endswith("<"):
                continue
            end = len(before[:-1].rstrip())
            if field[:end].endswith('"'):
                start = max(0, field.rfind('"', 0, end - 1))
            else:
                start = max(field.rfind(mark, 0, end) for mark in ",;:<>") + 1
            name = field[start:end]
            blank = _encoded(self.blank(encoded.words(name))) if _ENCODED.search(name) else self.blank(name)
            field = (
                field[:start] + (" " if name[:1].isspace() and not blank[:1].isspace() else "") + blank + field[end:]
            )
        return field

    def words_in_mail(self, raw: bytes) -> set[str]:
        """Return the words of a decoded mail that would be replaced."""
        words = self.found(repr(parse(raw)))
        for part in message_from_bytes(raw, policy=_WRITTEN).walk():
            words.update(*(self.found(_read(value)) for _, value in part.raw_items()))
            if not part.is_multipart():
                words |= self.found(_text(part, _payload(part)))
        return words

    def _mask_encoded(self, found: re.Match[str]) -> str:
        read = encoded.words(found[0])
        return _encoded(self.text(read)) if self.hits(read) else found[0]

    def _plain(self, raw: bytes) -> bytes:
        """Return a masked plain-text mail of the parsed headers and text, if the mail itself cannot be masked."""
        mail = parse(raw)
        heads = [("Subject", mail.subject or "")]
        if mail.message_id:
            heads.append(("Message-ID", mail.message_id))
        if mail.date is not None:
            heads.append(("Date", format_datetime(mail.date)))
        for field, people in (("From", (mail.from_,) if mail.from_ else ()), ("To", mail.to), ("Cc", mail.cc)):
            masked = ((self.blank if one.key == self.address else self.text)(one.name) for one in people)
            shown = ", ".join(f"{_encoded(name)} <{one.address}>" for name, one in zip(masked, people, strict=True))
            if shown:
                heads.append((field, shown))
        top = "".join(f"{name}: {one if one.isascii() else _encoded(one)}\r\n" for name, one in heads)
        lines = (
            "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        )
        body = self.text(mail.text).replace("\r\n", "\n").replace("\n", "\r\n")
        return (self.text(top) + lines + body + "\r\n").encode("utf-8", "replace")

    def _blank(self, found: re.Match[str]) -> str:
        return self.blank(found[0])


def _single_patterns(names: Sequence[str]) -> str:
    """Return the pattern for one-word names in contexts that mark a person; group 1 is the text before, which stays."""
    if not names:
        return r"(?!)"
    either = "|".join(
        rf"(?<!{_LETTER}){re.escape(name)}(?!{_LETTER})" if name.isascii() else re.escape(name)
        for name in sorted(names, key=len, reverse=True)
    )
    alone = rf"{_LINE_START}(?=(?:{either})(?:{_AFTER_PERSON}))"
    return rf"({alone}|{_GREETING})(?:{either})|(?:{either})(?={_TITLE_AFTER})"


def _spellings(names: Sequence[str]) -> list[str]:
    """Return patterns for names, longest first: words in both orders, with any separator between them."""
    found: dict[str, None] = {}
    for name in sorted(names, key=len, reverse=True):
        parts = [re.escape(part) for part in re.split(r"[\s\u3000,]+", name) if part]
        for order in (parts, parts[::-1]):
            between = _SPACE if not name.isascii() else r"(?:[\s\u00a0,.]|%20|=20|_)+"
            pattern = between.join(order)
            found[rf"(?<!{_LETTER}){pattern}(?!{_LETTER})" if name.isascii() else pattern] = None
    return list(found)


def _needles(words: Sequence[str]) -> dict[bytes, list[str]]:
    """Return the bytes of each word in each encoding, in lower case → encodings; for a fast first search."""
    found: dict[bytes, list[str]] = {}
    for word in words:
        for part in re.split(r"[\s\u3000,@]+", word):
            for name in _ENCODINGS:
                try:
                    needle = part.encode(name)
                except UnicodeError:
                    continue
                if name == "iso2022_jp":
                    needle = re.sub(rb"\x1b[$(][B@J]", b"", needle)  # the escape sequence may be further away
                found.setdefault(needle.lower(), []).append(name)
    found.pop(b"", None)
    return found


def _raw(value: Any) -> str:
    """Return a header as written; 8-bit bytes are decoded like mail."""
    written = str(value) if not isinstance(value, str) else value
    raw = written.encode("utf-8", "surrogateescape")
    return written if raw.isascii() else charset.decode(raw)[0]


def _read(value: Any) -> str:
    return encoded.words(_raw(value))


def _payload(part: Message) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def _text(part: Message, payload: bytes) -> str:
    label = part.get_param("charset")
    return charset.decode(payload, label if isinstance(label, str) else None)[0]


def _set(part: Message, payload: bytes, label: str | None) -> None:
    del part["Content-Transfer-Encoding"]
    if part.get_content_maintype() == "message":  # RFC 2046 §5.2.1: not in base64
        part.set_payload(payload.decode("ascii", "surrogateescape"))
        part["Content-Transfer-Encoding"] = "8bit"
        return
    if label:
        part.set_param("charset", label)
    part.set_payload(payload)
    encode_base64(part)


def _encoded(words: str) -> str:
    """Encode as encoded words (RFC 2047), or as a quoted string if it is ASCII."""
    if words.isascii():
        return f'"{quote(words)}"' if words else ""
    return Header(words, "utf-8", maxlinelen=998).encode()
