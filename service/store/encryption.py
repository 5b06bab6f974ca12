"""Encrypts what the database keeps and others could use: secrets of webhooks, tokens of mailboxes.

The key is in a file beside the database or where ``SODAN_KEY_FILE`` says, never in the database: whoever reads a dump,
a backup or a replica has the secrets without their key. Each line of the file is a Fernet key (AES-128-CBC with
HMAC-SHA-256); the first encrypts, all decrypt, so a new key is put in front. Several hosts share one file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import make_url

from service.errors import Refused, Unavailable
from service.settings import Settings
from service.store.private import create_file, make_folder

_CLEAR = "whsec_"
"""How a secret begins that an earlier version stored as it is (standardwebhooks.com)."""


class SecretBox:
    """Encrypts and decrypts with the key of one file; the file is made when something is first encrypted."""

    def __init__(self, path: Path | None) -> None:
        """``path``: None where no file was named, then nothing can be encrypted."""
        self.path = path

    def encrypt(self, secret: str) -> str:
        """Raises Refused where no key file is named, Unavailable where it cannot be read or made."""
        if self.path is None:
            raise Refused("SODAN_KEY_FILE: name a file for the key that secrets are encrypted with")
        with contextlib.suppress(FileExistsError):
            _create_key(self.path)
        return self._cipher().encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """The secret. One of an earlier version, stored as it is, is returned. Raises Refused, Unavailable."""
        if is_clear(stored):
            return stored
        try:
            return self._cipher().decrypt(stored.encode()).decode()
        except InvalidToken:
            raise Refused(f"{self.path}: not the key that this secret was encrypted with") from None

    def _cipher(self) -> MultiFernet:
        if self.path is None:
            raise Refused("SODAN_KEY_FILE: secrets are encrypted, and no key file is named")
        try:
            lines = self.path.read_text("ascii").split()
            if not lines:
                raise ValueError
            return MultiFernet([Fernet(line) for line in lines])
        except FileNotFoundError:
            raise Refused(f"{self.path} is missing: restore the key, or make the webhooks anew") from None
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise Refused(f"{self.path}: expected a key in each line, 32 bytes in URL-safe base64") from None


def is_clear(stored: str) -> bool:
    """Whether an earlier version stored this secret as it is."""
    return stored.startswith(_CLEAR)


def secret_box(settings: Settings) -> SecretBox:
    """As ``SODAN_KEY_FILE`` says; empty: beside the SQLite database."""
    return SecretBox(key_path(settings))


def key_path(settings: Settings) -> Path | None:
    """Where the key is; None on PostgreSQL unless it is named."""
    if settings.key_file is not None:
        return settings.key_file
    database = make_url(settings.database_url).database if settings.database_url.startswith("sqlite") else None
    return Path(f"{database}.key") if database and database != ":memory:" else None


def _create_key(path: Path) -> None:
    """Made beside and linked, so that of two processes one wins and none reads half a key. Raises FileExistsError."""
    if path.exists():
        raise FileExistsError
    try:
        make_folder(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            with os.fdopen(create_file(draft, exclusive=True), "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise
    except OSError as error:
        raise Unavailable(f"{path} cannot be made: {error.strerror}") from None
