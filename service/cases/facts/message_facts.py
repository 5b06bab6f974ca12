"""Facts of one message for placement; stored as JSON, the same for every channel."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Self

import msgspec

from mailrules.thread import Side
from service.cases.facts.sender import Trust
from service.mail.message import Origin

KEPT_NODES = 2_048  # messages whose decoded facts are cached
IN_COLUMNS = ("id", "case", "pinned", "joined", "placed")


class MessageFacts(msgspec.Struct, frozen=True, gc=False):
    """Facts of one message. msgspec is used because placing decodes and copies many of them."""

    id: int  # id in the store; negative until the message is stored
    at: datetime  # time of writing (UTC): the Date header, or the time of receipt if Date is missing or impossible
    case: int | None = None  # the current case of the message
    pinned: int | None = None  # the case to which a person moved the message; rules do not move it again
    joined: int | None = None  # the case into which a person merged others; messages with the same value stay together
    placed: str = ""  # kind of the evidence for its case
    origin: Origin = "delivered"
    dated: bool = True  # whether ``at`` is the date in the header
    ahead: int = 0  # seconds by which the Date header is later than the receipt: the sender's clock is fast
    author: str = ""  # case-folded address
    author_name: str = ""
    side: Side = "unknown"
    forged: bool = False  # DMARC failed for this mail or the mail around it: it never changes a case
    trust: Trust = ""  # how certain the author is (see ``sender``); empty also if this was not recorded yet
    hosted: bool = False  # the author's domain belongs to one customer of a help desk provider (``acme.zendesk.com``)
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
    vendor: str | None = None  # vendor of the author or of a recipient, otherwise the vendor named in the text
    maker: str | None = None  # maker of the product named in the text, if no vendor is known
    to_vendor: str | None = None  # vendor of a recipient
    partner: str | None = None  # the author's company if no vendor file describes it (``roles.company_of``)
    to_partner: str | None = None  # the first company without a vendor file among the recipients
    stated: tuple[tuple[str, str], ...] = ()  # (vendor, number) of each case number that the mail states as its own
    mentioned: tuple[tuple[str, str], ...] = ()  # (vendor, number) of each case number that the mail only mentions
    told: tuple[str, ...] = ()  # words of the subject and text that may be a case number of any vendor
    matter_numbers: tuple[str, ...] = ()  # numbers of ``told`` after a label such as case, job, order
    claims: tuple[int, ...] = ()  # keys of our cases in the subject, valid only if the author may name the case
    token: int | None = None  # the case named by a valid signed token
    fresh: bool = False  # see `Reading.departs`
    shown_by: str = ""  # the unknown sender whose mail contains this message; nothing else confirms author and text
    hands_on: bool = False  # whether this is a mail in which an unknown sender forwards a vendor's mail
    tells_previous: bool = False  # whether the text names another case as a previous or related case
    kind: str | None = None  # kind of the message alone, by the rules: incident, howto, billing, …
    continues: float = 0.0  # -2 to 2: positive if the words continue an earlier matter, negative if they begin one
    words: tuple[str, ...] = ()  # topic words (see ``content_words``)
    subject_words: tuple[str, ...] = ()
    text: str = ""  # squashed beginning of the new text, for comparison
    others: tuple[str, ...] = ()  # addresses of the author and recipients outside the team, at most six
    holds: tuple[int, ...] = ()  # ids of the messages found inside this message

    def evolve(self, **changes: Any) -> Self:
        """Return a copy with other values."""
        return msgspec.structs.replace(self, **changes)

    @property
    def doubted(self) -> bool:
        """Whether the author is not trusted: forged, or one of our own people without verification."""
        return self.forged or self.trust == "unverified"

    @property
    def label(self) -> int | None:
        """The case to which a person moved or merged the message, if any."""
        return self.pinned if self.pinned is not None else self.joined

    @property
    def is_outsider(self) -> bool:
        """Whether the author is unknown or from a partner. An outsider only affects cases in which they take part."""
        return self.side == "unknown" or self.partner is not None

    @property
    def trusted(self) -> bool:
        """Whether From is probably right. False for forged mail, and for mail known only from a stranger's mail."""
        return not self.forged and not self.shown_by

    @property
    def is_shown(self) -> bool:
        """Whether the message is known only from another mail and has no Message-ID."""
        return self.origin != "delivered" and not self.message_id

    @property
    def vocabulary(self) -> frozenset[str]:
        """The topic words of subject and text."""
        return frozenset((*self.words, *self.subject_words))

    @property
    def companies(self) -> frozenset[str]:
        """The vendors and partners who wrote or received the message, and the maker of the product that it names."""
        return frozenset(filter(None, (self.vendor or self.maker, self.to_vendor, self.partner, self.to_partner)))

    @property
    def company(self) -> str | None:
        """The author's partner company, or else the vendor of the author, a recipient or the text."""
        return self.partner or self.vendor

    @property
    def asked(self) -> tuple[str, ...]:
        """Vendors and partners to whom our mail is sent; of an internal note, the vendor that it names."""
        if self.side not in ("team", "requester"):
            return ()
        note = self.vendor if self.side == "team" and not self.others else None
        return tuple(dict.fromkeys(filter(None, (self.to_vendor, self.to_partner, note))))

    @property
    def counterpart(self) -> str | None:
        """The partner who wrote the message, or to whom our mail is addressed."""
        return self.partner or (self.to_partner if self.side in ("team", "requester") else None)

    @property
    def headerless(self) -> bool:
        """Whether the headers name no earlier mail."""
        return not self.parents and not self.refs

    @property
    def is_reply(self) -> bool:
        """Whether the message was delivered, and is a reply by its subject or headers."""
        return self.origin == "delivered" and (self.reply_marked or not self.headerless)

    def document(self) -> dict[str, Any]:
        """Return the facts as a JSON object, without the facts that the store keeps in columns."""
        out = {name: value for name in _STORED if (value := getattr(self, name))}
        return out | {"at": self.at.isoformat(), "dated": self.dated, "has_subject": self.has_subject}


_STORED = [name for name in MessageFacts.__struct_fields__ if name not in IN_COLUMNS]
_DECODER = msgspec.json.Decoder(MessageFacts)


@lru_cache(KEPT_NODES)
def node_from_json(
    written: str, *, id: int, case: int, pinned: int | None, joined: int | None, placed: str
) -> MessageFacts:
    """Restore facts from JSON text; unknown fields are ignored. Raises msgspec.DecodeError.

    Cached, since a message of an open case is a candidate for many mails.
    """
    columns = {"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed}
    return _DECODER.decode(f"{msgspec.json.encode(columns).decode()[:-1]},{written[1:]}")


def order_of(node: MessageFacts) -> tuple[datetime, str, str, str]:
    """Sort key for the order of writing: the earlier of date and receipt."""
    return (node.at - timedelta(seconds=node.ahead), node.message_id or "", node.author, node.text[:80])
