"""Parses address lists (RFC 5322 §3.4; obsolete forms §4.4), including malformed ones."""

import re

from service.mail import encoded
from service.mail.message import Address

MAX_ADDRESSES = 5_000
MAX_ADDRESS = 320
"""Maximum bytes of one address (RFC 5321 §4.5.3.1: 64 before the ``@``, 255 after it); a longer one is discarded."""
MAX_NAME = 500  # maximum number of characters kept of one name
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+\Z")
_SIMPLE = re.compile(r'(?:"([^"\\<>]*+)"|([^"\\<>(),;:@\[\]]*+))[ \t]*+<([^\s<>"(),;:\[\]]+@[^\s<>"(),;:\[\]@]+)>\Z')
_TOKEN = re.compile(r'=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*\?=|"(?:[^"\\]|\\.)*+"?|[(),;:<>]|[^(),;:<>"=]+|=')
_ADDRESS = re.compile(r"(?<![^\s<>\"',;:()\[\]@])[^\s<>\"',;:()\[\]@]{1,320}+@[^\s<>\"',;:()\[\]@]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_UNQUOTE = re.compile(r"\\(.)")


def addresses(raw: bytes | None, hint: str | None = None) -> tuple[Address, ...]:
    """Return the mailboxes of a raw address field such as To. Never raises. ``hint``: the charset of the body."""
    return parse_list(encoded.decode_bytes(raw, hint)) if raw else ()


def parse_list(value: str) -> tuple[Address, ...]:
    """Return the mailboxes of an address list, at most ``MAX_ADDRESSES``; the members of groups are included."""
    return tuple(map(_limited, _parse(value)))


def _limited(mailbox: Address) -> Address:
    """Return the mailbox with a shortened name, and without an address that is too long."""
    if len(mailbox.address.encode("utf-8", "replace")) > MAX_ADDRESS:
        return Address((mailbox.name or mailbox.address)[:MAX_NAME])
    return Address(mailbox.name[:MAX_NAME], mailbox.address)


def _parse(value: str) -> tuple[Address, ...]:
    value = value.replace("\x00", "").strip()
    if _PLAIN.match(value):
        return (Address("", value),)
    simple = _SIMPLE.match(value)
    if simple is not None:
        return (Address(_name(simple[1] or simple[2] or ""), _mailbox(simple[3])),)
    return tuple(_Scanner(value).run())


class _Scanner:
    """Parses an address list in one pass over its tokens. Quotes, comments and angle brackets may be unclosed."""

    def __init__(self, value: str) -> None:
        self.tokens = _tokens(value)
        self.mailboxes: list[Address] = []
        self.reset()

    def reset(self) -> None:
        self.phrase: list[str] = []
        self.comment: list[str] = []
        self.angle: list[str] | None = None

    def run(self) -> list[Address]:
        depth = 0
        inside = False
        for piece in self.tokens:
            if len(self.mailboxes) >= MAX_ADDRESSES:
                break
            if piece == "(" and not inside:
                depth += 1
            elif piece == ")" and depth:
                depth -= 1
            elif depth:
                self.comment.append(piece)
            elif piece == "<":
                inside = True
                self.angle = [] if self.angle is None or not "".join(self.angle).strip() else self.angle
            elif piece == ">":
                inside = False
            elif inside and piece not in (",", ";"):
                assert self.angle is not None
                self.angle.append(piece)
            elif piece == ",":
                inside = self._comma(inside)
            elif piece == ";":
                inside = False
                self.flush()
            elif piece == ":" and "@" not in "".join(self.phrase) and self.angle is None:
                self.reset()  # the name of a group, "Name: a, b;" (RFC 5322 §3.4), or "mailto:"
            else:
                self.phrase.append(piece)
        self.flush()
        return self.mailboxes

    def _comma(self, inside: bool) -> bool:
        # a source route, <@a,@b:c@d> (RFC 5322 §4.4), or an unclosed bracket
        if inside and self.angle and "".join(self.angle).startswith("@"):
            self.angle.append(",")
            return True
        self.flush()
        return False

    def flush(self) -> None:
        phrase, comment = "".join(self.phrase).strip(), "".join(self.comment).strip()
        if self.angle is not None:
            address, name = "".join(self.angle), phrase or comment
        else:
            address, name = phrase, comment
        self.reset()
        mailbox = _address(address.strip(), name)
        if mailbox is not None:
            last = self.mailboxes[-1] if self.mailboxes else Address()
            if last.name and not last.address and mailbox.address and mailbox.name:
                # "Doe, John <j@x>" without quotation marks
                self.mailboxes.pop()
                mailbox = Address(f"{last.name}, {mailbox.name}", mailbox.address)
            self.mailboxes.append(mailbox)


def _tokens(value: str) -> list[str]:
    """Return the tokens of an address list. An unclosed quotation mark is ignored, so that it hides no address."""
    tokens: list[str] = _TOKEN.findall(value)
    if tokens and tokens[-1].startswith('"') and (len(tokens[-1]) == 1 or not tokens[-1].endswith('"')):
        tokens[-1:] = _TOKEN.findall(tokens[-1].replace('"', ""))
    return tokens


def _address(address: str, name: str) -> Address | None:
    address = _mailbox(address)
    if "@" in address and not re.search(r"\s", address):
        return Address(_name(name), address)
    if (email := _ADDRESS.search(address)) is not None:
        name_part = address.replace(email[0], " ", 1).strip()
        return Address(_name(name or name_part), email[0].rstrip("."))
    # only a name, or a local part without a domain
    if name and address and not re.search(r"\s", address):
        return Address(_name(name), address)
    return Address(_name(address or name), "") if (address or name) else None


def _mailbox(address: str) -> str:
    address = address.strip()
    if address[:7].casefold() == "mailto:":
        address = address[7:]
    if address.startswith("@") and ":" in address:
        address = address.rpartition(":")[2]
    if " " in address and "@" in address and len(address) < 1_000:
        squeezed = re.sub(r"\s*([.@])\s*", r"\1", address)
        if not re.search(r"\s", squeezed):
            address = squeezed
    return address.strip("'") if address.startswith("'") and address.endswith("'") else address


def _name(value: str) -> str:
    value = value.strip()
    quoted = _QUOTED.fullmatch(value)
    if quoted is not None:
        value = _UNQUOTE.sub(r"\1", quoted[1])
    elif '"' in value or "\\" in value:
        value = _UNQUOTE.sub(r"\1", value.replace('"', ""))
    value = encoded.decode_words(value)
    value = re.sub(r"[\s\x00-\x1f]+", " ", value).strip()
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return value
