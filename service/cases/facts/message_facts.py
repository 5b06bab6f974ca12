"""Facts of one message for placement; stored as JSON, the same for every channel."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from mailrules.thread import Side
from service.cases.facts.sender import Trust
from service.mail.message import Origin

KEPT_NODES = 2_048  # messages whose decoded facts are cached
IN_COLUMNS = ("id", "case", "pinned", "joined", "placed")


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """Facts of one message."""

    id: int  # id in the store; negative until the message is stored
    at: datetime  # when it was written (UTC): its own date, or the time of receipt if the date is missing or impossible
    case: int | None = None  # the case that it belongs to now
    pinned: int | None = None  # the case that a person moved it to; no rule moves it again
    joined: int | None = None  # the case that a person merged several into; equal values stay together
    placed: str = ""  # kind of the evidence for its case
    origin: Origin = "delivered"
    dated: bool = True  # whether ``at`` is its own date
    ahead: int = 0  # seconds by which its own date is later than its receipt: the sender's clock is fast
    author: str = ""  # case-folded address
    author_name: str = ""
    side: Side = "unknown"
    forged: bool = False  # DMARC failed for this mail or the one around it: it never changes the state of the case
    trust: Trust = ""  # how certain the author is (see ``sender``); empty also if this was not recorded yet
    hosted: bool = False  # the author's domain is that of one customer at a help desk provider (``acme.zendesk.com``)
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    message_id: str | None = None
    parents: tuple[str, ...] = ()  # Message-IDs of In-Reply-To
    refs: tuple[str, ...] = ()  # Message-IDs of References without those of In-Reply-To, oldest first
    base: str = ""  # base subject (RFC 5256 §2.1, see ``subject``)
    has_subject: bool = True  # false if the subject is unknown (an attribution line has none), as opposed to empty
    reply_marked: bool = False
    automatic: str | None = None
    bounced: str | None = None  # for a bounce: Message-ID of the mail that bounced
    thread_index: str | None = None
    vendor: str | None = None  # vendor of the author or of a recipient, otherwise the one that the text names
    maker: str | None = None  # maker of the product named in the text, if no vendor is known
    to_vendor: str | None = None  # vendor of a recipient
    partner: str | None = None  # the author's company if no vendor file describes it (``roles.company_of``)
    to_partner: str | None = None  # first such company among the recipients
    stated: tuple[tuple[str, str], ...] = ()  # case numbers as (vendor, number) that the mail states as such
    mentioned: tuple[tuple[str, str], ...] = ()  # case numbers as (vendor, number) that the mail only mentions
    told: tuple[str, ...] = ()  # words of the subject and text that may be a case number of any vendor
    matter_numbers: tuple[str, ...] = ()  # those of ``told`` after a label for one matter: case, job, order, invoice
    claims: tuple[int, ...] = ()  # our own case keys in the subject: claims, valid only if the author may name the case
    token: int | None = None  # the case named by a valid signed token
    fresh: bool = False  # see `Reading.departs`
    shown_by: str = ""  # the unknown sender in whose mail it was found; nothing else confirms its author and text
    hands_on: bool = False  # whether an unknown sender forwards a vendor's mail with it
    tells_previous: bool = False  # whether it refers to another case as a previous or related one
    kind: str | None = None  # kind by the rules applied to this message alone: incident, howto, billing, …
    continues: float = 0.0  # -2 to 2: whether its words go on with an earlier matter (positive) or begin one
    words: tuple[str, ...] = ()  # topic words (see ``content_words``)
    subject_words: tuple[str, ...] = ()
    text: str = ""  # squashed beginning of its new text, for comparison
    others: tuple[str, ...] = ()  # addresses of the author and recipients outside the team, at most six
    holds: tuple[int, ...] = ()  # ids of the messages found inside it

    @property
    def doubted(self) -> bool:
        """Whether its author is not trusted: forged, or one of our own people without verification."""
        return self.forged or self.trust == "unverified"

    @property
    def label(self) -> int | None:
        """The case that a person assigned it to, if any."""
        return self.pinned if self.pinned is not None else self.joined

    @property
    def is_outsider(self) -> bool:
        """Whether its author is unknown or from a partner: they may only affect cases that they take part in."""
        return self.side == "unknown" or self.partner is not None

    @property
    def trusted(self) -> bool:
        """Whether its author probably wrote it: it is neither forged nor shown only by an unknown sender."""
        return not self.forged and not self.shown_by

    @property
    def is_shown(self) -> bool:
        """Whether it is known only from another mail and has no Message-ID."""
        return self.origin != "delivered" and not self.message_id

    @property
    def about(self) -> str | None:
        """The vendor that it is about, or the maker of the product."""
        return self.vendor or self.maker

    @property
    def companies(self) -> frozenset[str]:
        """Vendors and partners that it is from, addressed to or about."""
        return frozenset(name for name in (self.about, self.to_vendor, self.partner, self.to_partner) if name)

    @property
    def company(self) -> str | None:
        """The author's partner company, otherwise the vendor of the author, of a recipient or named in the text."""
        return self.partner or self.vendor

    @property
    def asked(self) -> tuple[str, ...]:
        """Vendors and partners that a mail of ours is sent to; for an internal note, the vendor it names."""
        if self.side not in ("team", "requester"):
            return ()
        note = self.vendor if self.side == "team" and not self.others else None
        return tuple(company for company in dict.fromkeys((self.to_vendor, self.to_partner, note)) if company)

    @property
    def counterpart(self) -> str | None:
        """The partner that it is from, or that our mail is addressed to."""
        return self.partner or (self.to_partner if self.side in ("team", "requester") else None)

    @property
    def headerless(self) -> bool:
        """Whether its headers name no earlier mail."""
        return not self.parents and not self.refs

    @property
    def is_reply(self) -> bool:
        """Whether it was delivered as a reply."""
        return self.origin == "delivered" and (self.reply_marked or not self.headerless)

    def document(self) -> dict[str, Any]:
        """Return the facts as a JSON object, without those that the store keeps in columns."""
        out = {name: value for name in _STORED if (value := getattr(self, name))}
        return out | {"at": self.at.isoformat(), "dated": self.dated, "has_subject": self.has_subject}


_NAMES = frozenset(field.name for field in fields(MessageFacts))
_STORED = [field.name for field in fields(MessageFacts) if field.name not in IN_COLUMNS]
_DECODER = msgspec.json.Decoder(MessageFacts)


@lru_cache(KEPT_NODES)
def node_from_json(
    written: str, *, id: int, case: int, pinned: int | None, joined: int | None, placed: str
) -> MessageFacts:
    """Restore facts from JSON text. Cached, since a message of an open case is a candidate for many mails."""
    columns = {"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed}
    kept = msgspec.json.encode(columns).decode()
    try:
        return _DECODER.decode(f"{kept[:-1]},{written[1:]}")
    except msgspec.DecodeError:  # no fields, or written by another version
        return _restored(msgspec.json.decode(written), columns)


def _restored(document: dict[str, Any], columns: dict[str, Any]) -> MessageFacts:
    """Restore facts field by field; fields that this version does not know are ignored."""
    known = {name: value for name, value in document.items() if name in _NAMES}
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}
    for name in {"stated", "mentioned"} & values.keys():
        values[name] = tuple((str(vendor), str(ref)) for vendor, ref in values[name])
    if "at" in values:
        values["at"] = datetime.fromisoformat(values["at"])
    return MessageFacts(**(values | columns))


def order_of(node: MessageFacts) -> tuple[datetime, str, str, str]:
    """Sort key for the order of writing: the earlier of date and receipt, whatever the order of arrival."""
    return (node.at - timedelta(seconds=node.ahead), node.message_id or "", node.author, node.text[:80])
