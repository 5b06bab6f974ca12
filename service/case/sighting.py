"""Which mail it is that another mail shows, where no Message-ID survived: a quote, an inline forward.

People send nearly the same mail again, minutes apart: another log number, "again", a corrected figure; or to somebody
else. Several mails may then be the one that is shown, and which of them is must not depend on which came first. So what
was shown is kept with the mail that shows it (``Node.sightings``), and the nearest of all that are known is taken for
it, today one and tomorrow another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from service.case.group import order_of
from service.case.identity import SHOWN, same_mail
from service.case.keys import identity_keys, sought_identity
from service.case.node import Node

MOST = 32
"""So many of the mails found inside one are remembered as they were shown."""

Nearness = tuple[bool, int, int, bool, timedelta, tuple[datetime, str, str, str]]
_WAYS = (
    "Message-ID and content",
    "author, minute, subject",
    "author, time, words",
    "author, subject, words",
    "author, words, day",
    "author, words, time in another zone",
)


@dataclass(frozen=True, slots=True)
class Match:
    """A message that may be the one that is shown."""

    message: int
    why: str
    near: Nearness
    """The smaller, the nearer; no two messages are equally near."""


def matches(node: Node, known: Iterable[Node], reader: str = "") -> Iterator[Match]:
    """The known messages that may be the mail ``node``, which ``reader`` shows (empty: it came by itself)."""
    for other in known:
        if find_each_other(node, other) and (why := same_mail(other, node)) is not None:
            yield Match(other.id, why, _nearness(other, node, why, reader))


def nearest(found: Iterable[Match]) -> Match | None:
    return min(found, key=lambda match: match.near, default=None)


def shown(node: Node, inside: Iterable[Node]) -> Node:
    """A mail that came, with what it shows of the mails inside it."""
    seen = tuple(as_shown(inner) for inner in inside if inner.is_shown)[:MOST]
    return replace(node, sightings=seen) if seen else node


def find_each_other(one: Node, other: Node) -> bool:
    """Whether two messages share a key: such as meet by a third alone would be one mail in some orders only."""
    return not identity_keys(one).isdisjoint(sought_identity(other))


def as_shown(node: Node) -> Node:
    """No more of it than what tells mails apart."""
    return Node(
        id=node.id,
        at=node.at,
        dated=node.dated,
        origin=node.origin,
        author=node.author,
        author_name=node.author_name,
        forged=node.forged,
        trust=node.trust,
        base=node.base,
        has_subject=node.has_subject,
        text=node.text[:SHOWN],
    )


def _nearness(one: Node, other: Node, why: str, reader: str) -> Nearness:
    """A mail before what was only shown; by its words, then by how surely it is the same, by whether it was sent to
    whoever shows it, by time."""
    short, long = sorted((one.text, other.text), key=len)
    words = 0 if long.startswith(short[:SHOWN]) else 1 if short[:SHOWN] in long else 2
    apart = abs(_minute(one.at) - _minute(other.at)) if one.dated and other.dated else timedelta(0)
    sent_to_others = reader not in (one.author, *one.to, *one.cc)
    return one.is_shown, words, _WAYS.index(why), sent_to_others, apart, order_of(one)


def _minute(at: datetime) -> datetime:
    """Header blocks leave the seconds out."""
    return at.replace(second=0, microsecond=0)
