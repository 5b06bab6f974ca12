"""Parses address lists (RFC 5322 §3.4, §4.4), including malformed ones."""

from __future__ import annotations

import re

from service.mail import encoded
from service.mail.message import Address

MAX_ADDRESSES = 5_000
MAX_ADDRESS = 320
"""Maximum bytes of one address (RFC 5321 §4.5.3.1: 64 before the ``@``, 255 after it); a longer one is discarded."""
MAX_NAME = 500
"""Maximum number of characters kept of one name."""
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+\Z")
_SIMPLE = re.compile(r'(?:"([^"\\<>]*+)"|([^"\\<>(),;:@\[\]]*+))[ \t]*+<([^\s<>"(),;:\[\]]+@[^\s<>"(),;:\[\]@]+)>\Z')
_TOKEN = re.compile(r'=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*\?=|"(?:[^"\\]|\\.)*+"?|[(),;:<>]|[^(),;:<>"=]+|=')
_LOCAL = re.compile(r"[^\s<>\"',;:()\[\]@]+\Z")
_DOMAIN = re.compile(r"[^\s<>\"',;:()\[\]@]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_UNQUOTE = re.compile(r"\\(.)")


def addresses(raw: bytes | None, hint: str | None = None) -> tuple[Address, ...]:
    """Return the mailboxes of an address field with groups flattened and names decoded. Never raises; bounded."""
    if not raw:
        return ()
    return listed(encoded.plain(raw, hint))


def listed(value: str) -> tuple[Address, ...]:
    """Return the mailboxes of an address list that is already characters; encoded words are still decoded."""
    found = _listed(value)
    return found if len(value) <= MAX_ADDRESS // 4 else tuple(map(_fit, found))


def _fit(one: Address) -> Address:
    """Discard an address that is too long and truncate the name, so that one field cannot be as long as a mail."""
    is_one = len(one.address.encode("utf-8", "replace")) <= MAX_ADDRESS
    if is_one and len(one.name) <= MAX_NAME:
        return one
    return Address((one.name or ("" if is_one else one.address))[:MAX_NAME], one.address if is_one else "")


def _listed(value: str) -> tuple[Address, ...]:
    value = value.replace("\x00", "").strip()
    if _PLAIN.match(value):
        return (Address("", value),)
    simple = _SIMPLE.match(value)
    if simple is not None:
        name = simple[1] if simple[1] is not None else simple[2]
        return (Address(_name(name), _mailbox(simple[3])),)
    found = _Scanner(value).run()
    if not any(a.address for a in found) and "=?" in value:
        # the whole field, with the address, is inside an encoded word
        again = encoded.words(value)
        if "@" in again and again != value:
            found = _Scanner(again).run()
    return tuple(found)


class _Scanner:
    """Parses the tokens in one pass; quotes, comments and angle brackets may be unclosed."""

    def __init__(self, value: str) -> None:
        self.tokens = _tokens(value)
        self.found: list[Address] = []
        self.reset()

    def reset(self) -> None:
        self.phrase: list[str] = []
        self.comment: list[str] = []
        self.angle: list[str] | None = None

    def run(self) -> list[Address]:
        depth = 0
        inside = False
        for piece in self.tokens:
            if len(self.found) >= MAX_ADDRESSES:
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
        return self.found

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
        if not address.strip() and not name:
            return
        made = _address(address.strip(), name)
        if made is not None:
            # "Doe, John <j@x>" unquoted: the words before the comma belong to the name
            if self.found and made.address and not self.found[-1].address and self.found[-1].name and made.name:
                name = f"{self.found.pop().name}, {made.name}"
                made = Address(name, made.address)
            self.found.append(made)


def _tokens(value: str) -> list[str]:
    """Return the tokens of a list; an unclosed quote is dropped, so that it does not swallow the rest."""
    tokens: list[str] = _TOKEN.findall(value)
    if tokens and tokens[-1].startswith('"') and (len(tokens[-1]) == 1 or not tokens[-1].endswith('"')):
        tokens[-1:] = _TOKEN.findall(tokens[-1].replace('"', ""))
    return tokens


def _address(address: str, name: str) -> Address | None:
    address = _mailbox(address)
    if "@" in address and not re.search(r"\s", address):
        return Address(_name(name), address)
    found = _any(address)
    if found is not None:
        rest = address.replace(found, " ", 1).strip()
        return Address(_name(name or rest), found.rstrip("."))
    # only a name, or a local part without a domain
    if name and address and not re.search(r"\s", address):
        return Address(_name(name), address)
    return Address(_name(address or name), "") if (address or name) else None


def _any(value: str) -> str | None:
    """Return the first part of ``value`` that has the form of an address; None if there is none."""
    at = value.find("@")
    while at >= 0:
        local = _LOCAL.search(value, max(0, at - 320), at)
        domain = _DOMAIN.match(value, at + 1)
        if local is not None and domain is not None:
            return f"{local.group()}@{domain.group()}"
        at = value.find("@", at + 1)
    return None


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
    value = encoded.words(value)
    value = re.sub(r"[\s\x00-\x1f]+", " ", value).strip()
    if len(value) > 1 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return value
