"""Replaces the address and names of a person by other letters of the same length.

The length stays equal, because stored evidence refers to positions in texts. In an address, only the part before the
``@`` is replaced. The domain stays: it identifies no person, and shows the side of the author.

A name of several words or with digits is replaced everywhere; a single word only where it refers to a person: beside a
title, in a self-introduction, or alone on a line as in a signature. Next to the address, ``ERASED`` replaces the name.

A sender can choose any display name. Therefore ``own_names``, the names in From, are replaced only next to the address
and in what the person wrote: ``Mask.author`` and ``Mask.quoting``.
"""

import html
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.utils import format_datetime, quote
from functools import cached_property
from typing import Any

from service.mail import charset, encoded
from service.mail.address import addresses
from service.mail.message import Address, Mail
from service.mail.name_patterns import is_distinctive, name_patterns, needles, one_word_pattern
from service.mail.parse import parse

_AT = r"(?:@|=40|%40|=|&#64;|&#x40;|&commat;)"
"""The ``@`` in plain text, quoted-printable, links, return paths (VERP) and HTML."""
_ADDRESS_FIELDS = frozenset("from to cc bcc reply-to sender resent-from resent-to resent-cc resent-sender".split())
_POLICY = policy.compat32.clone(linesep="\r\n", max_line_length=0)
ERASED = "(erased)"  # the display name of an erased person
_REMOVED = b"removed: this file named a person who was erased"
_SEGMENTS = re.compile(r"([\r\n]+|<[^<>]*>)")  # separates the lines of a text and the texts of HTML
_QUOTE_MARKS = re.compile(r"[>|\s]*(?:[A-Za-z-]{2,12}[:：]\s*)*")  # also "Re: " and "Subject: "

STRUCTURED = frozenset(
    """
    case channel codec id impact item key kind language level message of origin priority ref role rule state status
    urgency vendor waiting_on what
    """.split()
)
"""JSON keys whose values are ids or fixed terms, in which names are not replaced."""


@dataclass
class Mask:
    """Finds and replaces the address and names of one person, without regard to case.

    ``alias``: the letters and digits used as replacement, repeated as often as needed. ``own_lines`` and the following:
    see `quoting`.
    """

    address: str
    names: Sequence[str]
    alias: str
    own_names: Sequence[str] = ()
    own_lines: Collection[str] = ()
    own_text: str = ""
    own_messages: Collection[str] = ()

    def __post_init__(self) -> None:
        self.address = self.address.casefold()
        self.names = tuple(dict.fromkeys(name.strip() for name in self.names if len(name.strip()) > 1))
        self.own_names = tuple(name for name in self.own_names if name not in self.names)
        local, _, domain = self.address.rpartition("@")
        self._address = re.compile(
            rf"(?<![\w.+-]){re.escape(local)}(?:\+[^\s@<>\"]*)?(?={_AT}{re.escape(domain)}(?![\w-]|\.\w))", re.I
        )
        own = "|".join(name_patterns(self.own_names)) or r"(?!)"
        beside = rf"(?:{own})(?=[\"'”]?\s?(?:[<(（\[]|&lt;)?{self._address.pattern})"
        whole_names = "|".join(name_patterns(filter(is_distinctive, self.names))) or r"(?!)"
        one_word = one_word_pattern([name for name in self.names if not is_distinctive(name)])
        others = (re.compile(pattern, re.I | re.M) for pattern in (whole_names, one_word))
        self._patterns = (re.compile(beside, re.I), self._address, *others)
        self._needles = needles((self.address, *self.names, *(self.own_names if self.own_lines else ())))

    @cached_property
    def author(self) -> "Mask":
        """The mask for text that the person wrote. It also replaces the names in From."""
        return Mask(self.address, (*self.names, *self.own_names), self.alias) if self.own_names else self

    def quoting(self, lines: Collection[str], text: str = "", messages: Collection[str] = ()) -> "Mask":
        """Return the mask for mail and data that quote the person. Names in From are replaced in quotes only.

        ``lines``: see `lines_of`. ``text``: the person's texts; any part of it is a quote. ``messages``: ids of the
        person's messages; JSON that names another message is no quote.
        """
        return replace(self, own_lines=lines, own_text=text, own_messages=messages)

    def lines_of(self, text: str) -> set[str]:
        """Return the lines of the person's text that contain the name in From, without quote marks."""
        return {_unquoted(part) for part in _SEGMENTS.split(text) if self.author.mentions(part)}

    def in_mail(self, mail: Mail, lines: Collection[str]) -> "Mask":
        """Return the mask for a raw mail.

        It depends on whether the person wrote the mail, and on whether the mail quotes the person. ``lines``: see
        `lines_of`.
        """
        authors = [inner.from_ for inner in (*mail.forwarded, *mail.history)]
        if self._is_person(mail.from_):
            return self.author
        if any(map(self._is_person, authors)):
            return self.quoting({*lines} - self.lines_of(mail.reply_text))
        return self

    def _is_person(self, author: Address | None) -> bool:
        return author is not None and author.address.casefold() == self.address

    def _quotes(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield the parts of a text, and whether each quotes the person with a name in From."""
        if not (self.own_lines or self.own_text):
            yield text, False
            return
        for part in _SEGMENTS.split(text):
            line = _unquoted(part) if self.author.mentions(part) else ""  # few parts: the search in the texts is slow
            yield part, bool(line) and (line in self.own_lines or " ".join(line.rstrip("…").split()) in self.own_text)

    def mentions(self, text: str) -> bool:
        """Return whether the text contains the address or a name of the person."""
        return any(pattern.search(text) for pattern in self._patterns) or any(its for _, its in self._quotes(text))

    def matches(self, text: str) -> set[str]:
        """Return all parts of a text that ``Mask.text`` replaces."""
        matches = (match for pattern in self._patterns for match in pattern.finditer(text))
        found = {match[0].removeprefix(_before(match)) for match in matches}
        return found.union(*(self.author.matches(part) for part, is_quote in self._quotes(text) if is_quote))

    def text(self, text: str) -> str:
        """Return the text with the person's address and names replaced."""
        text = "".join(self.author.text(part) if is_quote else part for part, is_quote in self._quotes(text))
        for pattern in self._patterns:
            text = pattern.sub(lambda match: _before(match) + self.blank(match[0].removeprefix(_before(match))), text)
        return text

    def address_in(self, text: str) -> str:
        """Return the text with the person's address replaced, but not the names."""
        return self._address.sub(lambda match: self.blank(match[0]), text)

    def blank(self, name: str) -> str:
        """Return the name with all its letters and digits replaced."""
        letters = itertools.cycle(self.alias)
        return "".join(next(letters) if letter.isalnum() else letter for letter in name)

    def data(self, value: Any) -> Any:
        """Return a JSON value with the person masked. Under the keys in ``STRUCTURED``, only addresses are replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.data(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if self.own_messages and str(value.get("message") or "") not in {"", *self.own_messages}:
            return self.quoting(()).data(value)
        is_person = str(value.get("address", "")).casefold() == self.address
        masked = {}
        for key, inner in value.items():
            if isinstance(inner, str) and is_person and key == "name":
                inner = ERASED if inner else ""
            elif isinstance(inner, str) and key in STRUCTURED:
                inner = self.address_in(inner)
            else:
                inner = self.data(inner)
            masked[self.address_in(str(key))] = inner
        return masked

    def mentions_in_bytes(self, raw: bytes) -> bool:
        """Return whether bytes contain the address or a name, in any charset common in mail."""
        lower = raw.lower()
        codecs = [codec for codec, words in self._needles.items() if any(word in lower for word in words)]
        texts = (raw[start:].decode(codec, "ignore") for codec in codecs for start in range(2 if "16" in codec else 1))
        return any(map(self.mentions, texts))  # text in UTF-16 may begin at an odd byte

    def mail(self, raw: bytes) -> bytes | None:
        """Return the raw mail with the person masked; None if the mail does not mention the person.

        An attachment that mentions the person is removed. If the masked mail still mentions the person, a plain-text
        mail with the main headers and the text replaces it.
        """
        if not self.mentions_in_mail(raw):
            return None
        message = message_from_bytes(raw, policy=_POLICY)
        self._mask_part(message)
        try:
            masked = message.as_bytes(policy=_POLICY)
        except (ValueError, LookupError, TypeError, AttributeError, KeyError):  # the generator cannot write it
            masked = raw
        return self._plain_mail(raw) if self.mentions_in_mail(masked) else masked

    def mentions_in_mail(self, raw: bytes) -> bool:
        """Return whether the raw mail mentions the person, in its bytes or as mail programs show it."""
        if self.mentions_in_bytes(raw):
            return True
        payloads = map(_payload, message_from_bytes(raw, policy=_POLICY).walk())
        return any(map(self.mentions_in_bytes, payloads)) or any(map(self.mentions, _texts_of_mail(raw)))

    def _mask_part(self, part: Message) -> None:
        self._mask_headers(part)
        for side in ("preamble", "epilogue"):
            if text_outside := getattr(part, side):
                setattr(part, side, self.text(text_outside))
        if part.is_multipart():
            children: Any = part.get_payload()
            for child in children:
                self._mask_part(child)
        elif self.mentions_in_bytes(_payload(part)) or any(map(self.mentions, _texts_of(part))):
            payload = _payload(part)
            text = _text(part, payload)
            if part.get_content_maintype() == "text" and self.text(text) != text:
                _set_payload(part, self.text(text).encode("utf-8", "replace"), "utf-8")
            elif part.get_content_maintype() == "message" and (nested := self.mail(payload)):
                _set_payload(part, nested, None)
            else:
                _set_payload(part, _REMOVED, None)

    def _mask_headers(self, part: Message) -> None:
        headers = []
        for name, value in part.raw_items():
            shown = encoded.decode_field(_raw(value))
            if not self.mentions(f"{name}: {shown}"):
                headers.append((name, value))
            elif name.lower() in _ADDRESS_FIELDS:
                headers.append((name, ", ".join(map(self._person, addresses(_raw(value))))))
            else:
                headers.append((self.text(name), _field(self.text(shown))))
        part._headers = headers  # type: ignore[attr-defined]

    def words_in_mail(self, raw: bytes) -> set[str]:
        """Return all parts of the decoded mail that ``Mask.mail`` replaces."""
        return set().union(*map(self.matches, _texts_of_mail(raw)))

    def _plain_mail(self, raw: bytes) -> bytes:
        """Return a new plain-text mail with the main headers and the text, masked."""
        mail = parse(raw)
        fields = {
            "Subject": mail.subject,
            "Message-ID": mail.message_id or "",
            "Date": format_datetime(mail.date) if mail.date else "",
            "From": self._person(mail.from_) if mail.from_ else "",
            "To": ", ".join(map(self._person, mail.to)),
            "Cc": ", ".join(map(self._person, mail.cc)),
        }
        lines = [f"{name}: {_field(value)}" for name, value in fields.items() if value]
        kind = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit"
        content = "\n".join([self.text("\n".join(lines)), kind, "", self.text(mail.text), ""])
        return content.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace")

    def _person(self, person: Address) -> str:
        """Return a person as an address field states it (RFC 5322 §3.4), masked."""
        is_masked = self._address.match(person.address) is not None
        name = self.text(person.name) if not is_masked else ERASED if person.name else ""
        written = f'"{quote(name)}"' if name.isascii() and name else _field(name)
        return f"{written} <{self.text(person.address)}>" if person.address else written


def _unquoted(line: str) -> str:
    """Return a line in lower case, without quote marks, reply marks and space around it."""
    return line[_QUOTE_MARKS.match(line).end() :].strip().casefold()  # type: ignore[union-attr]


def _before(match: re.Match[str]) -> str:
    """Return the text before a one-word name that ``one_word_pattern`` matched with it."""
    return (match[1] or "") if match.re.groups else ""


def _raw(value: Any) -> bytes:
    """Return a header value as it was written."""
    return str(value).encode("utf-8", "surrogateescape")


def _payload(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _texts_of_mail(raw: bytes) -> Iterator[str]:
    """Yield the texts of all parts of a mail, and the parsed mail."""
    for part in message_from_bytes(raw, policy=_POLICY).walk():
        yield from _texts_of(part)
    yield repr(parse(raw))


def _texts_of(part: Message) -> Iterator[str]:
    """Yield the decoded header fields and the text of a part; HTML also without tags."""
    for name, value in part.raw_items():
        yield f"{name}: {encoded.decode_field(_raw(value))}"
    text = html.unescape(_text(part, _payload(part)))
    yield from (text, re.sub(r"<[^>]*>", "", text))


def _text(part: Message, payload: bytes) -> str:
    label = part.get_param("charset")
    return charset.decode(payload, label if isinstance(label, str) else None)[0]


def _set_payload(part: Message, payload: bytes, label: str | None) -> None:
    del part["Content-Transfer-Encoding"]
    if part.get_content_maintype() == "message":  # RFC 2046 §5.2.1: not in base64
        part.set_payload(payload.decode("ascii", "surrogateescape"))
        part["Content-Transfer-Encoding"] = "8bit"
        return
    if label:
        part.set_param("charset", label)
    part.set_payload(payload)
    encode_base64(part)


def _field(text: str) -> str:
    """Return the text of a header field on one line, with encoded words (RFC 2047) if needed."""
    text = " ".join(text.split())
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=998).encode()
