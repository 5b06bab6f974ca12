"""Encrypts secrets in the database: signing secrets of webhooks, access tokens of mailboxes.

The key is in a file (``SODAN_KEY_FILE``, by default next to the SQLite file), so that no dump, backup or replica of the
database contains it. Each line of the file is a Fernet key (AES-128-CBC with HMAC-SHA-256). The first key encrypts, all
keys decrypt; a new key is added as the first line. All hosts need the same file.
"""

import contextlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import make_url

from service.errors import Refused, Unavailable
from service.settings import Settings
from service.store.private import make_folder, sqlite_file, written_file

_CLEAR = "whsec_"  # prefix of secrets that an earlier version stored unencrypted (standardwebhooks.com)


class SecretBox:
    """Encrypts and decrypts with the keys in a file, which is created on first encryption."""

    def __init__(self, path: Path | None) -> None:
        """``path``: the key file; None: none is configured."""
        self.path = path

    def encrypt(self, secret: str) -> str:
        """Return the encrypted secret. Raises Refused without a valid key file; Unavailable if it cannot be read."""
        if self.path is None:
            raise Refused("SODAN_KEY_FILE: not set; set it to the path of a file for the key that encrypts secrets")
        _create_key(self.path)
        return self._cipher().encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """Return the secret that is stored as ``stored``. Raises Refused, Unavailable."""
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
    """Return whether a stored secret is not encrypted, as in databases of earlier versions."""
    return stored.startswith(_CLEAR)


def secret_box(settings: Settings) -> SecretBox:
    return SecretBox(key_path(settings))


def key_path(settings: Settings) -> Path | None:
    """Return ``SODAN_KEY_FILE``, or the file next to the SQLite database. None on PostgreSQL without the setting."""
    if settings.key_file is not None:
        return settings.key_file
    database = sqlite_file(make_url(settings.database_url))
    return Path(f"{database}.key") if database else None


def _create_key(path: Path) -> None:
    """Create the key file if it does not exist. If two processes do so at once, only one can make the hard link."""
    if path.exists():
        return
    try:
        make_folder(path.parent)
        with written_file(path, Fernet.generate_key() + b"\n") as file, contextlib.suppress(FileExistsError):
            os.link(file, path)
    except OSError as error:
        raise Unavailable(f"{path} cannot be created: {error.strerror}") from None
