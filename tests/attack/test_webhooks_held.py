"""A webhook that answers slowly or never delays no other webhook; after nine failures it is disabled."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest
from sqlalchemy import select

from service.api import webhook_delivery
from service.store import webhooks
from service.store.tables import events
from tests.api.test_events import desk_of, hook, soon
from tests.mailbox.provider import Answer, http_server
from tests.mails import REPORT
from tests.running import Running

MINUTE = timedelta(minutes=1)
LONG_LABEL = "a" * 64 + ".example"
NAMES = (
    LONG_LABEL, "hooks." + "b" * 80 + ".example", "あ" * 60 + ".example", ".".join(["c" * 60] * 5), "a..example",
    ".example",
)  # fmt: skip


class Slow(StreamRequestHandler):
    """Sends a header that never ends."""

    def handle(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                time.sleep(0.05)
                self.wfile.write(b"X-Drop: 1\r\n")


@contextmanager
def slow_server() -> Iterator[int]:
    """Run a server that never completes an answer; yield its port."""
    with ThreadingTCPServer(("127.0.0.1", 0), Slow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def deliver(service: Running, ahead: timedelta = timedelta(0)) -> bool:
    """Deliver one event that is due at that time; return whether there is one."""
    desk = desk_of(service)
    return asyncio.run(webhook_delivery.deliver_one(replace(desk, now=lambda: soon() + MINUTE + ahead)))


def stored(service: Running) -> dict[str, object]:
    """Return the stored row of the one webhook."""
    [row] = service.database.read(webhooks.listing)
    return row


def test_a_slow_webhook_does_not_delay_another(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_delivery, "POLL_SECONDS", 0.05)
    answered = threading.Event()

    def answer(*_: object) -> Answer:
        answered.set()
        return 204, b"", {}

    async def until_answered() -> None:
        async with webhook_delivery.sending(desk_of(embedded)):
            assert await asyncio.to_thread(answered.wait, 30)

    with slow_server() as slow, http_server(answer) as quick:
        for port in (slow, slow, slow, quick):
            hook(embedded, f"http://127.0.0.1:{port}/")
        embedded.deliver(REPORT)
        asyncio.run(until_answered())


def test_a_slow_webhook_is_cut_off_and_the_error_is_stored(embedded: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_delivery, "TOTAL_SECONDS", 0.5)
    with slow_server() as port:
        hook(embedded, f"http://127.0.0.1:{port}/")
        embedded.deliver(REPORT)
        assert deliver(embedded)
    found = stored(embedded)
    assert (found["attempts"], found["last_error"]) == (1, "no response within 0.5 seconds")


@pytest.mark.parametrize("name", NAMES)
def test_a_webhook_with_an_invalid_host_name_is_refused(empty: Running, name: str) -> None:
    answer = empty.client.post("/api/webhooks", json={"url": f"https://{name}/in", "kinds": []})
    assert answer.status_code in (400, 422)
    assert "url" in answer.text


@pytest.mark.parametrize("name", [*NAMES, "[::1%25]"])
def test_a_delivery_to_an_invalid_host_name_counts_as_a_failure(embedded: Running, name: str) -> None:
    hook(embedded, f"https://{name}/in")
    embedded.deliver(REPORT)
    assert deliver(embedded)
    found = stored(embedded)
    assert (found["attempts"], bool(found["last_error"])) == (1, True)
    assert not deliver(embedded), "it is not tried again at once"


def test_after_nine_failures_a_webhook_is_disabled_and_an_event_reports_it(embedded: Running) -> None:
    hook(embedded, f"https://{LONG_LABEL}/in")
    embedded.deliver(REPORT)
    for number in range(9):
        assert stored(embedded)["disabled_at"] is None
        deliver(embedded, timedelta(days=number + 1))
    assert stored(embedded)["disabled_at"] is not None
    query = select(events.c.data).where(events.c.kind == "webhook.disabled")
    [data] = embedded.database.read(lambda conn: conn.execute(query).scalars().all())
    assert data["webhook"] == stored(embedded)["id"]
