"""A parsed mail: what ``parse`` returns and all other modules use.

All values are immutable and do no I/O. ``None`` means that the mail does not state the value; an empty tuple means that
it states that there is none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

NOT_FULLY_READ = "not-fully-read"
"""Defect code of a mail whose processing took too long."""

Automatic = Literal["auto_reply", "bounce", "receipt", "calendar", "notification"]
Origin = Literal["delivered", "forwarded", "attached", "quoted"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox (RFC 5322 §3.4). ``address`` is as written; compare with ``key``."""

    name: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        """Case-folded address for comparison."""
        return self.address.casefold()

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name and self.address else self.address or self.name


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail. ``part`` is the path to its bytes in the raw mail (see ``parse.attachment``)."""

    filename: str
    content_type: str
    size: int
    """Bytes after decoding."""
    sha256: str
    part: str
    inline: bool = False
    """Whether it is shown inside the body (a logo, an embedded picture), by Content-ID or disposition."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A mail found inside another: forwarded inline, attached as message/rfc822, or recovered from quoted text."""

    origin: Origin
    from_: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str | None = None
    date: datetime | None = None
    """Always with an offset; see ``zone_assumed``."""
    zone_assumed: bool = False
    """Whether the header block states no zone and the offset was assumed."""
    text: str = ""
    """Text that its author wrote, without signature; its own quotes are further ``Earlier`` objects."""
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw_part: str | None = None
    """Path to its bytes in the raw mail, if it was attached."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """Content of a delivery report (RFC 3464 or free text)."""

    recipients: tuple[str, ...] = ()
    status: str | None = None
    """Enhanced status code such as ``5.1.1`` (RFC 3463)."""
    message_id: str | None = None
    """Message-ID of the mail that bounced, if the report returns its headers."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One parsed mail. What the mail does not tell is None or empty."""

    message_id: str | None = None
    """With angle brackets, without white space (RFC 5322 §3.6.4)."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: Address | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None
    """The Date header with its offset (UTC if it states none)."""
    text: str = ""
    """The whole body as text."""
    reply_text: str = ""
    """Text that the sender wrote: no quoted or forwarded mail, signature or banner."""
    quoted_text: str = ""
    """The rest of the body: quoted and forwarded text."""
    intro: str = ""
    """Text that a forwarder wrote above the forwarded mail; empty if nothing was forwarded."""
    signature: str = ""
    forwarded: tuple[Earlier, ...] = ()
    """Forwarded mails, outermost first."""
    history: tuple[Earlier, ...] = ()
    """Earlier mails recovered from quoted text, newest first."""
    attachments: tuple[Attachment, ...] = ()
    language: str = "und"
    """Language of the new text as ISO 639-1; ``und`` if there is too little text."""
    automatic: Automatic | None = None
    auto_submitted: bool = False
    """Whether a machine sent it, by its headers (RFC 3834 and older ones) or as an automatic reply."""
    bounce: Bounce | None = None
    thread_index: str | None = None
    """Root of Exchange's Thread-Index: its first 22 bytes in hex."""
    headers: dict[str, str] = field(default_factory=dict)
    """Other header fields, decoded, by lower-case name: ``x-original-sender``, ``resent-from``, ``list-id``,
    ``importance``, ``x-priority``, ``precedence``, ticket fields of vendors …"""
    authentication_results: tuple[tuple[int, str], ...] = ()
    """Authentication-Results headers, topmost first: (number of Received lines above, value)."""
    relayed: bool = False
    """Whether it has a Received line, so that a server relayed it."""
    relayed_at: datetime | None = None
    """When the last server before us received it, by the topmost Received line; None if that states no time."""
    defects: tuple[str, ...] = ()
    """Codes of oddities found while parsing, such as ``charset-wrong`` and ``date-invalid``."""
    error: str | None = None
    """Why nothing could be read (an empty mail); otherwise None."""
