"""Index keys by which stored messages are found. Equal keys only mean that two messages are worth comparing.

=========  =======================================================  ==================================
key        own: property of the message                             cites: reference in the message
=========  =======================================================  ==================================
``mid:``   Message-ID (stored only as ``messages.message_id``)      In-Reply-To, References, bounced
``at:``    author and minute                                        –
``txt:``   beginning of the text                                    –
``ref:``   case number of a vendor, stated                          case number of a vendor, mentioned
``num:``   stated number without its vendor                         number of an unknown vendor
``tix:``   beginning of Thread-Index, with base subject             –
``sub:``   base subject, and month                                  –
``who:``   a person outside the team, and month                     –
``ven:``   vendor, partner or company of an unknown sender, alone   –
           or with one of our people, and month
``word:``  a distinctive word, and month                            –
=========  =======================================================  ==================================

The first six keys are strong evidence or identify copies. The others only find candidates. They begin with the month
(30 days). Therefore the keys of a month are adjacent in the database, and neither a lookup nor an insert becomes slower
with the age of the database.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import blake2b

from service.cases.facts.content_words import weight
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import companies_above

_LONG = 240
MONTH = 30  # days
_WORDS, _FEWER_WORDS = 12, 6  # distinctive words used as keys: for a mail that starts a thread, for a reply
_SILENT = ("bounce", "calendar")


def identity_keys(node: MessageFacts, minutes: Collection[int] = (0,)) -> set[str]:
    """Return the keys by which copies of a message are found, from its time and its text.

    ``minutes``: offsets; there is one key for the time plus each offset.
    """
    keys: set[str] = set()
    if node.dated and (node.author or node.author_name):
        keys |= {_at(node, node.at + timedelta(minutes=step)) for step in minutes}
    if len(node.text) >= 40:
        keys.add(key_of("txt", _hash(node.text[:160])))
    return keys


def _strong_keys(node: MessageFacts) -> tuple[set[str], set[str]]:
    """Return the strong keys of a message: (keys of its own properties, keys of its references)."""
    own = {key for vendor, ref in node.stated for key in (key_of("ref", vendor, ref), key_of("num", ref))}
    cited = {key_of("mid", mid) for mid in cited_ids(node)} | {key_of("ref", *pair) for pair in node.mentioned}
    return own | {*thread_index_keys(node)}, cited | {key_of("num", number) for number in node.told}


def cited_ids(node: MessageFacts) -> tuple[str, ...]:
    """Return the Message-IDs that a message refers to: bounced mail, In-Reply-To, References.

    The newest reference is first.
    """
    bounced = (node.bounced,) if node.bounced else ()
    refs = (*reversed(node.refs[-20:]), *node.refs[:1])
    return tuple(dict.fromkeys(mid for mid in (*bounced, *node.parents, *refs) if mid))


def stored_keys(node: MessageFacts) -> tuple[set[str], set[str]]:
    """Return the keys by which later mail finds a message: (keys of its own properties, keys of its references)."""
    month, (own, cited) = node.at.toordinal() // MONTH, _strong_keys(node)
    own = own.union(identity_keys(node), (monthly(key, month) for key in _candidates(node)))
    return own, cited - own


def identity_lookup(node: MessageFacts) -> set[str]:
    """Return the keys that find copies of a message, also if the date of a copy differs by one minute."""
    return identity_keys(node, (-1, 0, 1)) | {*message_id_keys(node)}


def strong_lookup(node: MessageFacts) -> set[str]:
    """Return the keys that find copies of a message, and messages that are linked with it."""
    return identity_lookup(node).union(*_strong_keys(node))


def candidate_lookup(node: MessageFacts) -> set[str]:
    """Return the keys that find candidates.

    They find messages of two months (of 30 days): the month of the message, and the month before or after it,
    whichever is nearer.
    """
    month, day = divmod(node.at.toordinal(), MONTH)
    other = month - 1 if day < MONTH // 2 else month + 1
    return {monthly(key, of) for key in _candidates(node) for of in (month, other)}


def _candidates(node: MessageFacts) -> list[str]:
    if node.automatic in _SILENT or node.forged:
        return []
    keys = [key_of("who", person) for person in node.others[:4]]
    ours = [a for a in (node.author, *node.to, *node.cc) if a and a not in node.others]
    stranger = companies_above(node.author)[:2] if node.side == "unknown" and node.author else []
    for company in [*stranger, *sorted(node.companies)][:3]:
        keys += [key_of("ven", company), *(key_of("ven", company, person) for person in ours[:2])]
    if len(node.base) >= 3:
        keys.append(key_of("sub", _hash(node.base)))
    words = sorted(dict.fromkeys((*node.subject_words, *node.words)), key=weight, reverse=True)
    return [*keys, *(key_of("word", word) for word in words[: _WORDS if node.headerless else _FEWER_WORDS])]


def message_id_keys(node: MessageFacts) -> list[str]:
    """Return the key of the Message-ID, if the message has one."""
    return [key_of("mid", node.message_id)] if node.message_id else []


def thread_index_keys(node: MessageFacts) -> list[str]:
    """Return the key of the Thread-Index, if the message has one."""
    return [key_of("tix", node.thread_index, _hash(node.base))] if node.thread_index and node.base else []


def key_of(kind: str, *values: str) -> str:
    """Return a key. A long value is replaced by its hash, so that the key fits into the database column."""
    value = ":".join(values)
    return f"{kind}:{value if len(value) <= _LONG else _hash(value)}"


def monthly(key: str, month: int) -> str:
    """Return a key that finds messages of one month only."""
    return f"{month}:{key}"


def _at(node: MessageFacts, at: datetime) -> str:
    minute = f"{at.year:04}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}"  # three times as fast as strftime
    return key_of("at", f"{node.author or node.author_name.casefold()}|{minute}")


def _hash(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
