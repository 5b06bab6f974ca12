"""What threading knows of one message: facts only, storable as JSON, the same for every way the message came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

import msgspec

from mailrules.thread import Side
from service.case.sender import Trust
from service.mail.message import Origin


@dataclass(frozen=True, slots=True)
class Node:
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
    rests: int | None = None
    """The message that this evidence points to, where content put it there."""
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
    stated: tuple[tuple[str, str], ...] = ()
    """Vendor references (vendor, number) at a place where they are stated."""
    mentioned: tuple[tuple[str, str], ...] = ()
    """Numbers merely mentioned."""
    numbers: tuple[str, ...] = ()
    """Words of the subject that look like a number of a vendor whose label is missing."""
    told: tuple[str, ...] = ()
    """Long numbers in a mail of ours that no rule knows for a vendor's."""
    claims: tuple[int, ...] = ()
    """Case keys of ours in the subject: claims, good only for those who may."""
    token: int | None = None
    """The case a valid token of ours names."""
    fresh: bool = False
    """The author says that a new topic begins."""
    hands_on: bool = False
    """A mail of a vendor's, forwarded by somebody who is on no side of ours."""
    notes: bool = False
    """Our team hands on a vendor's mail with words of its own."""
    raised: bool = False
    """Our team says that a ticket was opened somewhere."""
    resolves: bool = False
    """Our side says that the matter is settled."""
    seconds: bool = False
    """A user tells that others have the same trouble too."""
    returns: bool = False
    """A user tells that a trouble which was over is there again."""
    tells_previous: bool = False
    """It names another case as a former or related one."""
    kind: str | None = None
    """As the rules read it alone: incident, howto, billing, …"""
    words: tuple[str, ...] = ()
    """What it is about (see ``words``)."""
    subject_words: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    """People that it names, by one of their names each: not whom it greets, not those who write or get it."""
    text: str = ""
    """Squashed beginning of its new text, for comparison."""
    holds: tuple[int, ...] = ()
    """Messages found inside it."""
    sightings: tuple[Node, ...] = ()
    """What it shows of those of them that bear no Message-ID there; ``id``: the message it is taken for."""

    @property
    def doubted(self) -> bool:
        """Its author is not believed: forged, or one of our own people without a verdict."""
        return self.forged or self.trust == "unverified"

    @property
    def label(self) -> int | None:
        """The case that a person says it belongs to."""
        return self.pinned if self.pinned is not None else self.joined

    @property
    def is_shown(self) -> bool:
        """Whether all we know of it is what another mail shows of it, without an id."""
        return self.origin != "delivered" and not self.message_id

    @property
    def about(self) -> str | None:
        """The vendor that it speaks of, or whose product."""
        return self.vendor or self.maker

    @property
    def headerless(self) -> bool:
        """No header names an earlier mail."""
        return not self.parents and not self.refs

    @property
    def second(self) -> bool:
        """It answers nothing and yet speaks of what was told before: the same trouble elsewhere or again, that it is
        over, or whose trouble a vendor's mail is about."""
        says = self.seconds or self.returns or self.resolves
        return (
            ((self.side == "requester" and says) or (self.side == "team" and self.notes))
            and self.headerless
            and not (self.automatic or self.fresh or self.doubted or self.to_vendor)
        )

    @property
    def tells_ticket(self) -> bool:
        """Our team's answer to a user that a ticket was opened with a vendor."""
        told = self.side == "team" and self.raised and self.vendor is not None and not self.to_vendor
        return told and not (self.headerless or self.automatic or self.doubted or self.origin == "quoted")

    def pointing(self, number: Callable[[int], int]) -> Node:
        """With other numbers of the messages found inside it."""
        holds = tuple(dict.fromkeys(map(number, self.holds)))
        if holds == self.holds and all(number(seen.id) == seen.id for seen in self.sightings):
            return self  # as most are, of the hundreds that are looked at for a mail
        sightings = tuple(dict.fromkeys(replace(seen, id=number(seen.id)) for seen in self.sightings))
        return replace(self, holds=holds, sightings=sightings)

    def document(self) -> dict[str, Any]:
        """As JSON (without what the store keeps in columns of its own)."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("id", "case", "pinned", "joined", "placed", "rests"):
                continue
            if field.name == "sightings":
                value = [seen.document() | {"id": seen.id} for seen in self.sightings] or None
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
        rests: int | None = None,
    ) -> Node:
        """Back from JSON; fields of a later version are left out."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in document.items()
            if name in _NAMES
        }
        for name in ("stated", "mentioned"):
            if name in values:
                values[name] = tuple((str(vendor), str(ref)) for vendor, ref in values[name])
        if "sightings" in values:
            values["sightings"] = tuple(
                cls.from_document(seen, id=seen["id"], case=None, pinned=None) for seen in values["sightings"]
            )
        if "at" in values:
            values["at"] = datetime.fromisoformat(values["at"])
        values |= {"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed, "rests": rests}
        return cls(**values)


_NAMES = frozenset(field.name for field in fields(Node))
_DECODER = msgspec.json.Decoder(Node)


def node_from_json(
    written: str, *, id: int, case: int, pinned: int | None, joined: int | None, placed: str, rests: int | None
) -> Node:
    """As ``Node.from_document``, of the document as text: in one step, since hundreds are read for a mail."""
    stands = {"id": id, "case": case, "pinned": pinned, "joined": joined, "placed": placed, "rests": rests}
    kept = msgspec.json.encode(stands).decode()
    try:
        return _DECODER.decode(f"{kept[:-1]},{written[1:]}")
    except msgspec.DecodeError:  # empty, or of another version
        document = msgspec.json.decode(written)
        return Node.from_document(document, id=id, case=case, pinned=pinned, joined=joined, placed=placed, rests=rests)
