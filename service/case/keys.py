"""Keys by which messages find each other in the store. Equal keys only say "look at each other"; ``grouping`` decides.

=========  ========================================================  ===================================
key        own: the message is it                                    cites: the message names it
=========  ========================================================  ===================================
``mid:``   its Message-ID                                            In-Reply-To, References, bounced
``at:``    author and minute                                         of a mail that nobody has, as shown
``txt:``   the beginning of its words                                of a mail that nobody has, as shown
``ref:``   a vendor's number, stated                                 a vendor's number, mentioned
``num:``   a vendor's number, stated, without the vendor             a word that looks like one
``tix:``   root of Thread-Index with base subject                    –
``wait:``  vendor, person and fortnight of an inquiry or its answer  –
``sub:``   base subject of what opens something (only suggests)      –
``talk:``  telling word and fortnight of a report or an inquiry      –
``also:``  telling word and fortnight of a second report             –
``told:``  vendor and fortnight of our word that a ticket is open    –
=========  ========================================================  ===================================

Empty keys do not exist. ``wait:``, ``talk:`` and ``also:`` stand only on mails that open something, ``told:`` on an
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from service.case.node import Node
from service.case.words import weight

_LONG = 240
"""Longer ids are hashed, so that a key fits its column."""


def identity_keys(node: Node) -> set[str]:
    """What another copy of the message would have too: ``mid:``, ``at:``, ``txt:``."""
    keys: set[str] = set()
    if node.message_id:
        keys.add(_key("mid", node.message_id))
    if node.dated and (node.author or node.author_name):
        keys.add(_at(node, node.at))
    if len(node.text) >= 40:
        keys.add(_key("txt", _hash(node.text[:160])))
    return keys


def own_keys(node: Node) -> frozenset[str]:
    """What the message is."""
    keys = identity_keys(node)
    for vendor, ref in node.stated:
        keys.add(_key("ref", f"{vendor}:{ref}"))
        keys.add(_key("num", ref))
    if node.thread_index and node.base:
        keys.add(_key("tix", f"{node.thread_index}:{_hash(node.base)}"))
    if (subject := subject_key(node)) is not None:
        keys.add(subject)
    return frozenset(keys | content_keys(node))


def subject_key(node: Node) -> str | None:
    """Base subject of a mail that opens something; only suggests, glues nothing."""
    if not node.headerless or node.origin == "quoted" or node.automatic or len(node.base) < 3:
        return None
    return _key("sub", _hash(node.base))


def cited_keys(node: Node) -> frozenset[str]:
    """What the message names."""
    mids = {*node.parents, *node.refs[:1], *node.refs[-20:]}
    if node.bounced:
        mids.add(node.bounced)
    keys = {_key("mid", mid) for mid in mids if mid}
    keys |= {_key("ref", f"{vendor}:{ref}") for vendor, ref in node.mentioned}
    keys |= {_key("num", number) for number in (*node.numbers, *node.told)}
    return frozenset(keys - own_keys(node))


def shown_keys(node: Node, nodes: Mapping[int, Node]) -> frozenset[str]:
    """What it shows of mails that nobody has: each such mail may be shown otherwise by others, and found by any."""
    unknown = (seen for seen in node.sightings if seen.id not in nodes or nodes[seen.id].is_shown)
    return frozenset(key for seen in unknown for key in identity_keys(seen))


def sought_keys(node: Node) -> frozenset[str]:
    """What to look up for a message, content aside: its own keys, what it names, and the minutes beside its own."""
    return frozenset(({*own_keys(node), *cited_keys(node)} - content_keys(node)) | sought_identity(node))


def sought_identity(node: Node) -> set[str]:
    """By which other copies of a message are found: what they would have too, and the minutes beside its own."""
    keys = identity_keys(node)
    if node.dated and (node.author or node.author_name):
        keys |= {_at(node, node.at + timedelta(minutes=step)) for step in (-1, 1)}
    return keys


@lru_cache(maxsize=1024)
def content_keys(node: Node) -> frozenset[str]:
    """Keys of mails that open something: an inquiry to a vendor, a vendor's unasked answer, a user's report."""
    return frozenset(f"{key}:{_fortnight(node.at)}" for key in _content(node))


@lru_cache(maxsize=1024)
def content_sought(node: Node) -> frozenset[str]:
    """The content keys of others that may have to do with it: reports and inquiries come before, answers after."""
    now, keys = _fortnight(node.at), _content(node)
    if node.tells_ticket:
        whose = (_key("wait", f"{node.vendor}:{who}") for who in ("*", node.author))
        return frozenset(f"{key}:{now + step}" for key in whose for step in (-1, 0))
    answers = node.side == "vendor"
    before = answers or node.second or (node.side == "team" and node.headerless)
    steps = [0, *([-1] if before else ()), *([1] if not answers else ())]
    found = {f"{key}:{now + step}" for key in keys if not key.startswith("also:") for step in steps}
    if not answers and any(key.startswith("talk:") for key in keys):
        # whoever has the same trouble, or tells that it is over, comes after
        found |= {f"{_key('also', word)}:{now + step}" for word in _telling(node, 20) for step in (0, 1)}
    if answers and any(key.startswith("wait:") for key in keys):
        found |= {f"{_key('told', node.vendor or '')}:{now + step}" for step in (0, 1)}
    return frozenset(found)


def _content(node: Node) -> set[str]:
    """Without the fortnight."""
    keys: set[str] = set()
    if node.automatic in ("calendar", "bounce", "receipt") or node.origin == "quoted":
        return keys
    if node.automatic == "notification" and not (node.side == "vendor" and node.stated):
        return keys  # a desk tells of its cases under their numbers
    if node.side == "vendor" and node.vendor and (node.stated or node.mentioned):
        people = (*node.to, *node.cc)[:4]
        keys |= {_key("wait", f"{node.vendor}:{who}") for who in (*people, "*")}
    if node.side == "vendor" and node.vendor and (node.stated or node.mentioned or not node.automatic):
        keys |= {_key("talk", word) for word in (*_telling(node, 20), f"v={node.vendor}")}
    opens = node.headerless or node.fresh
    if node.automatic:
        return keys
    if node.tells_ticket:
        return {_key("told", node.vendor or "")}
    asked = node.to_vendor or (node.vendor if node.headerless else None)
    if node.side in ("team", "requester") and asked and (node.to_vendor or not node.fresh):
        keys |= {_key("wait", f"{asked}:{who}") for who in ("*", node.author, *node.to, *node.cc)[:6] if who}
    if node.headerless and node.side == "team" and node.to_vendor and not node.fresh:
        keys |= {_key("talk", word) for word in (*_telling(node, 20), f"v={node.to_vendor}")}
    if (opens and node.side == "requester" and not node.to_vendor) or node.second:
        keys |= {_key("talk", word) for word in (*_telling(node, 10), *((f"v={node.about}",) if node.about else ()))}
    if node.second:
        keys |= {_key("also", word) for word in _telling(node, 20)}
    return keys


def _telling(node: Node, most: int) -> list[str]:
    words = dict.fromkeys((*node.subject_words, *node.words))
    return sorted(words, key=lambda word: -weight(word))[:most]


def _fortnight(at: datetime) -> int:
    return at.toordinal() // 14


def _at(node: Node, at: datetime) -> str:
    return _key("at", f"{node.author or node.author_name.casefold()}|{at:%Y%m%d%H%M}")


def _key(kind: str, value: str) -> str:
    return f"{kind}:{value if len(value) <= _LONG else _hash(value)}"


def _hash(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
