"""Encrypts secrets in the database: signing secrets of webhooks, access tokens of mailboxes.

The key is in a file beside the database, or in ``SODAN_KEY_FILE``, never in the database: a dump, backup or replica
contains no key. Each line of the file is a Fernet key (AES-128-CBC with HMAC-SHA-256). The first line encrypts and all
decrypt, so a new key is added as the first line. Several hosts share one file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import make_url

from service.errors import Refused, Unavailable
from service.settings import Settings
from service.store.private import make_folder, write_draft

_CLEAR = "whsec_"  # prefix of secrets that an earlier version stored unencrypted (standardwebhooks.com)


class SecretBox:
    """Encrypts and decrypts with the key file, which is created on first encryption."""

    def __init__(self, path: Path | None) -> None:
        """``path``: None if no key file is configured; then nothing can be encrypted."""
        self.path = path

    def encrypt(self, secret: str) -> str:
        """Return ``secret`` encrypted.

        Raises Refused if no key file is configured or it is invalid, Unavailable if it cannot be read or created.
        """
        if self.path is None:
            raise Refused("SODAN_KEY_FILE: not set; set it to the path of a file for the key that encrypts secrets")
        _create_key(self.path)
        return self._cipher().encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """Return the secret; one that an earlier version stored unencrypted is returned as it is.

        Raises Refused, Unavailable.
        """
        if is_clear(stored):
            return stored
        try:
            return self._cipher().decrypt(stored.encode()).decode()
        except InvalidToken:
            raise Refused(
                f"{self.path}: not the key that encrypted the secret; restore that key, or create the webhook again"
            ) from None

    def _cipher(self) -> MultiFernet:
        if self.path is None:
            raise Refused(
                "SODAN_KEY_FILE: not set, but the database has encrypted secrets; set it to the file with their key"
            )
        try:
            lines = self.path.read_text("ascii").split()
            if not lines:
                raise ValueError
            return MultiFernet([Fernet(line) for line in lines])
        except FileNotFoundError:
            raise Refused(f"{self.path} is missing: restore the key, or create the webhooks again") from None
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise Refused(f"{self.path}: expected one key per line, 32 bytes in URL-safe base64") from None


def is_clear(stored: str) -> bool:
    """Whether an earlier version stored this secret unencrypted."""
    return stored.startswith(_CLEAR)


def secret_box(settings: Settings) -> SecretBox:
    """Return the SecretBox of the configured key file."""
    return SecretBox(key_path(settings))


def key_path(settings: Settings) -> Path | None:
    """Return the path of ``SODAN_KEY_FILE``, by default beside the SQLite database; None if there is none."""
    if settings.key_file is not None:
        return settings.key_file
    database = make_url(settings.database_url).database if settings.database_url.startswith("sqlite") else None
    return Path(f"{database}.key") if database and database != ":memory:" else None


def _create_key(path: Path) -> None:
    """Create the key file by hard link, so that of two processes one wins and none reads a partial key."""
    if path.exists():
        return
    try:
        make_folder(path.parent)
        draft = write_draft(path, Fernet.generate_key() + b"\n")
        try:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path} cannot be created: {error.strerror}") from None
