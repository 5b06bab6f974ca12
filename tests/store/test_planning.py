"""Found out in two steps, with few stored messages, or at once with all that may have a say: the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
from sqlalchemy import Connection, insert

from service.case.bringing import bring
from service.case.node import Node
from service.case.threading import Plan, plan
from service.mail.message import Mail
from service.store.database import Database
from service.store.neighbours import neighbours
from service.store.placing import Arrived, numbered, place_all
from service.store.planning import planned
from service.store.tables import spool
from tests.case.filing import ACME, DESK, OTHER_USER, ROLES, UMBRA, USER, WAYS, inside, mail, read

REOPEN = timedelta(days=14)
WORDS = [f"{a}{b}" for a in ("lamp", "valve", "hinge", "pump", "gauge", "relay") for b in ("red", "old", "west", "two")]


def exchange(number: int, chance: Random) -> list[Mail]:
    """A report, the inquiry to a vendor, its receipt, an answer that is handed on or comes alone, the answer to the
    user: quoted, under other subjects, at their own pace; some parts are missing."""
    vendor, name = chance.choice(((ACME, "acme"), (UMBRA, "umbra")))
    one, two, three, four = chance.sample(WORDS, 4)
    code = f"X-{chance.randrange(30):03d}"
    start = number * chance.uniform(5, 60)
    times = [start]
    for _ in range(5):
        times.append(times[-1] + chance.choice((3, 4, 40, 400)))
    user = chance.choice((USER, OTHER_USER))
    reported = f"The {one} of bench {number} says {code} and {two} fails, {name} made it. Please help us with it soon."
    asked = f"{code} at a {one}, and {two} with {three} does not work here. What can be the cause of that, please?"
    answer = f"Please send the log of {code} for the {one} and the {four} so that we can look into it."
    serial = f"[{name} #{100000 + number}]"
    inquiry = f"{code} with {three}"
    known = inside(DESK, asked, times[1], subject=inquiry)
    mails = [
        mail(f"{number}r", user, f"{one} {two}", reported, times[0], to=(DESK,)),
        mail(f"{number}i", DESK, inquiry, asked, times[1], to=(vendor,)),
        mail(f"{number}n", vendor, f"{inquiry} {serial}", f"We opened it: {inquiry}.", times[2], to=(DESK,)),
        mail(f"{number}a", vendor, f"Re: {inquiry} {serial}", answer, times[3], to=(DESK,), history=(known,)),
        mail(
            f"{number}t",
            DESK,
            f"Re: {one} {two}",
            f"They ask for the log of {code}.",
            times[4],
            to=(user,),
            parent=f"{number}r",
            history=(inside(user, reported, times[0]),),
        ),
    ]
    if chance.random() < 0.4:  # it came to the desk alone
        handed_on = inside(vendor, answer, times[3], subject=f"Re: {inquiry} {serial}", origin="forwarded")
        mails[3] = mail(f"{number}f", DESK, f"FW: Re: {inquiry} {serial}", "FYI", times[3] + 1, forwarded=(handed_on,))
    return [one for one in mails if chance.random() < 0.85]


def exchanges(seed: int) -> list[Mail]:
    chance = Random(seed)
    mails = [one for number in range(30) for one in exchange(number, chance)]
    return sorted(mails, key=lambda one: (one.date or datetime.max.replace(tzinfo=UTC)) + _delay(chance))


def _delay(chance: Random) -> timedelta:
    return timedelta(minutes=chance.choice((0, 0, 1, 4, 30)))


def batches(mails: Sequence[Mail], size: int) -> Iterator[list[Arrived]]:
    last = datetime.min.replace(tzinfo=UTC)
    for start in range(0, len(mails), size):
        arrived = []
        for place, one in enumerate(mails[start : start + size], start):
            assert one.date is not None
            last = max(last, one.date + timedelta(seconds=5))
            brought = bring(one, ROLES, WAYS, received_at=last)
            arrived.append(Arrived(f"{place:036d}", last, tuple(map(read, brought))))
        yield arrived


def told(found: Plan, known: Mapping[int, Node]) -> object:
    """What is written down of a plan that looks at these alone."""
    new = {m for m in found.nodes if m < 0}
    stirred = [s for s in found.standings if new & set(s.members) or s.case is None]
    there = {m for s in stirred for m in s.members}
    return (
        sorted((s.case or 0, sorted(s.members)) for s in stirred),
        {m: found.evidence[m] for m in new},
        {m: found.evidence[m].kind for m in there},
        {m: [e for e, _ in found.runners_up.get(m, ())] for m in new},
        {m: found.nodes[m] for m in there},
        {m: s.case for s in found.standings for m in s.members if m in known and known[m].case != s.case},
        found.recognised,
        found.reused,
        found.emptied.keys(),
        found.turned,
    )


def both_ways(conn: Connection, arrived: Sequence[Arrived]) -> tuple[bool, bool]:
    """Whether few messages did, and whether content joined something; then the mails are placed."""
    for one in arrived:
        row = {"id": one.spool_id, "received_at": one.received_at, "channel": "smtp", "rcpt_tos": [], "size": 1}
        conn.execute(insert(spool).values(**row, sha256=one.spool_id, due_at=one.received_at, state="waiting"))
    flat = numbered(arrived)
    come = [brought.node for _, brought in flat]
    received = {brought.node.id: one.received_at for one, brought in flat}
    known, found = planned(conn, come, received, REOPEN)
    all_known, reach = neighbours(conn, come, received)
    at_once = plan(all_known.values(), come, reopen=REOPEN, reach=reach)
    assert told(found, known) == told(at_once, all_known)
    place_all(conn, arrived, now=arrived[-1].received_at, reopen=REOPEN)
    joined = any(found.evidence[m].kind == "content" for m in found.nodes if m < 0)
    return len(known) < len(all_known), joined


@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 1), (3, 4)])
def test_few_messages_say_what_all_say(database: Database, seed: int, size: int) -> None:
    found = [database.transact(partial(both_ways, arrived=arrived)) for arrived in batches(exchanges(seed), size)]
    assert sum(fewer for fewer, _ in found) > 5
    assert sum(joined for _, joined in found) > 3
