"""Index keys by which stored messages are found. Equal keys only mean that two messages are worth comparing.

=========  =======================================================  ==================================
key        own: property of the message                             cites: reference in the message
=========  =======================================================  ==================================
``mid:``   Message-ID (stored only as ``messages.message_id``)      In-Reply-To, References, bounced
``at:``    author and minute                                        –
``txt:``   beginning of the text                                    –
``ref:``   case number of a vendor, stated                          case number of a vendor, mentioned
``num:``   stated number without its vendor                         number of an unknown vendor
``tix:``   root of Thread-Index, with base subject                  –
``sub:``   base subject, and month                                  –
``who:``   a person outside the team, and month                     –
``ven:``   vendor, partner or company of an unknown sender, alone   –
           or with one of our people, and month
``word:``  a distinctive word, and month                            –
=========  =======================================================  ==================================

The first six keys are strong evidence or identify copies. The others only find candidates. They contain the month (30
days), so that the cost of a lookup does not grow with the age of the store.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b

from service.cases.facts.content_words import weight
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.roles import companies_above

_LONG = 240
_MONTH = 30
_WORDS, _FEWER_WORDS = 12, 6  # distinctive words used as keys: for a mail that starts a thread, for a reply
_SILENT = ("bounce", "calendar")
MOST = 8  # maximum number of cases compared with one mail
NEWEST = 3  # of these, the cases that received mail last: mails in two languages share no word
CROWD = 10  # if more messages than this share a key, the key adds almost nothing to the rank of a case
_WORTH = {"who": 2.0, "ven": 0.5, "sub": 3.0}


def identity_keys(node: MessageFacts, minutes: Collection[int] = (0,)) -> set[str]:
    """Return the keys ``at:`` and ``txt:`` of copies of a message. ``minutes``: by how much their dates may differ."""
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
    """Return the Message-IDs that the message refers to: bounced mail, In-Reply-To, then References, newest first."""
    bounced = (node.bounced,) if node.bounced else ()
    refs = (*reversed(node.refs[-20:]), *node.refs[:1])
    return tuple(dict.fromkeys(mid for mid in (*bounced, *node.parents, *refs) if mid))


def stored_keys(node: MessageFacts) -> tuple[set[str], set[str]]:
    """Return the keys by which later mail finds a message: (keys of its own properties, keys of its references)."""
    month, (own, cited) = node.at.toordinal() // _MONTH, _strong_keys(node)
    own |= identity_keys(node) | {f"{key}:{month}" for key in _candidates(node)}
    return own, cited - own


def identity_lookup(node: MessageFacts) -> set[str]:
    """Return the keys to look up for copies of a message. The dates of copies may differ by one minute."""
    return identity_keys(node, (-1, 0, 1)) | {*message_id_keys(node)}


def strong_lookup(node: MessageFacts) -> set[str]:
    """Return all keys to look up for copies and links."""
    return identity_lookup(node).union(*_strong_keys(node))


def candidate_lookup(node: MessageFacts) -> set[str]:
    """Return the keys to look up for candidates: of the month of the message, and of the nearer neighbouring month."""
    month, day = divmod(node.at.toordinal(), _MONTH)
    other = month - 1 if day < _MONTH // 2 else month + 1
    return {f"{key}:{of}" for key in _candidates(node) for of in (month, other)}


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
    words = sorted(dict.fromkeys((*node.subject_words, *node.words)), key=lambda word: -weight(word))
    return [*keys, *(key_of("word", word) for word in words[: _WORDS if node.headerless else _FEWER_WORDS])]


def choose_candidates(found: Mapping[str, Sequence[int]], newest: Sequence[int]) -> list[int]:
    """Return the candidate cases. ``found``: key → the case of each message; ``newest``: cases with the newest mail."""
    points: dict[int, float] = defaultdict(float)
    for key, rows in found.items():
        kind, _, value = key.partition(":")
        worth = weight(value.rpartition(":")[0]) if kind == "word" else _WORTH.get(kind, 0.0)
        worth /= len(rows) if len(rows) <= CROWD else 10 * CROWD
        for case in set(rows):
            points[case] += worth
    ranked = sorted(points, key=lambda case: (-points[case], -case))
    return list(dict.fromkeys((*ranked[: MOST - NEWEST], *newest[:NEWEST], *ranked)))[:MOST]


def rarity(nodes: Iterable[MessageFacts], shared: Mapping[str, int]) -> Callable[[str], float]:
    """Return a function: word → rarity around the month of the mail, 0.8 (one message) to 0.1; 0.4 if unknown."""
    months = {n.at.toordinal() // _MONTH + step for n in nodes for step in (-1, 0, 1)}

    @cache
    def rare(word: str) -> float:
        counts = [n for month in months if (n := shared.get(f"word:{word}:{month}")) is not None]
        many = sum(counts)
        return (1.0 / (1.0 + many / 4.0) if many <= CROWD else 0.1) if counts else 0.4

    return rare


def company_keys(company: str, at: datetime) -> list[str]:
    """Return the keys for a company's mail in the month of ``at``, the month before and the month after."""
    month = at.toordinal() // _MONTH
    return [f"{key_of('ven', company)}:{of}" for of in (month - 1, month, month + 1)]


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


def _at(node: MessageFacts, at: datetime) -> str:
    minute = f"{at.year:04}{at.month:02}{at.day:02}{at.hour:02}{at.minute:02}"  # three times as fast as strftime
    return key_of("at", f"{node.author or node.author_name.casefold()}|{minute}")


def _hash(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
