"""The file of users that may log in (RFC 4954).

Lines are ``name:scrypt$salt$hash``, made by ``sodan smtp-password``.
"""

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from pathlib import Path

from service.errors import Refused

_COST = 2**14  # the cost parameter N of scrypt: an attempt takes 16 MB and about 40 ms


class Passwords:
    """Names and password hashes, read once. Raises Refused if the file cannot be read or has a wrong line."""

    def __init__(self, file: Path) -> None:
        self._hashes: dict[str, tuple[bytes, bytes]] = {}
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"SODAN_SMTP_PASSWORDS: {file} cannot be read") from error
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, _, stored = line.rpartition(":")
            try:
                kind, salt, digest = stored.strip().split("$")
                self._hashes[name.strip()] = (b64decode(salt, validate=True), b64decode(digest, validate=True))
            except ValueError:
                kind = ""
            if kind != "scrypt" or not name.strip():
                raise Refused(f"SODAN_SMTP_PASSWORDS: {file}, line {number}: expected name:scrypt$salt$hash")

    def match(self, name: bytes, password: bytes) -> bool:
        """Return whether name and password match. Blocks, and takes the same time for an unknown name."""
        salt, digest = self._hashes.get(name.decode("utf-8", "replace"), (b"nobody", b""))
        return hmac.compare_digest(_hash(password, salt), digest)


def password_line(name: str, password: str) -> str:
    """Return the line for a user in the file."""
    salt = os.urandom(16)
    return f"{name}:scrypt${b64encode(salt).decode()}${b64encode(_hash(password.encode(), salt)).decode()}"


def _hash(password: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=_COST, r=8, p=1, dklen=32)
