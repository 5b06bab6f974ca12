"""AUTH PLAIN (RFC 4616) and AUTH LOGIN, with the exchange of RFC 4954 §4."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from binascii import Error

from service.smtp.passwords import Passwords
from service.smtp.transaction import Fault
from service.smtp.wire import LineTooLong, Wire


class WrongPassword(Fault):
    """Name and password do not match."""


async def log_in(wire: Wire, passwords: Passwords, argument: str) -> str:
    """Run the mechanism named in AUTH; returns the name of the user. Raises Fault."""
    mechanism, _, initial = argument.partition(" ")
    if mechanism.upper() == "PLAIN":
        parts = (_decode(initial) if initial else await _ask(wire, b"")).split(b"\0")
        if len(parts) != 3:
            raise Fault("501 5.5.2 expected three parts: authorization identity, name, password")
        _, name, password = parts  # the first part, the authorization identity, is ignored
    elif mechanism.upper() == "LOGIN":
        name = _decode(initial) if initial else await _ask(wire, b"Username:")
        password = await _ask(wire, b"Password:")
    else:
        raise Fault("504 5.5.4 mechanism not implemented")
    if not await asyncio.to_thread(passwords.match, name, password):
        raise WrongPassword("535 5.7.8 wrong name or password")
    return name.decode()


async def _ask(wire: Wire, challenge: bytes) -> bytes:
    wire.say(f"334 {b64encode(challenge).decode()}")
    try:
        line = await wire.line()
    except LineTooLong:
        raise Fault("500 5.5.6 line too long") from None
    if line is None:
        raise Fault("421 4.4.2 connection lost")
    if line.strip() == b"*":
        raise Fault("501 5.7.0 cancelled")
    return _decode(line.rstrip(b"\r\n").decode("ascii", "replace"))


def _decode(written: str) -> bytes:
    if written == "=":  # RFC 4954 §4: an empty initial response
        return b""
    try:
        return b64decode(written.encode(), validate=True)
    except Error:
        raise Fault("501 5.5.2 not base64") from None
