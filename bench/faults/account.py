"""What was promised against what is there."""

from __future__ import annotations

import json
import random
import statistics
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select

from service.store import spool_view
from service.store.database import Connection, Database
from service.store.packing import unpack
from service.store.tables import contents, messages
from service.store.tables import spool as entries

ASKED = 1000
"""So many acknowledged mails are also asked for over HTTP; all of them are looked up in the tables."""


@dataclass(frozen=True, slots=True)
class Done:
    """A fault that was done."""

    kind: str
    at: float
    """Seconds since the start."""
    lasted: float
    red: bool
    """``/readyz`` was not 200 at some moment of it."""
    recovered: float | None
    """Seconds from its end until ready and the next 250; None: not within the time given."""
    trouble: str = ""
    """Why it could not be done."""


@dataclass
class Account:
    """One database's."""

    database: str
    sent: int = 0
    acknowledged: int = 0
    """Promises; a mail whose reply was lost is promised again."""
    unacknowledged: int = 0
    """Mails that had no 250 in the end."""
    faults: list[Done] = field(default_factory=list)
    replies: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    """Kept with other bytes than were sent."""
    unasked: list[str] = field(default_factory=list)
    """Not exactly once in ``GET /api/messages``."""
    asked: int = 0
    twice_received: int = 0
    """Mails received more than once, since the first promise never reached the sender; each is one message."""
    ledger: spool_view.Ledger | None = None
    restarts: int = 0
    seconds: float = 0.0

    @property
    def done(self) -> list[Done]:
        return [one for one in self.faults if not one.trouble]

    @property
    def good(self) -> bool:
        kept = not (self.lost or self.doubled or self.changed or self.unasked or self.unacknowledged)
        whole = self.ledger is not None and self.ledger.balanced and not self.ledger.waiting
        return kept and whole and all(one.recovered is not None for one in self.done)

    def by_kind(self) -> dict[str, dict[str, float]]:
        found: defaultdict[str, list[Done]] = defaultdict(list)
        for one in self.done:
            found[one.kind].append(one)
        return {
            kind: {
                "faults": len(some),
                "red": sum(one.red for one in some),
                "recovered": sum(one.recovered is not None for one in some),
                "median_s": round(statistics.median([one.recovered or 0.0 for one in some]), 1),
                "longest_s": round(max(one.recovered or 0.0 for one in some), 1),
            }
            for kind, some in sorted(found.items())
        }

    def document(self) -> dict[str, Any]:
        ledger = self.ledger
        return {
            "database": self.database,
            "good": self.good,
            "sent": self.sent,
            "acknowledged": self.acknowledged,
            "unacknowledged": self.unacknowledged,
            "faults": len(self.done),
            "lost": self.lost,
            "doubled": self.doubled,
            "changed": self.changed,
            "asked_over_http": self.asked,
            "not_once_over_http": self.unasked,
            "received_twice": self.twice_received,
            "accepted": ledger.accepted if ledger else None,
            "taken_in": ledger.taken_in if ledger else None,
            "waiting": ledger.waiting if ledger else None,
            "shunted": ledger.shunted if ledger else None,
            "restarts_of_serve": self.restarts,
            "replies": self.replies,
            "by_kind": self.by_kind(),
            "not_done": dict(Counter(f"{one.kind}: {one.trouble}" for one in self.faults if one.trouble)),
            "seconds": round(self.seconds),
        }


def compare(
    account: Account, database: Database, http: int, sent: Mapping[str, str], promised: Mapping[str, str], seed: int
) -> None:
    """Look up everything that was promised, once all is quiet."""
    account.sent, account.acknowledged = len(sent), len(promised)
    account.unacknowledged = len(set(sent) - set(promised.values()))
    database.read(lambda conn: _count(conn, account, sent, promised))
    names = sorted(set(promised.values()))
    account.asked = min(ASKED, len(names))
    account.unasked = [name for name in random.Random(seed).sample(names, account.asked) if _over_http(http, name) != 1]


def _count(conn: Connection, account: Account, sent: Mapping[str, str], promised: Mapping[str, str]) -> None:
    states = {row.id: row for row in conn.execute(select(entries.c.id, entries.c.state, entries.c.sha256))}
    digests: dict[str, str] = {}
    for row in conn.execute(select(contents.c.id, contents.c.codec, contents.c.bytes)):
        digests[row.id] = sha256(unpack(row.bytes) if row.codec == "zstd" else row.bytes).hexdigest()
    query = select(messages.c.message_id, func.count().label("n")).group_by(messages.c.message_id)
    found = {row.message_id: int(row.n) for row in conn.execute(query)}
    for id, name in promised.items():
        if id not in states or id not in digests or (states[id].state == "done" and name not in found):
            account.lost.append(id)
        elif not states[id].sha256 == digests[id] == sent[name]:
            account.changed.append(id)
    account.doubled = [name for name, number in found.items() if number != 1 and name in sent]
    received = Counter(row.sha256 for row in states.values())
    account.twice_received = sum(1 for number in received.values() if number > 1)
    account.ledger = spool_view.ledger(conn)


def _over_http(port: int, name: str) -> int:
    url = f"http://127.0.0.1:{port}/api/messages?message_id={urllib.parse.quote(name)}"
    with urllib.request.urlopen(url, timeout=30) as answer:
        return len(json.load(answer)["items"])


def table(accounts: Sequence[Account]) -> str:
    """For people."""
    lines = []
    for one in accounts:
        ledger = one.ledger
        lines.append(
            f"{one.database}: {'good' if one.good else 'BAD'}: sent {one.sent}, acknowledged {one.acknowledged}, "
            f"faults {len(one.done)}, lost {len(one.lost)}, doubled {len(one.doubled)}, changed {len(one.changed)}; "
            f"{len(one.unasked)} of {one.asked} not once over HTTP"
        )
        if ledger is not None:
            lines.append(
                f"  accepted {ledger.accepted} = taken in {ledger.taken_in} + waiting {ledger.waiting}"
                f" + shunted {ledger.shunted}; received twice {one.twice_received}; serve restarted {one.restarts}"
            )
        lines.append(f"  senders met {one.replies}")
        lines.append(f"  {'fault':<42}{'done':>5}{'red':>5}{'back':>6}{'median s':>10}{'longest s':>11}")
        for kind, row in one.by_kind().items():
            lines.append(
                f"  {kind:<42}{row['faults']:>5.0f}{row['red']:>5.0f}{row['recovered']:>6.0f}{row['median_s']:>10.1f}"
                f"{row['longest_s']:>11.1f}"
            )
        lines.extend(f"  not done: {why} ({n} times)" for why, n in one.document()["not_done"].items())
    return "\n".join(lines)
