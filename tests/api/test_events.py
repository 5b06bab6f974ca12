"""Server-sent events and webhooks: told at once, in order, again after a failure, and never into our own network."""

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

HOME = (ip_network("127.0.0.0/8"),)


def events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    said: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            said[name] = value
        elif "data" in said:
            yield {"id": int(said["id"]), "event": said.get("event"), **json.loads(said["data"])}
            said = {}


@pytest.mark.both_databases
def test_a_listener_hears_of_a_mail_that_comes_later(service: Running) -> None:
    (key,) = service.deliver(ASK)
    with service.client.stream("GET", "/api/events") as answer:
        stream = events(answer)
        timer = threading.Timer(0.3, service.deliver, args=(LOGS,))
        timer.start()
        heard = next(stream)
        timer.join()
    assert heard["case"] == key
    assert heard["event"] == "case.changed"


class Ear:
    """Keeps what it was sent; answers what the test says."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.url = ""

    def answer(self, _method: str, _path: str, headers: Any, body: bytes) -> Answer:
        self.heard.append((dict(headers), body))
        return self.answers.pop(0) if self.answers else 200, b"", {"Location": "http://127.0.0.1:1/elsewhere"}

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, body in self.heard]


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    with http_server(made.answer) as port:
        made.url = f"http://127.0.0.1:{port}/"
        yield made


def soon() -> datetime:
    """Webhooks of these tests are due by then: the service's own sender, which lives today, leaves them to the test."""
    return now() + timedelta(minutes=2)


def desk_of(service: Running, *, home: bool) -> Desk:
    settings = with_settings(service.settings, webhook_networks=HOME if home else ())
    return Desk(settings, service.database, lambda: service.context, lambda: soon() + timedelta(minutes=1))


def hook(service: Running, url: str, *kinds: str) -> str:
    box = secret_box(service.settings)
    return service.database.transact(lambda conn: webhooks.create(conn, box, url, kinds, soon()))[1]


def tell(desk: Desk) -> None:
    async def all_of_them() -> None:
        while await deliver_one(desk):
            pass

    asyncio.run(all_of_them())


def test_a_webhook_is_told_in_order_and_signed(service: Running, ear: Ear) -> None:
    secret = hook(service, f"{ear.url}in?x=1")
    picky = Ear()
    with http_server(picky.answer) as port:
        hook(service, f"http://127.0.0.1:{port}/", "case.changed")
        (key,) = service.deliver(ASK)
        service.deliver(LOGS)
        for _ in range(2):  # nothing is told twice
            tell(desk_of(service, home=True))
    assert (picky.types(), ear.types()) == (["case.changed"], ["case.opened", "case.changed"])
    for headers, body in ear.heard:
        assert Webhook(secret).verify(body, headers)["data"]["case"] == key
    assert len({headers["webhook-id"] for headers, _ in ear.heard}) == 2


@pytest.mark.parametrize("answer", [500, 301, 404])
def test_a_webhook_that_did_not_hear_is_told_again_later(embedded: Running, ear: Ear, answer: int) -> None:
    ear.answers = [answer]
    hook(embedded, ear.url)
    embedded.deliver(REPORT)
    tell(desk_of(embedded, home=True))
    (row,) = embedded.database.read(webhooks.listing)
    assert (row["attempts"], row["last_error"]) == (1, f"the response was {answer}; expected 2xx")
    assert row["due_at"] > now()
    assert len(ear.heard) == 1  # a redirect is not followed


def test_failures_before_a_delivery_do_not_count_towards_disabling(embedded: Running, ear: Ear) -> None:
    hook(embedded, ear.url)
    embedded.deliver(ASK)
    embedded.deliver(LOGS)
    ear.answers = [500]
    desk = desk_of(embedded, home=True)
    tell(desk)
    ear.answers = [200, 500]
    tell(replace(desk, now=lambda: soon() + timedelta(hours=1)))
    (row,) = embedded.database.read(webhooks.listing)
    assert row["attempts"] == 1


def test_a_webhook_into_our_own_network_is_never_connected_to(embedded: Running, ear: Ear) -> None:
    """Also when it got past the door: its name may resolve elsewhere today."""
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
        hook(embedded, ear.url.replace("127.0.0.1", host))
    embedded.deliver(REPORT)
    tell(desk_of(embedded, home=False))
    assert ear.heard == []
    assert [row["attempts"] for row in embedded.database.read(webhooks.listing)] == [1] * 5


def test_public_and_allowed_addresses_are_reached() -> None:
    assert reachable(ip_address("93.184.215.14"), ())
    assert reachable(ip_address("2606:2800:21f:cb07:6820:80da:af6b:8b2c"), ())
    assert reachable(ip_address("10.1.2.3"), (ip_network("10.1.2.0/24"),))
    for clothed in ("64:ff9b::7f00:1", "2001:0:7f00:1::"):  # who allows their network has not allowed what is in them
        assert not reachable(ip_address(clothed), (ip_network("64:ff9b::/32"), ip_network("2001::/16")))


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https://127.0.0.1/", "https://[::1]/",
     "https://user:secret@example.com/", "https://", "https://exa mple.com/", "https://example.com/\r\nX: y",
     "https://169.254.169.254/latest/meta-data/", "gopher://x", "https://[::1", "https://example.com:99999/"],
)  # fmt: skip
def test_a_url_that_can_never_be_sent_to_is_refused_at_once(empty: Running, url: str) -> None:
    answer = empty.client.post("/api/webhooks", json={"url": url})
    assert answer.status_code in (403, 422)
    assert empty.get("/api/webhooks")["items"] == []


def test_a_webhook_is_made_listed_and_removed(service: Running) -> None:
    made = service.client.post("/api/webhooks", json={"url": "https://hooks.example/in", "kinds": ["case.opened"]})
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    (listed,) = service.get("/api/webhooks")["items"]
    assert "secret" not in listed
    assert service.get(made.headers["location"])["url"] == "https://hooks.example/in"
    assert service.client.delete(made.headers["location"]).status_code == 204
    assert service.client.delete(made.headers["location"]).status_code == 404
