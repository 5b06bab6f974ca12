"""Signed tokens: a case can be named from outside only by who got the name from us.

A token is ``<case>.<mac>``: the case's number in base 36 and 80 bits of HMAC-SHA-256 over it in base 32, lower case,
so that it survives as a plus-tag (``intake+3f.k5…@``) and inside a Message-ID of ours.
"""

from __future__ import annotations

import base64
import hmac
import re
from hashlib import sha256

_TOKEN = re.compile(r"^([0-9a-z]{1,12})\.([a-z2-7]{16})$", re.ASCII)
_OWN_ID = re.compile(r"^<sodan\.([0-9a-z]{1,12}\.[a-z2-7]{16})\.[^@<>\s]{1,80}@[^@<>\s]+>$", re.ASCII | re.IGNORECASE)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def token(case: int, secret: bytes) -> str:
    """The token that names ``case``."""
    name = _base36(case)
    return f"{name}.{_mac(name, secret)}"


def case_of_token(text: str, secret: bytes) -> int | None:
    """The case a token names; None where it is not one of ours or was tampered with."""
    found = _TOKEN.match(text.casefold())
    if found is None or not secret or not hmac.compare_digest(found[2], _mac(found[1], secret)):
        return None
    return int(found[1], 36)


def own_message_id(case: int, unique: str, domain: str, secret: bytes) -> str:
    """A Message-ID for a mail we send in ``case``; ``unique`` makes it so."""
    return f"<sodan.{token(case, secret)}.{unique}@{domain}>"


def case_of_message_id(message_id: str, secret: bytes) -> int | None:
    """The case named by a Message-ID of ours; None for any other."""
    found = _OWN_ID.match(message_id)
    return case_of_token(found[1], secret) if found else None


def case_of_address(address: str, secret: bytes) -> int | None:
    """The case named by the plus-tag of an intake address."""
    local = address.rpartition("@")[0]
    return case_of_token(local.partition("+")[2], secret) if "+" in local else None


def _mac(name: str, secret: bytes) -> str:
    digest = hmac.new(secret, b"sodan case " + name.encode(), sha256).digest()[:10]
    return base64.b32encode(digest).decode().casefold()


def _base36(number: int) -> str:
    out = ""
    while True:
        number, rest = divmod(number, 36)
        out = _DIGITS[rest] + out
        if not number:
            return out
