"""Facts of one message that placement needs: storable as JSON, the same for every way the message came."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import msgspec

from mailrules.thread import Side
from service.cases.facts.sender import Trust
from service.mail.message import Origin


@dataclass(frozen=True, slots=True)
class MessageFacts:
    """One message among the mails of a case."""

    id: int
    """Of the store; negative while it is not stored yet."""
    at: datetime
    """When it was written (UTC): its date, or when it reached us where it states none or an impossible one."""
    case: int | None = None
    """The case it stands in at present."""
    pinned: int | None = None
    """The case a person put it into: no rule moves it again."""
    joined: int | None = None
    """The case a person made of several: all that bear its number stay together."""
    placed: str = ""
    """The kind of evidence that put it there."""
    origin: Origin = "delivered"
    dated: bool = True
    """``at`` is its own date."""
    ahead: int = 0
    """Seconds by which its own date is later than its receipt: a clock that is a little wrong."""
    author: str = ""
    """Address, folded."""
    author_name: str = ""
    side: Side = "unknown"
    forged: bool = False
    """Somebody else wrote under this address (DMARC failed), or it was found inside such a mail: it moves nothing."""
    trust: Trust = ""
    """How sure the author is (see ``sender``); empty too for what was stored before that was asked."""
    hosted: bool = False
    """The author's domain is one customer's at a provider of help desks (``acme.zendesk.com``)."""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    message_id: str | None = None
    parents: tuple[str, ...] = ()
    """In-Reply-To."""
    refs: tuple[str, ...] = ()
    """References, oldest first, without the parents."""
    base: str = ""
    """Base subject."""
    has_subject: bool = True
    """An attribution line carries no subject: unknown is not empty."""
    reply_marked: bool = False
    automatic: str | None = None
    bounced: str | None = None
    """Message-ID of the mail that bounced, for a bounce."""
    thread_index: str | None = None
    vendor: str | None = None
    """Of the author, of a recipient, or as read from the words."""
    maker: str | None = None
    """Of the product that its words name, where they speak of no vendor."""
    to_vendor: str | None = None
    """Of a recipient of our own mail."""
    partner: str | None = None
    """The author's company, where it is a vendor that no pack knows (``roles.company_of``)."""
    to_partner: str | None = None
    """Such a company among the recipients."""
    stated: tuple[tuple[str, str], ...] = ()
    """Vendor references (vendor, number) at a place where they are stated."""
    mentioned: tuple[tuple[str, str], ...] = ()
    """Numbers merely mentioned."""
    numbers: tuple[str, ...] = ()
    """Words of the subject that look like a number of a vendor whose label is missing."""
    told: tuple[str, ...] = ()
    """Words of its subject and text that may be a case number, whoever's."""
    claims: tuple[int, ...] = ()
    """Case keys of ours in the subject: claims, good only for those who may."""
    token: int | None = None
    """The case a valid token of ours names."""
    fresh: bool = False
    """The author says that a new topic begins."""
    shown_by: str = ""
    """The stranger in whose mail it was found: only his word that it is what it says."""
    hands_on: bool = False
    """A mail of a vendor's, forwarded by somebody who is on no side of ours."""
    resolves: bool = False
    """Our side says that the matter is settled."""
    tells_previous: bool = False
    """It names another case as a former or related one."""
    kind: str | None = None
    """As the rules read it alone: incident, howto, billing, …"""
    words: tuple[str, ...] = ()
    """What it is about (see ``content_words``)."""
    subject_words: tuple[str, ...] = ()
    text: str = ""
    """Squashed beginning of its new text, for comparison."""
    others: tuple[str, ...] = ()
    """Author and recipients outside the team, at most six."""
    holds: tuple[int, ...] = ()
    """Messages found inside it."""

    @property
    def doubted(self) -> bool:
        """Its author is not believed: forged, or one of our own people without a verdict."""
        return self.forged or self.trust == "unverified"

    @property
    def label(self) -> int | None:
        """The case that a person says it belongs to."""
        return self.pinned if self.pinned is not None else self.joined

    @property
    def is_outsider(self) -> bool:
        """Nobody's side, or a partner: he speaks for cases he takes part in alone."""
        return self.side == "unknown" or self.partner is not None

    @property
    def trusted(self) -> bool:
        """Whether its author wrote it, as far as we know: it is neither forged nor only a stranger's word."""
        return not self.forged and not self.shown_by

    @property
    def is_shown(self) -> bool:
        """Whether all we know of it is what another mail shows of it, without an id."""
        return self.origin != "delivered" and not self.message_id

    @property
    def about(self) -> str | None:
        """The vendor that it speaks of, or whose product."""
        return self.vendor or self.maker

    @property
    def companies(self) -> frozenset[str]:
        """Vendors and partners that it is from, to or about."""
        return frozenset(name for name in (self.about, self.to_vendor, self.partner, self.to_partner) if name)

    @property
    def company(self) -> str | None:
        """The partner or vendor that its author is of, or that it is about."""
        return self.partner or self.vendor

    @property
    def asked(self) -> tuple[str, ...]:
        """The vendors and partners that our mail is sent to; those that a note of the team's says were asked."""
        if self.side not in ("team", "requester"):
            return ()
        note = self.vendor if self.side == "team" and not self.others else None
        return tuple(company for company in dict.fromkeys((self.to_vendor, self.to_partner, note)) if company)

    @property
    def counterpart(self) -> str | None:
        """The partner that it is from, or ours to."""
        return self.partner or (self.to_partner if self.side in ("team", "requester") else None)

    @property
    def headerless(self) -> bool:
        """No header names an earlier mail."""
        return not self.parents and not self.refs

    def document(self) -> dict[str, Any]:
        """As JSON (without what the store keeps in columns of its own)."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("id", "case", "pinned", "joined", "placed"):
                continue
            if isinstance(value, datetime):
                value = value.isoformat()
            if value not in (None, (), "", False) or field.name == "at":
                out[field.name] = value
        out["dated"] = self.dated
        out["has_subject"] = self.has_subject
        return out

    @classmethod
    def from_document(
        cls,
        document: dict[str, Any],
        *,
        id: int,
        case: int | None,
        pinned: int | None,
        joined: int | None = None,
        placed: str = "",
    ) -> MessageFacts:
        """Back from JSON; fields of a later version are left out."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
            if name in _NAMES
        }
        for name in ("stated", "mentioned"):
            if name in values:
                values[name] = tuple((str(vendor), str(ref)) for vendor, ref in values[name])
        if "at" in values:
            values["at"] = datetime.fromisoformat(values["at"])
        values |= {"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed}
        return cls(**values)


_NAMES = frozenset(field.name for field in fields(MessageFacts))
_DECODER = msgspec.json.Decoder(MessageFacts)


def node_from_json(
    written: str, *, id: int, case: int, pinned: int | None, joined: int | None, placed: str
) -> MessageFacts:
    """As ``MessageFacts.from_document``, from JSON text, decoded in one step."""
    kept = msgspec.json.encode({"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed}).decode()
    try:
        return _DECODER.decode(f"{kept[:-1]},{written[1:]}")
    except msgspec.DecodeError:  # empty, or written by another version
        document = msgspec.json.decode(written)
        return MessageFacts.from_document(document, id=id, case=case, pinned=pinned, joined=joined, placed=placed)


def order_of(node: MessageFacts) -> tuple[datetime, str, str, str]:
    """Sort key: the order of writing, by the earlier of date and receipt, the same whatever the order of arrival."""
    return (node.at - timedelta(seconds=node.ahead), node.message_id or "", node.author, node.text[:80])
