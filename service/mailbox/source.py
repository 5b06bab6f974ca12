"""The interface of a mailbox server for the fetch loop, and its errors."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from service.errors import Unavailable


class MailboxError(Unavailable):
    """A mailbox cannot be read now; with cause and next step. It is retried with growing delay."""

    def __init__(self, cause: str, next_step: str, *, retry_after: float | None = None) -> None:
        """``retry_after``: seconds the server asks to wait."""
        super().__init__(f"{cause}: {next_step}")
        self.cause = cause
        self.next_step = next_step
        self.retry_after = retry_after


class SignInRefused(MailboxError):
    """The server or the token endpoint does not accept the credentials or permissions."""


class FolderMissing(MailboxError):
    """One folder cannot be used; the others can."""


class MailUnreadable(MailboxError):
    """The server works but does not return this mail."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mail in a folder. ``place`` identifies it permanently within its mailbox."""

    place: str
    arrived_at: datetime
    size: int | None = None
    """In bytes, if the server reports it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Mails of a folder, and the position to store once all of them are stored."""

    found: Sequence[Found]
    position: str


@dataclass(frozen=True, slots=True)
class FolderState:
    """What ``sodan mailbox test`` shows about a folder."""

    mails: int | None
    problems: Sequence[tuple[str, str]] = ()
    """Cause and next step of each thing that would fail."""
    notes: Sequence[str] = ()
    """Remarks about things that work."""


class Source(Protocol):
    """One mailbox on a server. All methods raise MailboxError; after that, call ``close`` and ``open``."""

    batch: int
    """Mails to fetch at once."""

    def open(self) -> None:
        """Connect and sign in, unless connected."""

    def close(self) -> None:
        """Close the connections; errors are ignored."""

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        """Yield mails that came into ``folder`` after ``position`` (a value of ``Page.position``), oldest first."""

    def fetch(self, folder: str, found: Sequence[Found]) -> dict[str, bytes | None]:
        """Return the raw mails by place; None if a mail no longer exists. Raises MailUnreadable."""

    def find(self, folder: str, place: str) -> Found | None:
        """Return a mail that could not be fetched before; None if it no longer exists."""

    def mark(self, folder: str, places: Sequence[str]) -> None:
        """Flag or move these mails as configured; repeating it changes nothing."""

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        """Return when there may be new mail, after ``seconds`` at the latest, or soon after ``stop``."""

    def examine(self, folder: str) -> FolderState:
        """Check that the folder can be read, and its mails be flagged or moved as configured."""

    def subject(self, folder: str, found: Found) -> str:
        """Return the subject, for a dry run."""


def position_of(since: datetime | None, **reached: Any) -> str:
    """Return what to store about how far a folder was read."""
    return json.dumps({**reached, "since": since and since.isoformat()})


def reached(position: str | None, since: datetime | None) -> dict[str, Any]:
    """Return what was stored; empty if there is nothing, or if mail older than before is wanted."""
    kept: dict[str, Any] = json.loads(position or "{}")
    before = kept.get("since")
    older = before is not None and (since is None or since < datetime.fromisoformat(before))
    return {} if older else kept


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Return a TLS context that trusts the system's authorities, or those of ``ca_file``. Raises MailboxError."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise MailboxError(
            f"ca_file {ca_file} cannot be read: {error.strerror}", "set ca_file to a readable PEM file"
        ) from None


TokenStore = tuple[Callable[[], dict[str, str]], Callable[[dict[str, str]], None]]
"""Functions that read and store what a sign-in needs after a restart."""
