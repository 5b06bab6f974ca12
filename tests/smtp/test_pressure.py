"""When there is no room, mail waits with its senders: 452, and the conversation goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import uvloop

from service.smtp import pressure
from service.smtp.committer import Committer
from service.smtp.content import Content
from service.smtp.limits import BareNewlines, Budget
from service.smtp.listener import Listener
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from tests.served import wait_until
from tests.smtp.conversation import Client, acceptor, set_up


async def _come_true(holds: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, holds)


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


def test_contents_on_their_way_share_one_budget() -> None:
    class Keep:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            return f"250 2.0.0 {envelope.received.size}"

    async def begin(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"HELO c\r\n")
        await reader.readline()
        return reader, writer

    async def talk(listener: Listener, port: int) -> list[bytes]:
        reader, writer = await begin(port)
        other, others = await begin(port)
        writer.write(b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" + b"x" * 900_000)
        said = [await reader.readline() for _ in range(3)]
        await _come_true(lambda: listener.budget.held >= 900_000)  # of 1.1 million that one address may hold
        begun = b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
        others.write(begun)
        said += [await other.readline() for _ in range(3)]
        writer.write(b"\r\n.\r\n")
        said.append(await reader.readline())
        others.write(begun + b"x" * 5000)
        said += [await other.readline() for _ in range(3)]
        await _come_true(lambda: listener.budget.held >= 5000)
        others.close()
        await _come_true(lambda: listener.connections == 1)
        said.append(b"%d" % listener.budget.held)
        writer.close()
        return said

    async def both() -> list[bytes]:
        listener = Listener(Keep(), hostname="mx", budget=Budget(4_400_000))
        port = (await listener.listen("127.0.0.1", 0)).sockets[0].getsockname()[1]
        try:
            return await talk(listener, port)
        finally:  # a loop with an open listener does not close
            await listener.stop(1)

    assert [line[:9] for line in uvloop.run(both())] == [
        *(b"250 2.1.0", b"250 2.1.5", b"354 End d"),
        *(b"250 2.1.0", b"250 2.1.5", b"452 4.3.1"),
        b"250 2.0.0",
        *(b"250 2.1.0", b"250 2.1.5", b"354 End d"),
        b"0",
    ]
