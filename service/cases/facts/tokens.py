"""Signed tokens, each of which names a case. A sender knows a token only if we sent it.

A token is ``<case>.<mac>``: the case number in base 36, and 80 bits of its HMAC-SHA-256 in base 32. It is lower case,
because mail systems may change the case of a plus-tag (``intake+3f.k5…@``) or of a Message-ID.
"""

import base64
import hmac
import re
from hashlib import sha256

import numpy as np

_TOKEN = re.compile(r"^([0-9a-z]{1,12})\.([a-z2-7]{16})$", re.ASCII)
_OWN_ID = re.compile(r"^<sodan\.([0-9a-z]{1,12}\.[a-z2-7]{16})\.[^@<>\s]{1,80}@[^@<>\s]+>$", re.ASCII | re.IGNORECASE)


def token(case: int, secret: bytes) -> str:
    """Return the token that names ``case``."""
    name = np.base_repr(case, 36).lower()
    return f"{name}.{_mac(name, secret)}"


def case_of_token(text: str, secret: bytes) -> int | None:
    """Return the case that a token names; None if the signature is invalid."""
    found = _TOKEN.match(text.casefold())
    if found is None or not secret or not hmac.compare_digest(found[2], _mac(found[1], secret)):
        return None
    return int(found[1], 36)


def own_message_id(case: int, unique: str, domain: str, secret: bytes) -> str:
    """Return a Message-ID for a mail that we send in ``case``. ``unique`` must differ for every mail."""
    return f"<sodan.{token(case, secret)}.{unique}@{domain}>"


def case_of_message_id(message_id: str, secret: bytes) -> int | None:
    """Return the case that one of our Message-IDs names; None for any other Message-ID."""
    found = _OWN_ID.match(message_id)
    return case_of_token(found[1], secret) if found else None


def case_of_address(address: str, secret: bytes) -> int | None:
    """Return the case named by the plus-tag of an intake address; None if there is none."""
    local = address.rpartition("@")[0]
    return case_of_token(local.partition("+")[2], secret) if "+" in local else None


def _mac(name: str, secret: bytes) -> str:
    digest = hmac.new(secret, b"sodan case " + name.encode(), sha256).digest()[:10]
    return base64.b32encode(digest).decode().casefold()
