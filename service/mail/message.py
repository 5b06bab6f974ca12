"""A mail as understood: what ``parse`` returns and everything above it works with.

All values are immutable and carry no I/O. ``None`` means "the mail does not say"; an empty tuple means
"the mail says: nobody / nothing".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

NOT_FULLY_READ = "not-fully-read"
"""The defect of a mail whose reading took too long."""

Automatic = Literal["auto_reply", "bounce", "receipt", "calendar", "notification"]
Origin = Literal["delivered", "forwarded", "attached", "quoted"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox (RFC 5322 §3.4). ``address`` is as written; compare with ``key``."""

    name: str = ""
    address: str = ""

    @property
    def key(self) -> str:
        """For comparison: case folded."""
        return self.address.casefold()

    @property
    def domain(self) -> str:
        return self.key.rpartition("@")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name and self.address else self.address or self.name


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a mail. ``part`` is the way to its bytes in the raw mail (see ``parse.attachment``)."""

    filename: str
    content_type: str
    size: int
    """Bytes after decoding."""
    sha256: str
    part: str
    inline: bool = False
    """Shown inside the body (a logo, an embedded picture), by Content-ID or disposition."""


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
    """The header block named no zone; the offset is the containing mail's."""
    text: str = ""
    """What its author newly wrote (its own quotes and signature are taken off into further ``Earlier``s)."""
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw_part: str | None = None
    """Where its own bytes are inside the raw mail, if it was attached."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report says (RFC 3464, or read from free text)."""

    recipients: tuple[str, ...] = ()
    status: str | None = None
    """Enhanced status code such as ``5.1.1`` (RFC 3463)."""
    message_id: str | None = None
    """Of the mail that bounced, if the report returned its headers."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, read. Every field has a value for every input: parsing never raises."""

    message_id: str | None = None
    """With angle brackets, white space removed (RFC 5322 §3.6.4)."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: Address | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None
    """The Date header, with its offset (UTC where it states none)."""
    text: str = ""
    """The whole body as text."""
    reply_text: str = ""
    """What the sender newly wrote: no quoted history, no forwarded mail, no signature, no banner."""
    quoted_text: str = ""
    """The rest of the body: history, forwarded text."""
    intro: str = ""
    """What a forwarder wrote above the forwarded mail (empty where nothing was forwarded)."""
    signature: str = ""
    forwarded: tuple[Earlier, ...] = ()
    """Outermost first."""
    history: tuple[Earlier, ...] = ()
    """Earlier mails recovered from quoted text, newest first."""
    attachments: tuple[Attachment, ...] = ()
    language: str = "und"
    """Of the new text: ISO 639-1, ``und`` where there is too little text."""
    automatic: Automatic | None = None
    auto_submitted: bool = False
    """The headers say that a machine sent it (RFC 3834 and its older cousins)."""
    bounce: Bounce | None = None
    thread_index: str | None = None
    """Root of Exchange's Thread-Index: hex of its 22 leading bytes."""
    headers: dict[str, str] = field(default_factory=dict)
    """Further headers worth keeping as facts, decoded, lower-case names: ``x-original-sender``, ``resent-from``,
    ``list-id``, ``importance``, ``x-priority``, ``precedence``, vendors' ticket headers …
    """
    authentication_results: tuple[tuple[int, str], ...] = ()
    """Authentication-Results headers, topmost first: the number of Received lines above, and the value."""
    relayed: bool = False
    """A server handed it on: it bears a Received line."""
    relayed_at: datetime | None = None
    """When the last server before us took it, by the topmost Received line; None too where that tells no time."""
    defects: tuple[str, ...] = ()
    """Codes of oddities met while reading, e.g. ``charset-wrong``, ``date-invalid``."""
    error: str | None = None
    """Why nothing could be read (an empty mail), else None."""
