"""Index keys by which stored messages are found. Equal keys only mean that two messages are worth comparing.

=========  =======================================================  ==================================
key        own: property of the message                             cites: reference in the message
=========  =======================================================  ==================================
``mid:``   – (``messages.message_id`` is indexed)                   In-Reply-To, References, bounced
``at:``    author and minute                                        –
``txt:``   beginning of its text                                    –
``ref:``   case number of a vendor, stated                          case number of a vendor, mentioned
``num:``   stated number without its vendor                         number of an unknown vendor
``tix:``   root of Thread-Index, with base subject                  –
``sub:``   base subject, and month                                  –
``who:``   a person outside the team, and month                     –
``ven:``   vendor, partner or company of an unknown sender, alone   –
           or with one of our people, and month
``word:``  a distinctive word, and month                            –
=========  =======================================================  ==================================

The first six are strong evidence or identify copies; the others only find candidates. A month is 30 days, so that the
cost of a key does not grow with the age of the store.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import blake2b

from service.cases.facts.content_words import weight
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import companies_above

_LONG = 240
"""Longer ids are hashed, so that a key fits its column."""
MONTH = 30
WORDS, FEWER_WORDS = 12, 6
"""Number of distinctive words used as keys: for a mail that starts a thread, for a reply."""
_SILENT = ("bounce", "calendar")


def identity_keys(node: MessageFacts, minutes: Collection[int] = (0,)) -> set[str]:
    """Return the keys that a copy of the message would also have, besides its Message-ID: ``at:`` and ``txt:``.

    ``minutes``: by how much the dates of the two may differ.
    """
    keys: set[str] = set()
    if node.dated and (node.author or node.author_name):
        keys |= {_at(node, node.at + timedelta(minutes=step)) for step in minutes}
    if len(node.text) >= 40:
        keys.add(_key("txt", _hash(node.text[:160])))
    return keys


def _own_keys(node: MessageFacts) -> set[str]:
    """Return the strong keys for what the message itself is."""
    keys = {key for vendor, ref in node.stated for key in (ref_key(vendor, ref), number_key(ref))}
    if node.thread_index and node.base:
        keys.add(thread_index_key(node))
    return keys


def _cited_keys(node: MessageFacts) -> set[str]:
    """Return the strong keys for what the message refers to."""
    keys = {mid_key(mid) for mid in cited_ids(node)} | {ref_key(vendor, ref) for vendor, ref in node.mentioned}
    return keys | {number_key(number) for number in (*node.numbers, *node.told)}


def cited_ids(node: MessageFacts) -> tuple[str, ...]:
    """Return the Message-IDs that the message refers to: bounced mail, In-Reply-To, then References, newest first."""
    bounced = (node.bounced,) if node.bounced else ()
    refs = (*reversed(node.refs[-20:]), *node.refs[:1])
    return tuple(dict.fromkeys(mid for mid in (*bounced, *node.parents, *refs) if mid))


def stored_keys(node: MessageFacts) -> tuple[set[str], set[str]]:
    """Return the keys under which later mail finds a message: by what it is, and by what it refers to."""
    month = node.at.toordinal() // MONTH
    own = _own_keys(node) | identity_keys(node) | {f"{key}:{month}" for key in _candidates(node)}
    return own, _cited_keys(node) - own


def identity_lookup(node: MessageFacts) -> set[str]:
    """Return the keys to look up for copies; their dates may differ by one minute."""
    return identity_keys(node, (-1, 0, 1))


def strong_lookup(node: MessageFacts) -> set[str]:
    """Return all keys to look up for copies and links."""
    named = {mid_key(node.message_id)} if node.message_id else set()
    return _own_keys(node) | _cited_keys(node) | identity_lookup(node) | named


def candidate_lookup(node: MessageFacts) -> set[str]:
    """Return the candidate keys of its own month and of the nearer neighbouring month."""
    month, day = divmod(node.at.toordinal(), MONTH)
    other = month - 1 if day < MONTH // 2 else month + 1
    return {f"{key}:{of}" for key in _candidates(node) for of in (month, other)}


def _candidates(node: MessageFacts) -> list[str]:
    if node.automatic in _SILENT or node.forged:
        return []
    keys = [_key("who", person) for person in node.others[:4]]
    ours = [a for a in (node.author, *node.to, *node.cc) if a and a not in node.others]
    stranger = companies_above(node.author)[:2] if node.side == "unknown" and node.author else []
    for company in [*stranger, *sorted(node.companies)][:3]:
        keys += [_key("ven", company), *(_key("ven", f"{company}:{person}") for person in ours[:2])]
    if len(node.base) >= 3:
        keys.append(_key("sub", _hash(node.base)))
    return [*keys, *(_key("word", word) for word in telling_words(node))]


def company_keys(company: str, at: datetime) -> list[str]:
    """Return the keys for a company's mail in the month of ``at``, the month before and the month after."""
    month = at.toordinal() // MONTH
    return [f"{_key('ven', company)}:{of}" for of in (month - 1, month, month + 1)]


def telling_words(node: MessageFacts) -> list[str]:
    """Return the most distinctive words, identifiers first."""
    words = dict.fromkeys((*node.subject_words, *node.words))
    most = WORDS if node.headerless else FEWER_WORDS
    return sorted(words, key=lambda word: -weight(word))[:most]


def mid_key(message_id: str) -> str:
    return _key("mid", message_id)


def ref_key(vendor: str, ref: str) -> str:
    return _key("ref", f"{vendor}:{ref}")


def number_key(number: str) -> str:
    return _key("num", number)


def thread_index_key(node: MessageFacts) -> str:
    return _key("tix", f"{node.thread_index}:{_hash(node.base)}")


def _at(node: MessageFacts, at: datetime) -> str:
    minute = f"{at.year:04}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}"  # three times as fast as strftime
    return _key("at", f"{node.author or node.author_name.casefold()}|{minute}")


def _key(kind: str, value: str) -> str:
    return f"{kind}:{value if len(value) <= _LONG else _hash(value)}"


def _hash(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
