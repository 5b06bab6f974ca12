"""A store as years of mail leave it: conversations made up and put straight into the tables of placing.

The rate is that of a house with 2,000 cases a fortnight, however many there are: a larger store is an older one. Words
and vendors are as uneven as in life (Zipf). Each case has five mails: a user's report, the desk's inquiry to a vendor
under a subject of its own, the vendor's receipt with its number, its answer, the desk's answer to the user.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache, partial
from typing import Any

from sqlalchemy import insert

from service.cases.facts.content_words import content_words, squashed
from service.cases.facts.message_facts import MessageFacts
from service.cases.facts.subject import read_subject
from service.cases.placement.keys import stored_keys
from service.store import tables
from service.store.database import Connection, Database
from service.store.tables import thread_keys

MAILS = 5
EVERY = timedelta(minutes=10)
END = datetime(2027, 3, 1, tzinfo=UTC)
INTAKE, DOMAIN = "help@corp.example", "corp.example"
DESKS = tuple(f"desk{number}@{DOMAIN}" for number in range(5))
VENDORS = {
    "okta": "support@okta.com",
    "microsoft": "support@microsoft.com",
    "cisco": "support@cisco.com",
    "zendesk": "support@zendesk.com",
    "oracle": "support@oracle.com",
    "redhat": "support@redhat.com",
    "box": "support@box.com",
    "zoom": "support@zoom.us",
}
_SYLLABLES = ("ba", "cor", "den", "fi", "gal", "hu", "jor", "ka", "lim", "mo", "nex", "po", "qui", "ras", "ton", "vel")


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as its author sees it."""

    number: int
    """Of the conversation."""
    step: int
    at: datetime
    author: str
    to: str
    subject: str
    text: str
    parents: tuple[int, ...] = ()
    """Steps of the mails it answers, oldest first."""
    ref: str | None = None
    vendor: str | None = None

    def id_of(self, step: int) -> str:
        return f"<c{self.number}-{step}@x.example>"

    def content(self) -> bytes:
        """As bytes, with the intake in Cc."""
        head = [f"From: {self.author}", f"To: {self.to}", f"Cc: {INTAKE}", f"Subject: {self.subject}"]
        head += [f"Message-ID: {self.id_of(self.step)}", f"Date: {format_datetime(self.at)}"]
        if self.parents:
            head.append(f"In-Reply-To: {self.id_of(self.parents[-1])}")
            head.append("References: " + " ".join(map(self.id_of, self.parents)))
        return ("\r\n".join(head) + "\r\n\r\n" + self.text + "\r\n").encode()

    def node(self, case: int, message: int) -> MessageFacts:
        """As threading knows it."""
        base, theirs = read_subject(self.subject), self.vendor is not None and self.author == VENDORS[self.vendor]
        parents = tuple(self.id_of(step) for step in self.parents[-1:])
        return MessageFacts(
            id=message,
            at=self.at,
            case=case,
            author=self.author,
            side="vendor" if theirs else "team" if self.author in DESKS else "requester",
            to=(self.to,),
            message_id=self.id_of(self.step),
            parents=parents,
            refs=tuple(self.id_of(step) for step in self.parents[:-1]),
            base=base.base,
            reply_marked=base.reply,
            vendor=self.vendor,
            to_vendor=None if theirs else self.vendor,
            stated=((self.vendor, self.ref),) if self.vendor and self.ref else (),
            words=content_words(self.subject, self.text)[:60],
            subject_words=content_words(base.base)[:30],
            text=squashed(self.text)[:400],
            others=tuple(a for a in (self.author, self.to) if a not in DESKS),
        )


def conversation(number: int, begun: datetime) -> Iterator[Written]:
    """The mails of one case, in the order of writing; the same number tells the same."""
    chance = random.Random(number)  # repeatable
    words = [a_word(zipf(chance, 20_000)) for _ in range(30)]
    user, desk = f"user{zipf(chance, 3000)}@{DOMAIN}", chance.choice(DESKS)
    vendor = list(VENDORS)[zipf(chance, len(VENDORS))]
    code, ref = f"E{chance.randrange(10**6):06d}", f"{10_000_000 + number}"
    title, asked = f"{words[0]} {words[1]} fails".capitalize(), f"{words[2]} {words[0]} stops with {code}"
    numbered = f"{asked} [Case {ref}]"
    told = f"Since this morning {' '.join(words[:18])} shows {code} on unit {words[4]}-{number % 1000}."
    yield Written(number, 0, begun, user, desk, title, told)
    yield Written(
        number,
        1,
        begun + timedelta(minutes=40),
        desk,
        VENDORS[vendor],
        asked,
        f"One of ours sees {code}: {' '.join(words[:6] + words[18:])}. Please tell us the cause.",
        vendor=vendor,
    )
    receipt = f"We received your request about {words[2]} {code}."
    at = begun + timedelta(minutes=43)
    yield Written(number, 2, at, VENDORS[vendor], desk, numbered, receipt, (1,), ref, vendor)
    answer = f"Please replace {' '.join(words[2:12])} and tell us whether {code} is gone."
    at = begun + timedelta(hours=5)
    yield Written(number, 3, at, VENDORS[vendor], desk, numbered, answer, (1, 2), ref, vendor)
    passed = f"The maker asks to replace {' '.join(words[2:8])}. Can we do that today?"
    yield Written(number, 4, begun + timedelta(hours=6), desk, user, f"Re: {title}", passed, (0,))


def fill(database: Database, cases: int, chunk: int = 1000) -> int:
    """Write ``cases`` conversations that end at ``END``; returns how many keys they have."""
    keys = 0
    for index in sorted(thread_keys.indexes, key=str):  # made when all is there: that is much faster
        database.transact(index.drop)
    for first in range(1, cases + 1, chunk):
        numbers = range(first, min(first + chunk, cases + 1))
        keys += database.transact(partial(_put, numbers=numbers, cases=cases))
    for index in sorted(thread_keys.indexes, key=str):
        database.transact(index.create)
    database.transact(_finish)
    return keys


def _put(conn: Connection, numbers: range, cases: int) -> int:
    mails = [
        (one, one.node(number, (number - 1) * MAILS + one.step + 1))
        for number in numbers
        for one in _case(number, cases)
    ]
    keys = [key for _, node in mails for key in _keys(node)]
    first, last = mails[::MAILS], mails[MAILS - 1 :: MAILS]
    heads = [_head(number, *both) for number, *both in zip(numbers, first, last, strict=True)]
    conn.execute(insert(tables.cases), heads)
    conn.execute(insert(tables.messages), [_message(written, node) for written, node in mails])
    conn.execute(insert(thread_keys), keys)
    return len(keys)


def _finish(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        for table in ("cases", "messages"):
            query = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            conn.exec_driver_sql(query)
    conn.exec_driver_sql("ANALYZE")


def _case(number: int, cases: int) -> Iterator[Written]:
    return conversation(number, END - EVERY * (cases - number + 60))


def _head(number: int, first: tuple[Written, MessageFacts], last: tuple[Written, MessageFacts]) -> dict[str, Any]:
    return {
        "id": number, "title": first[0].subject, "status": "open", "priority": "P3", "kind": "incident",
        "vendor_refs": [], "missing": [], "opened_at": first[0].at, "updated_at": last[0].at, "set_by_people": {},
        "document": {},
    }  # fmt: skip


_PLACED_BY = ("new", "content", "in_reply_to", "vendor_ref", "in_reply_to")


def _message(written: Written, node: MessageFacts) -> dict[str, Any]:
    return {
        "id": node.id, "case_id": node.case, "origin": "delivered", "message_id": node.message_id,
        "in_reply_to": node.parents, "refs": node.refs, "author_address": node.author, "author_role": node.side,
        "to": [{"name": "", "address": written.to}], "cc": [], "subject": written.subject, "base_subject": node.base,
        "date": node.at, "date_offset": 0, "received_at": node.at, "text": written.text, "headers": {}, "defects": [],
        "vendor": node.vendor, "findings": [], "placed_by": _PLACED_BY[written.step],
        "evidence": {"evidence": [], "runners_up": []}, "indexed": True,
        "facts": node.document() | {"towards": [], "files": [], "subject_is_new": not node.parents, "sides": {}},
    }  # fmt: skip


def _keys(node: MessageFacts) -> Iterator[dict[str, Any]]:
    for kind, keys in zip(("own", "cites"), stored_keys(node), strict=True):
        for key in keys:
            yield {"key": key, "message_id": node.id, "kind": kind, "case_id": node.case}


def zipf(chance: random.Random, most: int) -> int:
    """A number below ``most``; the small ones often."""
    return min(int(most ** chance.random()) - 1, most - 1)


@cache
def a_word(rank: int) -> str:
    """A made-up word; the same rank, the same word."""
    chance = random.Random(f"word {rank}")
    return "".join(chance.choices(_SYLLABLES, k=3)) + _SYLLABLES[rank % len(_SYLLABLES)]
