"""What the loop asks of a server that keeps a mailbox, and how a server's trouble is told."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from service.errors import Unavailable


class MailboxError(Unavailable):
    """A mailbox cannot be read now: why, and what to do about it. Tried again, later each time."""

    def __init__(self, cause: str, next_step: str, *, retry_after: float | None = None) -> None:
        """``retry_after``: seconds the server wants to be left alone."""
        super().__init__(f"{cause}: {next_step}")
        self.cause = cause
        self.next_step = next_step
        self.retry_after = retry_after


class SignInRefused(MailboxError):
    """The server or the token endpoint does not accept who we are."""


class FolderMissing(MailboxError):
    """One folder cannot be opened; the others can."""


class MailUnreadable(MailboxError):
    """The server is well, and yet does not give out this one mail."""


@dataclass(frozen=True, slots=True)
class Found:
    """A mail that lies in a folder. ``place`` names it within its mailbox for ever."""

    place: str
    arrived_at: datetime
    size: int | None = None
    """In bytes, where the server says so."""


@dataclass(frozen=True, slots=True)
class Page:
    """Mails of a folder, and how far it was read once all of them are kept."""

    found: Sequence[Found]
    position: str


@dataclass(frozen=True, slots=True)
class FolderState:
    """What ``sodan mailbox test`` tells of a folder."""

    mails: int | None
    problems: Sequence[tuple[str, str]] = ()
    """Cause and next step of each thing that would fail."""
    notes: Sequence[str] = ()
    """What works and should still be known."""


class Source(Protocol):
    """A server and one mailbox on it. All methods raise MailboxError; after one, ``close`` and ``open`` begin anew."""

    batch: int
    """Mails to fetch at once."""

    def open(self) -> None:
        """Connect and sign in, where that is not done already."""

    def close(self) -> None:
        """Hang up, without a word where that would fail."""

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        """Mails that came into ``folder`` after ``position`` (a value of ``Page.position``), oldest first."""

    def fetch(self, folder: str, found: Sequence[Found]) -> dict[str, bytes | None]:
        """Contents by place; None where the mail is no longer there. Raises MailUnreadable."""

    def find(self, folder: str, place: str) -> Found | None:
        """A mail that could not be taken before; None where it is no longer there."""

    def mark(self, folder: str, places: Sequence[str]) -> None:
        """Flag or move these mails, as chosen; done twice it changes nothing."""

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        """Return when there may be something new, after ``seconds`` at the latest, or soon after ``stop``."""

    def examine(self, folder: str) -> FolderState:
        """Whether the folder can be read, and what is to be done with its mails can be done."""

    def subject(self, folder: str, found: Found) -> str:
        """The subject, for a dry run."""


class TokenSource(Protocol):
    """Gives out access tokens."""

    def token(self) -> str:
        """A valid access token. Raises MailboxError."""

    def refused(self) -> bool:
        """A server did not believe it: throw it away; True where there was one."""


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whom to believe about a server: the system's authorities, or those of a file. Raises MailboxError."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise MailboxError(f"ca_file {ca_file} cannot be read: {error.strerror}", "name a PEM file") from None


TokenStore = tuple[Callable[[], dict[str, str]], Callable[[dict[str, str]], None]]
"""Reads and keeps what a sign-in wants to know again after a restart."""
