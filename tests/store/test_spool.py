"""The spool: claims, leases and attempts."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from service import intake
from service.store import queues, spool, spool_view
from service.store.contents import content as content_of
from service.store.database import Database
from service.store.spool import Claimed, Envelope, LostLease
from service.store.tables import spool as table

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
LATER = NOW + LEASE + timedelta(seconds=1)
ENVELOPE = Envelope("smtp", "a@example.org", ("help@intake.example",), "192.0.2.1", "mx.example.org")


def _receive(database: Database, count: int, at: datetime = NOW) -> list[str]:
    return intake.receive(database, [(ENVELOPE, b"Subject: %d\r\n\r\n" % n) for n in range(count)], at)


def _claim(database: Database, by: str = "w1", at: datetime = NOW, limit: int = 10) -> list[tuple[str, int]]:
    """Return (id, attempt) of each claimed mail."""
    return [(one.id, one.attempt) for one in _claimed(database, by, at, limit)]


def _claimed(database: Database, by: str = "w1", at: datetime = NOW, limit: int = 10) -> list[Claimed]:
    return database.transact(lambda conn: spool.claim(conn, by, at, LEASE, limit))


def _state(database: Database, id: str) -> tuple[str, int, str | None]:
    entry = database.read(lambda conn: spool_view.entry(conn, id))
    return entry["state"], entry["attempts"], entry["reason"]


def test_a_mail_is_stored_unchanged_and_its_envelope_without_invalid_characters(database: Database) -> None:
    content = bytes(range(256)) * 40
    odd = Envelope("smtp", "Ü@例え.example", ("a@x", "b\x00@y", "\udcff@z"), None, "\udc80", None)
    [id] = intake.receive(database, [(odd, content)], NOW)
    [claimed] = _claimed(database)
    assert (claimed.id, claimed.content, claimed.attempt, claimed.received_at) == (id, content, 1, NOW)
    assert claimed.envelope.mail_from == "Ü@例え.example"
    assert claimed.envelope.rcpt_tos == ("a@x", "b\ufffd@y", "\ufffd@z")
    assert content_of(database, None, id) == content


def test_a_claim_takes_the_oldest_mails_and_none_twice(database: Database) -> None:
    ids = _receive(database, 5)
    assert _claim(database, "w1", limit=3) == [(id, 1) for id in ids[:3]]
    assert _claim(database, "w2", limit=3) == [(id, 1) for id in ids[3:]]
    assert _claim(database, "w3") == []
    assert ids == sorted(ids)
    assert [entry["id"] for entry in database.read(spool_view.listing)] == ids[::-1]


def test_a_mail_whose_lease_expired_is_claimed_alone(database: Database) -> None:
    ids = _receive(database, 3)
    _claim(database, "dead")
    new = _receive(database, 2, LATER)
    claims = [_claim(database, "w2", LATER) for _ in range(5)]
    assert claims == [[(ids[0], 2)], [(ids[1], 2)], [(ids[2], 2)], [(new[0], 1), (new[1], 1)], []]


def test_a_worker_that_lost_the_lease_changes_nothing(database: Database) -> None:
    [id] = _receive(database, 1)
    _claim(database, "slow")
    _claim(database, "quick", LATER)
    fail: dict[str, Any] = {"id": id, "by": "slow", "now": LATER}
    again = partial(spool.retry_alone_later, **fail, why="no", patience=1, longest=timedelta(minutes=1))
    with pytest.raises(LostLease):
        database.transact(lambda conn: spool.finish(conn, [id], "slow", LATER))
    for _ in range(spool.MAX_ATTEMPTS):
        database.transact(partial(spool.back_off, **fail, reason="ValueError: no"))
        assert database.transact(again) == 0
    database.transact(lambda conn: spool.give_back(conn, "slow"))
    assert _state(database, id) == ("waiting", 2, None)
    database.transact(lambda conn: spool.finish(conn, [id], "quick", LATER))
    with pytest.raises(LostLease):
        database.transact(lambda conn: spool.finish(conn, [id], "quick", LATER))
    assert _state(database, id)[0] == "done"
    assert _claim(database, at=NOW + timedelta(days=1)) == []


def test_the_leases_of_a_dead_worker_can_be_released_and_its_attempts_count(database: Database) -> None:
    ids = _receive(database, 2)
    _claim(database, "dead")
    holders, release = partial(queues.holders, table=table), partial(queues.release, table=table, by="dead")
    assert database.read(holders) == {"dead"}
    database.transact(release)
    assert [_claim(database) for _ in ids] == [[(ids[0], 2)], [(ids[1], 2)]]
    assert database.read(holders) == {"w1"}
