"""Fast inserts into the spool give the same rows and errors as SQLAlchemy."""

import itertools
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
from sqlalchemy import insert

from service.errors import Unavailable
from service.intake import receive_entries
from service.store import spool, spool_insert, spool_view, tables
from service.store.contents import content as content_of
from service.store.database import Connection, Database
from service.store.migrate import migrate
from service.store.spool import Envelope, NewEntry
from tests.postgres import Postgres

NOON = datetime(2026, 3, 1, 12, 0, 0, 250, UTC)

ENVELOPES = [
    Envelope("smtp", "a@example.org", ("help@intake.example", "b@intake.example"), "192.0.2.1", "mx.example"),
    Envelope("lmtp"),
    Envelope("mailbox", "a@example.org", ("help@intake.example",), source="support", authserv="mx.provider.example"),
    Envelope("smtp", "用户@例子.example", ("求助@例子.example",), "2001:db8::1", "[192.0.2.1]"),
    Envelope("import", "nul\0 \udcff@x", ('"quote\\"d"@intake.example', "\0"), None, "\udc80", "mails/\udcff.eml"),
]


def _insert_by_sqlalchemy(conn: Connection, entry: NewEntry) -> None:
    row = {"id": entry.id, "received_at": entry.received_at, "due_at": entry.received_at, "state": "waiting"}
    row |= {"size": len(entry.content), "sha256": entry.sha256, **asdict(entry.envelope)}
    conn.execute(insert(tables.spool).values(row))
    conn.execute(insert(tables.contents).values(id=entry.id, codec="raw", bytes=entry.content))


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_a_fast_insert_writes_the_same_rows_as_sqlalchemy(database: Database, envelope: Envelope) -> None:
    moments = (NOON, NOON.replace(microsecond=0), NOON.astimezone(timezone(timedelta(hours=9))))
    for moment, padding in itertools.product(moments, (0, 600_000)):
        content = b"Subject: \0\xff\r\n\r\nx\\N\t\r\n" + b"x" * padding
        fast, slow = spool.new_entry(envelope, content, moment), spool.new_entry(envelope, content, moment)
        assert receive_entries(database, [fast]) == [fast.id]
        database.transact(partial(_insert_by_sqlalchemy, entry=slow))
        written = [dict(database.read(partial(spool_view.entry, id=e.id)), id="") for e in (fast, slow)]
        assert written[0] == written[1]
        for entry in (fast, slow):
            assert content_of(database, None, entry.id) == content
        columns = "received_at, due_at, rcpt_tos, source, peer, helo, mail_from, attempts"
        query = f"SELECT {columns} FROM spool WHERE id IN ('{fast.id}', '{slow.id}')"
        stored = database.read(partial(Connection.exec_driver_sql, statement=query)).all()
        assert stored[0] == stored[1]


def test_all_mails_of_a_group_are_stored_or_none(database: Database) -> None:
    twice = spool.new_entry(ENVELOPES[0], b"x", NOON)
    with pytest.raises(Exception, match=r"(?i)unique"):
        receive_entries(database, [spool.new_entry(ENVELOPES[0], b"y", NOON), twice, twice])
    assert database.read(spool_view.listing) == []


def test_a_group_that_needs_several_statements_is_stored(database: Database) -> None:
    entries = [spool.new_entry(ENVELOPES[0], b"%d" % n, NOON) for n in range(1100)]
    database.transact(lambda conn: spool_insert.insert_entries(conn, entries))
    assert database.read(spool_view.ledger).waiting == 1100
    for entry in entries[::200]:
        assert content_of(database, None, entry.id) == entry.content


def test_a_stopped_server_is_unavailable_until_it_is_started_again(own_postgres: Postgres) -> None:
    database = Database(own_postgres.create("away"))
    migrate(database)

    def put(conn: Connection, size: int = 1, *, stops: bool = False) -> None:
        if stops:
            conn.exec_driver_sql("SELECT 1")
            own_postgres.pause()
        spool_insert.insert_entries(conn, [spool.new_entry(ENVELOPES[0], b"x" * size, NOON)])

    database.transact(put)
    for size in (1, 600_000):
        with pytest.raises(Unavailable):
            database.transact(partial(put, size=size, stops=True))
        own_postgres.start()
        database.transact(partial(put, size=size))
    own_postgres.pause()
    with pytest.raises(Unavailable):
        database.transact(put)
    with pytest.raises(Unavailable):
        receive_entries(database, [spool.new_entry(ENVELOPES[0], b"lost too", NOON)])
    own_postgres.start()
    database.transact(put)
    assert database.read(spool_view.ledger).waiting == 4
    database.close()
