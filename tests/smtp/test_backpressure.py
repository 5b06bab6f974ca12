"""Temporary and permanent refusals: no disk space, too many waiting mails, sender rates, mail loops."""

import asyncio
from datetime import UTC, datetime

import pytest

from service.mail.hops import hops
from service.rate import HOUR, Rate
from service.smtp import backpressure
from service.smtp.committer import Committer
from service.smtp.content import Content
from service.smtp.limits import Rates
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from tests.served import wait_until
from tests.smtp.conversation import Client, acceptor, set_up


def _reply_to_mail(client: Client) -> str:
    client.say("EHLO c")
    return client.say("MAIL FROM:<a@example.org>")


def test_a_nearly_full_disk_is_answered_with_452(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), min_free_bytes=2**62)) as address, Client(address) as client:
        wait_until(lambda: _reply_to_mail(client).startswith("452 4.3.1 "))
        assert client.say("RCPT TO:<help@intake.example>").startswith("503 5.5.1")


def test_too_many_waiting_mails_are_answered_with_452(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backpressure, "CHECK_SECONDS", 0.02)
    with acceptor(set_up(str(sqlite.url), max_waiting=2)) as address, Client(address) as client:
        for number in range(3):
            assert client.mail(b"Subject: %d" % number).startswith("250 2.0.0")
        wait_until(lambda: _reply_to_mail(client).startswith("452 4.3.1 "))
        sqlite.transact(lambda conn: conn.exec_driver_sql("UPDATE spool SET state = 'done'"))
        wait_until(lambda: _reply_to_mail(client).startswith("250 2.1.0"))
    assert sqlite.read(spool_view.ledger).taken_in == 3


def test_a_mail_that_does_not_fit_into_memory_affects_no_other_mail(sqlite: Database) -> None:
    class TooBig(Content):
        def read(self) -> bytes:
            raise MemoryError

    async def store_both() -> str:
        committer = Committer(sqlite, lambda: datetime.now(UTC))
        committer.start()
        try:
            with pytest.raises(MemoryError):
                await asyncio.wait_for(committer.store(Envelope("smtp"), _complete(TooBig(1000))), 20)
            return await asyncio.wait_for(committer.store(Envelope("smtp"), _complete(Content(1000))), 20)
        finally:
            await asyncio.to_thread(committer.stop)

    id = asyncio.run(store_both())
    assert sqlite.read(lambda conn: spool_view.entry(conn, id))["state"] == "waiting"


def _complete(content: Content) -> Content:
    content.feed(b"Subject: x\r\n\r\nx\r\n.\r\n")
    return content


def _mail(received_lines: int) -> bytes:
    line = b"Received: from a.example by b.example;\r\n\tMon, 2 Mar 2026 09:00:00 +0900\r\n"
    return line * received_lines + b"From: a@example.org\r\nSubject: round\r\n\r\nReceived: not a header\r\n"


def test_the_hops_of_a_mail_are_the_received_lines_of_its_header() -> None:
    assert [hops(_mail(n)) for n in (0, 1, 7)] == [0, 1, 7]
    assert hops(b"RECEIVED : x\r\nreceived:y") == 2
    assert hops(b"X: " + b"x" * 300_000 + b"\r\nReceived: too far\r\n") == 0
    assert hops(b"X-Received: no\r\n\r\nReceived: no\r\n") == 0


def test_a_rate_counts_the_mails_of_one_sender_and_network_in_the_last_hour() -> None:
    now = [0.0]
    rates = Rates(2, 0, lambda: now[0])
    host = "192.0.2.1"
    replies = [rates.refusal(sender, host) for sender in ("A@x", "a@X", "a@x", "b@x")]
    assert [reply is None for reply in replies] == [True, True, False, True]
    assert all(rates.refusal("", host) is None for _ in range(9))
    now[0] = HOUR + 1
    assert rates.refusal("a@x", host) is None
    unlimited = Rate(0, lambda: 0.0)
    assert all(unlimited.allows("a@x") for _ in range(9))


def test_a_mail_loop_gets_554_and_a_sender_beyond_its_rate_450(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), max_hops=25, sender_rate=2)) as address, Client(address) as client:
        assert client.mail(_mail(26)).startswith("554 5.4.6 ")
        assert client.mail(_mail(25)).startswith("250 2.0.0 ")
        assert client.say("MAIL FROM:<user@example.org>").startswith("450 4.7.1 ")
        assert client.say("MAIL FROM:<other@example.org>").startswith("250")
    assert len(sqlite.read(spool_view.listing)) == 1
