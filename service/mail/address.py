"""Parses address lists (RFC 5322 §3.4; obsolete forms §4.4), including malformed ones."""

import re
from collections.abc import Iterable

from service.mail import encoded
from service.mail.message import Address

MAX_ADDRESSES = 5_000
MAX_ADDRESS = 320
"""Maximum bytes of one address (RFC 5321 §4.5.3.1: 64 before the ``@``, 255 after it); a longer one is discarded."""
MAX_NAME = 500  # maximum number of characters kept of one name
_SIMPLE = re.compile(r'(?:"([^"\\<>]*+)"|([^"\\<>(),;:@\[\]]*+))[ \t]*+<([^\s<>"(),;:\[\]]+@[^\s<>"(),;:\[\]@]+)>\Z')
"""Matches most fields, ``name <address>``, faster than the tokens."""
_TOKEN = re.compile(r'=\?[^?\s]{1,60}\?[bBqQ]\?[^?]*\?=|"(?:[^"\\]|\\.)*+"?|[(),;:<>]|[^(),;:<>"=]+|=')
_ADDRESS = re.compile(r"(?<![^\s<>\"',;:()\[\]@])[^\s<>\"',;:()\[\]@]{1,320}+@[^\s<>\"',;:()\[\]@]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_UNQUOTE = re.compile(r"\\(.)")


def addresses(raw: bytes | None, hint: str | None = None) -> tuple[Address, ...]:
    """Return the mailboxes of a raw address field such as To. Never raises. ``hint``: the charset of the body."""
    return parse_list(encoded.decode_bytes(raw, hint)) if raw else ()


def parse_list(value: str) -> tuple[Address, ...]:
    """Return at most ``MAX_ADDRESSES`` mailboxes of an address list, with the members of groups.

    Each has a shortened name, and no address if it is too long.
    """
    value = value.replace("\x00", "").strip()
    simple = _SIMPLE.match(value)
    mailboxes = [Address(_name(simple[1] or simple[2] or ""), _mailbox(simple[3]))] if simple else _scan(_tokens(value))
    return tuple(
        Address((mailbox.name or mailbox.address)[:MAX_NAME])
        if len(mailbox.address.encode("utf-8", "replace")) > MAX_ADDRESS
        else Address(mailbox.name[:MAX_NAME], mailbox.address)
        for mailbox in mailboxes
    )


def _scan(tokens: Iterable[str]) -> list[Address]:
    """Parse an address list in one pass. Quotes, comments and angle brackets may be unclosed."""
    mailboxes: list[Address] = []
    phrase = comment = ""  # of the current mailbox
    angle: list[str] | None = None  # its tokens in angle brackets
    depth, inside = 0, False  # of parentheses; whether an angle bracket is open
    for piece in tokens:
        in_route = inside and angle and angle[0].startswith("@")  # a source route, <@a,@b:c@d> (RFC 5322 §4.4)
        if piece == "(" and not inside:
            depth += 1
        elif piece == ")" and depth:
            depth -= 1
        elif depth:
            comment += piece
        elif piece == "<":
            inside, angle = True, angle if angle and any(map(str.strip, angle)) else []
        elif piece == ">":
            inside = False
        elif piece == ";" or (piece == "," and not in_route):
            _add(mailboxes, phrase, comment, angle)
            phrase, comment, angle, inside = "", "", None, False
        elif inside and angle is not None:
            angle.append(piece)
        elif piece == ":" and "@" not in phrase and angle is None:
            phrase = comment = ""  # the name of a group, "Name: a, b;" (RFC 5322 §3.4), or "mailto:"
        else:
            phrase += piece
    _add(mailboxes, phrase, comment, angle)
    return mailboxes


def _add(mailboxes: list[Address], phrase: str, comment: str, angle: list[str] | None) -> None:
    phrase, comment = phrase.strip(), comment.strip()
    mailbox = _address(phrase, comment) if angle is None else _address("".join(angle).strip(), phrase or comment)
    if mailbox is None or len(mailboxes) >= MAX_ADDRESSES:
        return
    last = mailboxes[-1] if mailboxes else Address()
    if last.name and not last.address and mailbox.address and mailbox.name:
        # "Doe, John <j@x>" without quotation marks
        mailboxes[-1] = Address(f"{last.name}, {mailbox.name}", mailbox.address)
    else:
        mailboxes.append(mailbox)


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
