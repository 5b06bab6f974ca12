"""A parsed mail: the immutable values that ``parse`` returns and all other modules use."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

NOT_FULLY_READ = "not-fully-read"  # defect code of a mail that was not completely processed, because that took too long

Automatic = Literal["auto_reply", "bounce", "receipt", "calendar", "notification"]
Origin = Literal["delivered", "forwarded", "attached", "quoted"]


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox (RFC 5322 §3.4). ``address`` is as written; use ``key`` to compare."""

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
    """A file in a mail. ``part`` identifies it within the raw mail (see ``parse.attachment``)."""

    filename: str
    content_type: str
    size: int  # bytes after decoding
    sha256: str
    part: str
    inline: bool = False  # whether the file is a picture shown inside the body, such as a logo


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier mail inside another: forwarded, attached as message/rfc822, or quoted."""

    origin: Origin
    from_: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str | None = None
    date: datetime | None = None  # always with a UTC offset; see ``zone_assumed``
    zone_assumed: bool = False  # whether the offset of ``date`` is an assumption, because the text states no zone
    text: str = ""
    """Text that its author wrote, without signature. Mails quoted in it are separate ``Earlier`` objects."""
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    raw_part: str | None = None  # path of the root part of the mail, if it was attached; see `parse.attached_mail`


@dataclass(frozen=True, slots=True)
class Bounce:
    """Content of a delivery report (RFC 3464 or free text)."""

    recipients: tuple[str, ...] = ()
    status: str | None = None  # enhanced status code such as ``5.1.1`` (RFC 3463)
    message_id: str | None = None  # Message-ID of the mail that bounced, if the report returns its headers


@dataclass(frozen=True, slots=True)
class Mail:
    """One parsed mail. A value that the mail does not state is None or empty."""

    message_id: str | None = None  # in the form ``<id>`` (RFC 5322 §3.6.4), as all ids of mails
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    from_: Address | None = None
    sender: Address | None = None
    reply_to: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    subject: str = ""
    date: datetime | None = None  # the Date header with its UTC offset; UTC if the header states none
    text: str = ""  # the whole body as text
    reply_text: str = ""  # new text of the sender, without quoted and forwarded mails, signature and added warnings
    quoted_text: str = ""  # the rest of the body: quoted and forwarded text
    intro: str = ""  # text that the sender wrote above a forwarded mail; empty if nothing was forwarded
    forwarded: tuple[Earlier, ...] = ()  # forwarded mails, outermost first
    history: tuple[Earlier, ...] = ()  # quoted mails, newest first
    attachments: tuple[Attachment, ...] = ()
    language: str = "und"  # language of the new text (ISO 639-1); ``und`` if there is too little text
    automatic: Automatic | None = None
    auto_submitted: bool = False  # whether a machine sent the mail (see ``automatic.sent_by_machine``)
    bounce: Bounce | None = None
    thread_index: str | None = None
    """The part of Exchange's Thread-Index that all mails of a conversation share, in hex."""
    headers: dict[str, str] = field(default_factory=dict)
    """Other header fields, decoded, by lower-case name: ``x-original-sender``, ``resent-from``, ``list-id``,
    ``importance``, ``x-priority``, ``precedence``, ticket fields of vendors …"""
    authentication_results: tuple[tuple[int, str], ...] = ()
    """(number of Received lines above, value) of each Authentication-Results header, topmost first."""
    relayed: bool = False  # whether the mail has a Received line, which servers add
    relayed_at: datetime | None = None
    """The time in the topmost Received line: when the last server before us received the mail."""
    defects: tuple[str, ...] = ()
    """Codes of irregularities, such as ``charset-wrong`` and ``date-invalid`` (docs/reading.md)."""
    error: str | None = None  # set only for an empty mail
