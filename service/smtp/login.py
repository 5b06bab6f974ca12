"""Login with AUTH PLAIN (RFC 4616) and AUTH LOGIN, in the dialogue of RFC 4954 §4."""

import asyncio
from base64 import b64decode, b64encode
from binascii import Error

from service.smtp.connection import Connection, LineTooLong
from service.smtp.passwords import Passwords
from service.smtp.transaction import CommandError


class WrongPassword(CommandError):
    """Name and password do not match."""


async def log_in(connection: Connection, passwords: Passwords, argument: str) -> None:
    """Check name and password of a client. ``argument``: of the AUTH command. Raises CommandError."""
    mechanism, _, initial_response = argument.partition(" ")
    if mechanism.upper() == "PLAIN":
        parts = (_decode_response(initial_response) if initial_response else await _ask(connection, b"")).split(b"\0")
        if len(parts) != 3:
            raise CommandError("501 5.5.2 expected three parts: authorization identity, name, password")
        _, name, password = parts  # the first part, the authorization identity, is ignored
    elif mechanism.upper() == "LOGIN":
        name = _decode_response(initial_response) if initial_response else await _ask(connection, b"Username:")
        password = await _ask(connection, b"Password:")
    else:
        raise CommandError("504 5.5.4 mechanism not implemented")
    if not await asyncio.to_thread(passwords.match, name, password):
        raise WrongPassword("535 5.7.8 wrong name or password")


async def _ask(connection: Connection, challenge: bytes) -> bytes:
    connection.reply(f"334 {b64encode(challenge).decode()}")
    try:
        line = await connection.read_line()
    except LineTooLong:
        raise CommandError("500 5.5.6 line too long") from None
    if line is None:
        raise CommandError("421 4.4.2 connection lost")
    if line.strip() == b"*":
        raise CommandError("501 5.7.0 cancelled")
    return _decode_response(line.rstrip(b"\r\n").decode("ascii", "replace"))


def _decode_response(written: str) -> bytes:
    if written == "=":  # RFC 4954 §4: an empty initial response
        return b""
    try:
        return b64decode(written.encode(), validate=True)
    except Error:
        raise CommandError("501 5.5.2 not base64") from None
