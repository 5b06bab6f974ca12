"""The interface of a mailbox server for the fetch loop, and its errors."""

import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from service.errors import Unavailable


class MailboxError(Unavailable):
    """A mailbox cannot be read now. sodan tries again automatically. ``next_step``: advice for the operator."""

    def __init__(self, cause: str, next_step: str, *, retry_after: float | None = None) -> None:
        """``retry_after``: minimum seconds to wait, as the server requires."""
        super().__init__(f"{cause}: {next_step}")
        self.cause = cause
        self.next_step = next_step
        self.retry_after = retry_after


class SignInRefused(MailboxError):
    """The server refuses the credentials, or the permissions are not sufficient."""


class FolderMissing(MailboxError):
    """A folder cannot be used; other folders of the mailbox can."""


class MailUnreadable(MailboxError):
    """The server does not return a mail, although it works."""


@dataclass(frozen=True, slots=True)
class ListedMail:
    """An entry of a folder's list of mails. ``place`` identifies the mail permanently within the mailbox."""

    place: str
    arrived_at: datetime
    size: int | None = None  # bytes; None if the server does not state it


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a folder's list of mails. ``position`` is stored once all its mails are stored."""

    mails: Sequence[ListedMail]
    position: str


@dataclass(frozen=True, slots=True)
class FolderState:
    """The information of ``sodan mailbox test`` about a folder."""

    mails: int | None
    problems: Sequence[tuple[str, str]] = ()  # (cause, next step) of each action that would fail
    notes: Sequence[str] = ()


class Source(Protocol):
    """One mailbox on a server. All methods may raise MailboxError; then call ``close`` before the next use."""

    batch: int  # maximum number of mails for one call of ``fetch``

    def open(self) -> None:
        """Connect and sign in if there is no connection."""

    def close(self) -> None:
        """Close the connections; errors are ignored."""

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        """List the mails after a ``Page.position``, oldest first. Those that arrived before ``since`` are left out."""

    def fetch(self, folder: str, mails: Sequence[ListedMail]) -> dict[str, bytes | None]:
        """Return place → raw mail, or None for a mail that no longer exists. Raises MailUnreadable."""

    def find(self, folder: str, place: str) -> ListedMail | None:
        """Return the list entry of a mail; None if the mail no longer exists."""

    def mark(self, folder: str, places: Sequence[str]) -> None:
        """Flag or move mails as ``After`` says. May be repeated."""

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        """Wait until there may be new mail, at most ``seconds`` or until ``stop`` is set."""

    def examine(self, folder: str) -> FolderState:
        """Check whether the mails of the folder can be read, and flagged or moved as ``After`` says."""


def encode_position(since: datetime | None, **position: Any) -> str:
    """Return a ``Page.position``: how far a folder was read, as JSON."""
    return json.dumps({**position, "since": since and since.isoformat()})


def decode_position(position: str | None, since: datetime | None) -> dict[str, Any]:
    """Return the value given to ``encode_position``, or {} to read the folder again.

    The folder is read again if the setting ``since`` was changed to an earlier time, so that older mail is fetched.
    """
    stored: dict[str, Any] = json.loads(position or "{}")
    stored_since = stored.get("since")
    wants_older = stored_since is not None and (since is None or since < datetime.fromisoformat(stored_since))
    return {} if wants_older else stored


def now() -> datetime:
    return datetime.now(UTC)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the authorities in ``ca_file`` or of the system. Raises MailboxError."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise MailboxError(
            f"ca_file {ca_file} cannot be read: {error.strerror}", "set ca_file to a readable PEM file"
        ) from None
