"""When there is no room, mail waits with its senders: 452, and the conversation goes on."""

import asyncio
from datetime import UTC, datetime

import pytest

from service.smtp import pressure
from service.smtp.committer import Committer
from service.smtp.content import Content
from service.smtp.limits import BareNewlines
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from tests.served import wait_until
from tests.smtp.conversation import Client, acceptor, set_up


def _asked(client: Client) -> str:
    client.say("EHLO c")
    return client.say("MAIL FROM:<a@example.org>")


def test_a_disk_that_is_nearly_full(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), min_free_bytes=2**62)) as address, Client(address) as client:
        wait_until(lambda: _asked(client).startswith("452 4.3.1 "))
        assert client.say("RCPT TO:<help@intake.example>").startswith("503 5.5.1")


def test_workers_far_behind(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pressure, "CHECK_SECONDS", 0.02)
    with acceptor(set_up(str(sqlite.url), max_waiting=2)) as address, Client(address) as client:
        for number in range(3):
            assert client.mail(b"Subject: %d" % number).startswith("250 2.0.0")
        wait_until(lambda: _asked(client).startswith("452 4.3.1 "))
        sqlite.transact(lambda conn: conn.exec_driver_sql("UPDATE spool SET state = 'done'"))
        wait_until(lambda: _asked(client).startswith("250 2.1.0"))
    assert sqlite.read(spool_view.ledger).taken_in == 3


def test_a_mail_for_which_memory_is_lacking_stops_no_other(sqlite: Database) -> None:
    class TooBig(Content):
        def read(self, bare_newlines: BareNewlines = "normalise") -> bytes:
            raise MemoryError

    async def store_both() -> str:
        committer = Committer(sqlite, lambda: datetime.now(UTC))
        committer.start()
        try:
            with pytest.raises(MemoryError):
                await asyncio.wait_for(committer.store(Envelope("smtp"), _whole(TooBig(1000))), 20)
            return await asyncio.wait_for(committer.store(Envelope("smtp"), _whole(Content(1000))), 20)
        finally:
            await asyncio.to_thread(committer.stop)

    id = asyncio.run(store_both())
    assert sqlite.read(lambda conn: spool_view.entry(conn, id))["state"] == "waiting"


def _whole(content: Content) -> Content:
    content.feed(b"Subject: x\r\n\r\nx\r\n.\r\n")
    return content
