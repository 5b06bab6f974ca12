"""Claims, leases, attempts: what keeps every mail, whoever dies."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from service import intake
from service.errors import Conflict, NotFound
from service.store import spool, spool_view
from service.store.contents import content as content_of
from service.store.database import Database
from service.store.spool import Claimed, Envelope, LostLease

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
ENVELOPE = Envelope("smtp", "a@example.org", ("help@intake.example",), "192.0.2.1", "mx.example.org")


def _receive(database: Database, count: int, at: datetime = NOW) -> list[str]:
    return intake.receive(database, [(ENVELOPE, b"Subject: %d\r\n\r\n" % n) for n in range(count)], at)


def _claim(database: Database, by: str = "w1", at: datetime = NOW, limit: int = 10) -> list[Claimed]:
    return database.transact(lambda conn: spool.claim(conn, by, at, LEASE, limit))


def _state(database: Database, id: str) -> tuple[str, int, str | None]:
    entry = database.read(lambda conn: spool_view.entry(conn, id))
    return entry["state"], entry["attempts"], entry["reason"]


def test_what_was_received_comes_back_as_it_was(database: Database) -> None:
    content = bytes(range(256)) * 40
    odd = Envelope("smtp", "Ü@例え.example", ("a@x", "b\x00@y", "\udcff@z"), None, "\udc80", None)
    [id] = intake.receive(database, [(odd, content)], NOW)
    [claimed] = _claim(database)
    assert (claimed.id, claimed.content, claimed.attempt, claimed.received_at) == (id, content, 1, NOW)
    assert claimed.envelope.mail_from == "Ü@例え.example"
    assert claimed.envelope.rcpt_tos == ("a@x", "b\ufffd@y", "\ufffd@z")
    assert content_of(database, None, id) == content


def test_a_claim_takes_the_oldest_first_and_no_mail_twice(database: Database) -> None:
    ids = _receive(database, 5)
    assert [claimed.id for claimed in _claim(database, "w1", limit=3)] == ids[:3]
    assert [claimed.id for claimed in _claim(database, "w2", limit=3)] == ids[3:]
    assert _claim(database, "w3") == []
    assert ids == sorted(ids)  # by time of receipt
    assert [entry["id"] for entry in database.read(spool_view.listing)] == ids[::-1]


def test_a_lease_runs_out_and_then_the_mail_is_claimed_alone(database: Database) -> None:
    ids = _receive(database, 3)
    _claim(database, "dead")
    later = NOW + LEASE + timedelta(seconds=1)
    fresh = _receive(database, 2, later)
    claims = [[(one.id, one.attempt) for one in _claim(database, "w2", later)] for _ in range(5)]
    assert claims == [[(ids[0], 2)], [(ids[1], 2)], [(ids[2], 2)], [(fresh[0], 1), (fresh[1], 1)], []]


def test_a_failed_mail_waits_then_is_set_aside_with_its_reason(database: Database) -> None:
    [id] = _receive(database, 1)
    at = NOW
    for attempt in range(1, 4):
        assert [one.attempt for one in _claim(database, "w1", at)] == [attempt]
        at += timedelta(seconds=30)
        database.transact(partial(spool.back_off, id=id, by="w1", reason="ValueError: no", now=at, due_at=at))
        assert _claim(database, "w1", at - timedelta(seconds=1)) == []
    assert _state(database, id) == ("shunted", 3, "ValueError: no")
    assert _claim(database, "w1", at + timedelta(days=1)) == []


def test_who_lost_the_lease_may_not_finish_and_changes_nothing(database: Database) -> None:
    [id] = _receive(database, 1)
    _claim(database, "slow")
    at = NOW + LEASE + timedelta(seconds=1)
    _claim(database, "quick", at)
    with pytest.raises(LostLease):
        database.transact(lambda conn: spool.finish(conn, [id], "slow", at))
    for _ in range(spool.MAX_ATTEMPTS):
        database.transact(partial(spool.back_off, id=id, by="slow", reason="ValueError: no", now=at, due_at=at))
        longest = timedelta(minutes=1)
        off = partial(spool.retry_alone_later, id=id, by="slow", why="no", now=at, patience=1, longest=longest)
        assert database.transact(off) == 0
    database.transact(lambda conn: spool.give_back(conn, "slow"))
    assert _state(database, id) == ("waiting", 2, None)
    database.transact(lambda conn: spool.finish(conn, [id], "quick", at))
    with pytest.raises(LostLease):
        database.transact(lambda conn: spool.finish(conn, [id], "quick", at))
    assert _state(database, id)[0] == "done"
    assert _claim(database, at=NOW + timedelta(days=1)) == []


def test_what_was_not_tried_is_given_back_uncounted(database: Database) -> None:
    ids = _receive(database, 2)
    _claim(database)
    database.transact(lambda conn: spool.give_back(conn, "w2"))
    assert _claim(database, "w2") == []
    database.transact(lambda conn: spool.give_back(conn, "w1"))
    assert [(one.id, one.attempt) for one in _claim(database)] == [(ids[0], 1), (ids[1], 1)]


def test_what_a_dead_worker_held_is_free_at_once_and_counted(database: Database) -> None:
    ids = _receive(database, 2)
    _claim(database, "dead")
    assert database.read(spool.holders) == {"dead"}
    assert database.transact(lambda conn: spool.release(conn, "dead")) == 2
    assert [[one.id for one in _claim(database)] for _ in ids] == [[ids[0]], [ids[1]]]
    assert database.read(spool.holders) == {"w1"}


def test_a_shunted_mail_is_tried_again_when_a_person_says_so(database: Database) -> None:
    first, second, third = _receive(database, 3)
    database.transact(lambda conn: spool.shunt(conn, [first, second], "broken", NOW))
    database.transact(lambda conn: spool.retry(conn, first, NOW))
    assert [(one.id, one.attempt) for one in _claim(database)] == [(first, 1), (third, 1)]
    with pytest.raises(Conflict, match="is waiting; only a shunted mail can be retried"):
        database.transact(lambda conn: spool.retry(conn, first, NOW))
    with pytest.raises(NotFound):
        database.transact(lambda conn: spool.retry(conn, "nothing", NOW))
    assert database.transact(lambda conn: spool.retry_all(conn, NOW)) == 1
    assert [one.id for one in _claim(database)] == [second]


def test_the_ledger_counts_every_mail_once(database: Database) -> None:
    ids = _receive(database, 6)
    _claim(database, limit=3)
    database.transact(lambda conn: spool.finish(conn, ids[:2], "w1", NOW))
    database.transact(lambda conn: spool.shunt(conn, ids[2:3], "broken", NOW))
    ledger = database.read(spool_view.ledger)
    assert (ledger.accepted, ledger.taken_in, ledger.waiting, ledger.shunted) == (6, 2, 3, 1)
    assert ledger.balanced
    assert database.read(spool_view.oldest_waiting) == NOW
    assert sorted(database.read(spool_view.done_without_message)) == ids[:2]
