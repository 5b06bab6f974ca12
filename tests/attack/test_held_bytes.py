"""Limits of the bytes that a process holds: large mails are on disk, all share a budget, no sender gets all of it."""

import os
import stat
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from service import intake
from service.rate import Rate
from service.settings import load
from service.smtp.addresses import Intake
from service.smtp.content import SPILL, Content
from service.smtp.limits import GRACE_SECONDS, TOO_MANY_FROM_THERE, TOO_MANY_MAILS, Budget, Rates, Share
from service.store import spool
from service.store.database import Connection, Database
from service.store.spool import Envelope
from tests.served import wait_until
from tests.smtp.conversation import Client, acceptor, set_up

TOTAL = 1_000_000


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(TOTAL, clock)


@pytest.mark.parametrize("line", [b"x" * 98 + b"\r\n", b"x" * 1000, b"\r\n", b".\r\n"])
@pytest.mark.parametrize("step", [4_093, 65_536])
def test_a_large_mail_is_in_a_private_file_without_a_name(tmp_path: Path, line: bytes, step: int) -> None:
    incoming = Content(40_000_000, tmp_path)
    stuffed = b"x\r\n" + line.replace(b"\r\n.", b"\r\n..").replace(b".\r\n", b"..\r\n") * (8_000_000 // len(line))
    for at in range(0, len(stuffed), step):
        incoming.feed(stuffed[at : at + step])
        assert not isinstance(incoming._file, BytesIO) or len(incoming._file.getbuffer()) <= SPILL
    assert incoming.feed(b"\r\n.\r\nQUIT\r\n") == b"QUIT\r\n"
    assert incoming.read() == (b"\r\n" + stuffed + b"\r\n").replace(b"\r\n.", b"\r\n")[2:]
    assert stat.S_IMODE(os.fstat(incoming._file.fileno()).st_mode) == 0o600
    assert list(tmp_path.iterdir()) == []
    incoming.discard()
    assert incoming._file.closed


def reserves(budget: Budget, host: str, size: int) -> bool:
    """Return whether a new message of ``host`` gets so many bytes."""
    return budget.reserve(budget.open(host, lambda: None), size)


@pytest.mark.parametrize(
    ("near", "messages", "far"),
    [("192.0.2.1", 2, "192.0.2.2"), ("192.0.2.{}", 4, "198.51.100.1"), ("2001:db8:1:{}::1", 4, "2001:db8:2::1")],
)
def test_an_address_gets_a_quarter_and_a_network_half(budget: Budget, near: str, messages: int, far: str) -> None:
    assert all(reserves(budget, near.format(number), TOTAL // 8) for number in range(messages))
    assert not reserves(budget, near.format(9), TOTAL // 8)
    assert reserves(budget, far, TOTAL // 8)


def filled(budget: Budget, hosts: int, cut_off: list[str]) -> list[Share]:
    """Fill the budget by equal messages from two networks; ``cut_off`` collects hosts whose message is cut off."""
    shares = []
    for number, host in enumerate(f"{net}.{last}" for net in ("192.0.2", "198.51.100") for last in range(1, hosts + 1)):
        shares.append(budget.open(host, partial(cut_off.append, host)))
        shares[-1].received = number
        assert budget.reserve(shares[-1], TOTAL // (2 * hosts))
    return shares


def test_the_slowest_messages_are_cut_off_when_another_needs_room(budget: Budget, clock: Clock) -> None:
    cut_off: list[str] = []
    filled(budget, 8, cut_off)
    clock.now += GRACE_SECONDS + 1
    assert reserves(budget, "203.0.113.5", TOTAL // 10)
    assert len(cut_off) == 2
    assert budget.held <= TOTAL


@pytest.mark.parametrize("reason", ["complete", "young", "own network"])
def test_no_message_is_cut_off_that_is(budget: Budget, clock: Clock, reason: str) -> None:
    cut_off: list[str] = []
    for share in filled(budget, 2, cut_off):
        share.receiving = reason != "complete"
    clock.now += 0 if reason == "young" else 60
    assert not reserves(budget, "192.0.2.9" if reason == "own network" else "203.0.113.5", 1000)
    assert cut_off == []


@pytest.mark.parametrize("sizes", [[5, 3], [0], [100_000, 50_000, 200_000]])
def test_released_bytes_can_be_reserved_again(budget: Budget, sizes: list[int]) -> None:
    share = budget.open("192.0.2.1", lambda: None)
    for size in sizes:
        budget.reserve(share, size)
    assert budget.held == max(sizes)
    budget.close(share)
    budget.close(share)
    assert budget.held == 0
    assert reserves(budget, "192.0.2.1", TOTAL // 4)


def test_a_message_over_the_budget_gets_452_until_others_are_complete_or_gone(sqlite: Database) -> None:
    """One address may hold a quarter of 4 MB: there is no room for a fourth message of 300 kB."""
    with acceptor(set_up(str(sqlite.url), smtp_max_bytes_at_once=4_194_304)) as address:

        def begun() -> Client:
            client = Client(address)
            client.begin()
            if client.say("DATA").startswith("354"):
                client.send(b"Subject: x\r\n\r\n" + b"x" * 300_000)
            return client

        def has_room() -> bool:
            with begun() as client:
                return client.say("\r\n.").startswith("250")

        clients = [begun() for _ in range(3)]
        wait_until(lambda: not has_room())
        assert clients[0].say("\r\n.").startswith("250 2.0.0")
        assert has_room()
        clients.append(begun())
        wait_until(lambda: not has_room())
        clients[1].close()
        wait_until(has_room)
        for client in clients:
            client.close()


def test_a_declared_size_without_room_gets_452_before_the_data(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), smtp_max_bytes_at_once=4_194_304)) as address, Client(address) as client:
        client.say("EHLO c")
        for size, reply in ((2_000_000, "452 4.3.1 "), (900_000, "354 ")):
            client.say(f"MAIL FROM:<a@corp.example> SIZE={size}")
            client.say("RCPT TO:<help@intake.example>")
            assert client.say("DATA").startswith(reply)


@pytest.mark.parametrize("sender", ["<>", "a{}@x.example", "same@x.example"])
@pytest.mark.parametrize("host", ["198.51.100.{}", "2001:db8:5:{}::1"])
def test_one_network_cannot_send_thousands_of_mails_at_once(clock: Clock, sender: str, host: str) -> None:
    rates = Rates(0, load(_env_file=None).network_rate, clock)
    taken = sum(rates.refusal(sender.format(n), host.format(n % 200)) is None for n in range(20_000))
    assert 1000 <= taken <= 1300
    assert rates.refusal("b@y.example", host.format(1)) == TOO_MANY_FROM_THERE
    assert rates.refusal("b@y.example", "203.0.113.1") is None
    assert all(rates.refusal(f"{n}@y.example", "127.0.0.1") is None for n in range(1500))  # our own relay
    clock.now += 60
    assert rates.refusal("b@y.example", host.format(1)) is None


def test_a_forged_sender_address_does_not_lock_out_its_owner(clock: Clock) -> None:
    rates = Rates(5, 0, clock)
    replies = [rates.refusal("victim@corp.example", host) for host in ["198.51.100.66"] * 50 + ["192.0.2.25"]]
    assert replies[-2:] == [TOO_MANY_MAILS, None]


@pytest.mark.parametrize("most", [1, 3, 20])
def test_failed_logins_are_counted_over_all_connections(clock: Clock, most: int) -> None:
    logins = Rate(most, clock)
    assert sum(logins.allows("192.0.2.1") for _ in range(100)) == most
    logins.uncount("192.0.2.1")
    assert [logins.allows("192.0.2.1") for _ in range(2)] == [True, False]
    clock.now += 3600 / most + 1
    assert logins.allows("192.0.2.1")


OURS = (
    "postmaster", "Postmaster", "postmaster@corp.example", "POSTMASTER@CORP.EXAMPLE", "postmaster@mx.example",
    "help@例子.example", "HELP+7@xn--fsqu00a.example", "postmaster@例子.EXAMPLE",
    "any@xn--wgv71a.example", "any@日本.example", "it+printers@works.example", "it+printers+abc@works.example",
)  # fmt: skip
OTHERS = ("postmaster@elsewhere.example", "postmaster2@corp.example", "root", "intake@例子.example")


def test_postmaster_and_both_spellings_of_a_domain_are_intake_addresses() -> None:
    addresses = Intake(
        ("intake@corp.example", "help@例子.example", "@日本.example", "it+printers@works.example"), "mx.example"
    )
    assert [address for address in (*OURS, *OTHERS) if addresses.accepts(address)] == list(OURS)


@pytest.mark.parametrize("sizes", [[30, 30, 30], [1, 1, 40], [40], [0, 0, 0]])
def test_a_worker_claims_at_most_claim_bytes_at_once(sqlite: Database, sizes: list[int]) -> None:
    now = datetime.now(UTC)
    received = [(Envelope("smtp", "a@corp.example", ("help@intake.example",)), b"x" * 10) for _ in sizes]
    ids = intake.receive(sqlite, received, now)
    for id, size in zip(ids, sizes, strict=True):
        resize = f"UPDATE spool SET size = {size * 1_000_000} WHERE id = '{id}'"
        sqlite.transact(partial(Connection.exec_driver_sql, statement=resize))
    first, *more = sqlite.transact(lambda conn: spool.claim(conn, "w", now, timedelta(seconds=60), 128))
    together = sum(sizes[ids.index(one.id)] for one in (first, *more)) * 1_000_000
    assert not more or together <= spool.CLAIM_BYTES
