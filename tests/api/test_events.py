"""Server-sent events, and webhooks: order, signatures, retries, and addresses that are never used."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from service.api.webhook_delivery import deliver_one, reachable
from service.desk import Desk
from service.store import webhooks
from service.store.encryption import secret_box
from tests.mailbox.provider import Answer, http_server
from tests.mails import ASK, LOGS, REPORT
from tests.running import Running, now, with_settings

LOOPBACK = (ip_network("127.0.0.0/8"),)


def next_event(stream: httpx.Response) -> dict[str, str]:
    """Return the fields of the next event of a stream."""
    fields: dict[str, str] = {}
    for line in stream.iter_lines():
        if line:
            name, _, fields[name] = line.partition(": ")
        elif "data" in fields:
            break
    return fields


@pytest.mark.both_databases
def test_a_client_of_the_stream_gets_an_event_about_a_new_mail(service: Running) -> None:
    (key,) = service.deliver(ASK)
    with service.client.stream("GET", "/api/events") as stream:
        timer = threading.Timer(0.3, service.deliver, args=(LOGS,))
        timer.start()
        event = next_event(stream)
        timer.join()
    assert (event["event"], json.loads(event["data"])["case"]) == ("case.changed", key)


class Receiver:
    """A receiver of webhooks that stores all requests. It responds with ``statuses``, then with 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.url = ""

    def respond(self, _method: str, _path: str, headers: Any, body: bytes) -> Answer:
        self.requests.append((dict(headers), body))
        return self.statuses.pop(0) if self.statuses else 200, b"", {"Location": "http://127.0.0.1:1/elsewhere"}

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.requests]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    with http_server(made.respond) as port:
        made.url = f"http://127.0.0.1:{port}/"
        yield made


def soon() -> datetime:
    """Return a time at which webhooks of tests are due. The service's own sender does not send them before."""
    return now() + timedelta(minutes=2)


def desk_of(service: Running, *, loopback: bool = True) -> Desk:
    """Return a desk at the time ``soon``. ``loopback``: webhooks may have addresses of this machine."""
    settings = with_settings(service.settings, webhook_networks=LOOPBACK if loopback else ())
    return Desk(settings, service.database, lambda: service.context, lambda: soon() + timedelta(minutes=1))


def hook(service: Running, url: str, *kinds: str) -> str:
    """Create a webhook and return its secret."""
    box = secret_box(service.settings)
    return service.database.transact(lambda conn: webhooks.create(conn, box, url, kinds, soon()))[1]


def deliver_all(desk: Desk) -> None:
    async def deliver() -> None:
        while await deliver_one(desk):
            pass

    asyncio.run(deliver())


def test_events_are_sent_to_webhooks_in_order_and_signed(service: Running, receiver: Receiver) -> None:
    secret = hook(service, f"{receiver.url}in?x=1")
    filtered = Receiver()
    with http_server(filtered.respond) as port:
        hook(service, f"http://127.0.0.1:{port}/", "case.changed")
        (key,) = service.deliver(ASK)
        service.deliver(LOGS)
        for _ in range(2):  # each event is sent only once
            deliver_all(desk_of(service))
    assert (filtered.types(), receiver.types()) == (["case.changed"], ["case.opened", "case.changed"])
    for headers, body in receiver.requests:
        assert Webhook(secret).verify(body, headers)["data"]["case"] == key
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 2


@pytest.mark.parametrize("status", [500, 301, 404])
def test_a_failed_delivery_is_recorded_for_a_retry(embedded: Running, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    hook(embedded, receiver.url)
    embedded.deliver(REPORT)
    deliver_all(desk_of(embedded))
    (row,) = embedded.database.read(webhooks.listing)
    assert (row["attempts"], row["last_error"]) == (1, f"the response was {status}; expected 2xx")
    assert row["due_at"] > now()
    assert len(receiver.requests) == 1  # a redirect is not followed


def test_failures_before_a_delivery_do_not_count_towards_disabling(embedded: Running, receiver: Receiver) -> None:
    hook(embedded, receiver.url)
    embedded.deliver(ASK)
    embedded.deliver(LOGS)
    receiver.statuses = [500]
    desk = desk_of(embedded)
    deliver_all(desk)
    receiver.statuses = [200, 500]
    deliver_all(replace(desk, now=lambda: soon() + timedelta(hours=1)))
    (row,) = embedded.database.read(webhooks.listing)
    assert row["attempts"] == 1


def test_a_stored_webhook_with_a_private_address_is_never_connected_to(embedded: Running, receiver: Receiver) -> None:
    """A name may resolve to another address than when the webhook was created."""
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        hook(embedded, receiver.url.replace("127.0.0.1", host))
    embedded.deliver(REPORT)
    deliver_all(desk_of(embedded, loopback=False))
    assert receiver.requests == []
    assert [row["attempts"] for row in embedded.database.read(webhooks.listing)] == [1] * 5


def test_only_public_and_allowed_addresses_are_reachable() -> None:
    assert reachable(ip_address("93.184.215.14"), ())
    assert reachable(ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"), ())
    assert reachable(ip_address("10.1.2.3"), (ip_network("10.1.2.0/24"),))
    for address in ("64:ff9b::7f00:1", "2001:0:7f00:1::"):  # they contain IPv4 addresses that are not allowed
        assert not reachable(ip_address(address), (ip_network("64:ff9b::/32"), ip_network("2001::/16")))


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://127.0.0.1/", "https://[::1]/",
     "https://user:secret@example.com/", "https://", "https://exa mple.com/", "https://example.com/\r\nX: y",
     "https://169.254.169.254/latest/meta-data/", "gopher://x", "https://[::1", "https://example.com:99999/"],
)  # fmt: skip
def test_a_webhook_with_an_unusable_url_is_refused(empty: Running, url: str) -> None:
    answer = empty.client.post("/api/webhooks", json={"url": url})
    assert answer.status_code in (403, 422)
    assert empty.get("/api/webhooks")["items"] == []


def test_a_webhook_is_created_listed_and_deleted(service: Running) -> None:
    made = service.client.post("/api/webhooks", json={"url": "https://hooks.example/in", "kinds": ["case.opened"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    (listed,) = service.get("/api/webhooks")["items"]
    assert "secret" not in listed
    assert service.get(made.headers["location"])["url"] == "https://hooks.example/in"
    assert service.client.delete(made.headers["location"]).status_code == 204
    assert service.client.delete(made.headers["location"]).status_code == 404
