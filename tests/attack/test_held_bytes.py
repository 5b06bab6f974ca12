"""Contents on their way: most of each lies on disk, all together have a budget, and one sender cannot take it all."""

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


class Time:
    """A clock that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Holder:
    """A content of one host."""

    def __init__(self, budget: Budget, host: str) -> None:
        self.was_cut_off = False
        self.budget = budget
        self.share: Share = budget.open(host, self.cut_off)

    def cut_off(self) -> None:
        self.was_cut_off = True

    def takes(self, size: int, received: int = 0) -> bool:
        self.share.received = received
        return self.budget.reserve(self.share, size)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def budget(clock: Time) -> Budget:
    return Budget(TOTAL, clock)


@pytest.mark.parametrize("line", [b"x" * 98 + b"\r\n", b"x" * 1000, b"\r\n", b".\r\n"])
@pytest.mark.parametrize("step", [4_093, 65_536])
def test_a_big_content_is_in_a_file_without_a_name(tmp_path: Path, line: bytes, step: int) -> None:
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


@pytest.mark.parametrize(
    ("near", "holders", "far"),
    [
        ("192.0.2.1", 2, "192.0.2.2"),  # one address has a quarter
        ("192.0.2.{}", 4, "198.51.100.1"),  # one network has half
        ("2001:db8:1:{}::1", 4, "2001:db8:2::1"),
    ],
)
def test_one_address_has_a_quarter_and_one_network_half(budget: Budget, near: str, holders: int, far: str) -> None:
    assert all(Holder(budget, near.format(n)).takes(TOTAL // 8) for n in range(1, holders + 1))
    assert not Holder(budget, near.format(9)).takes(TOTAL // 8)
    assert Holder(budget, far).takes(TOTAL // 8)


def test_who_trickles_is_cut_off_when_another_needs_room(budget: Budget, clock: Time) -> None:
    tricklers = [Holder(budget, f"192.0.2.{n}") for n in range(1, 9)]
    others = [Holder(budget, f"198.51.100.{n}") for n in range(1, 9)]
    for number, holder in enumerate((*tricklers, *others)):
        assert holder.takes(TOTAL // 16, received=number)
    clock.now += GRACE_SECONDS + 1
    newcomer = Holder(budget, "203.0.113.5")
    assert newcomer.takes(TOTAL // 10)
    gone = [holder.was_cut_off for holder in (*tricklers, *others)]
    assert sum(gone) == 2
    assert budget.held <= TOTAL


@pytest.mark.parametrize("reason", ["complete", "young", "own network"])
def test_nobody_is_cut_off_who_is(budget: Budget, clock: Time, reason: str) -> None:
    holders = [Holder(budget, f"{net}.{n}") for net in ("192.0.2", "198.51.100") for n in (1, 2)]
    assert all(holder.takes(TOTAL // 4) for holder in holders)
    if reason != "young":
        clock.now += 60
    for holder in holders:
        holder.share.receiving = reason != "complete"
    newcomer = Holder(budget, "192.0.2.9" if reason == "own network" else "203.0.113.5")
    assert not newcomer.takes(1000)
    assert not any(holder.was_cut_off for holder in holders)


@pytest.mark.parametrize("sizes", [[5, 3], [0], [100_000, 50_000, 200_000]])
def test_what_was_given_back_can_be_had_again(budget: Budget, sizes: list[int]) -> None:
    holder = Holder(budget, "192.0.2.1")
    for size in sizes:
        holder.takes(size)
    assert budget.held == max(sizes)
    budget.close(holder.share)
    budget.close(holder.share)
    assert budget.held == 0
    assert Holder(budget, "192.0.2.1").takes(TOTAL // 4)


def test_more_than_the_budget_gets_452_until_a_content_is_complete_or_its_sender_is_gone(sqlite: Database) -> None:
    """One address may hold a quarter of 4 MB: the fourth content of 300 kB has no room, and has it later."""
    with acceptor(set_up(str(sqlite.url), smtp_max_bytes_at_once=4_194_304)) as address:

        def begun() -> tuple[Client, bool]:
            client = Client(address)
            client.begin()
            took = client.say("DATA").startswith("354")
            if took:
                client.send(b"Subject: x\r\n\r\n" + b"x" * 300_000)
            return client, took

        def has_room() -> bool:
            with begun()[0] as client:
                return client.say("\r\n.").startswith("250")

        clients = [begun()[0] for _ in range(3)]
        wait_until(lambda: not has_room())
        assert clients[0].say("\r\n.").startswith("250 2.0.0")
        assert has_room()
        clients.append(begun()[0])
        wait_until(lambda: not has_room())
        clients[1].close()
        wait_until(has_room)
        for client in clients:
            client.close()


def test_a_declared_size_without_room_gets_452_before_the_content(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), smtp_max_bytes_at_once=4_194_304)) as address, Client(address) as client:
        client.say("EHLO c")
        for size, reply in ((2_000_000, "452 4.3.1 "), (900_000, "354 ")):
            client.say(f"MAIL FROM:<a@corp.example> SIZE={size}")
            client.say("RCPT TO:<help@intake.example>")
            assert client.say("DATA").startswith(reply)


@pytest.mark.parametrize("sender", ["<>", "a{}@x.example", "same@x.example"])
@pytest.mark.parametrize("host", ["198.51.100.{}", "2001:db8:5:{}::1"])
def test_one_network_cannot_open_thousands_of_cases_at_once(clock: Time, sender: str, host: str) -> None:
    rates = Rates(0, load(_env_file=None).network_rate, clock)
    taken = sum(rates.refusal(sender.format(n), host.format(n % 200)) is None for n in range(20_000))
    assert 1000 <= taken <= 1300
    assert rates.refusal("b@y.example", host.format(1)) == TOO_MANY_FROM_THERE
    assert rates.refusal("b@y.example", "203.0.113.1") is None
    assert all(rates.refusal(f"{n}@y.example", "127.0.0.1") is None for n in range(1500))  # a relay of ours
    clock.now += 60
    assert rates.refusal("b@y.example", host.format(1)) is None


def test_a_forged_envelope_does_not_lock_out_its_victim(clock: Time) -> None:
    rates = Rates(5, 0, clock)
    said = [rates.refusal("victim@corp.example", host) for host in ["198.51.100.66"] * 50 + ["192.0.2.25"]]
    assert said[-2:] == [TOO_MANY_MAILS, None]


@pytest.mark.parametrize("most", [1, 3, 20])
def test_failed_logins_are_counted_over_all_connections(clock: Time, most: int) -> None:
    guesses = Rate(most, clock)
    assert sum(guesses.allows("192.0.2.1") for _ in range(100)) == most
    guesses.forgive("192.0.2.1")
    assert [guesses.allows("192.0.2.1") for _ in range(2)] == [True, False]
    clock.now += 3600 / most + 1
    assert guesses.allows("192.0.2.1")


OURS = (
    "postmaster", "Postmaster", "postmaster@corp.example", "POSTMASTER@CORP.EXAMPLE", "postmaster@mx.example",
    "help@例子.example", "HELP+7@xn--fsqu00a.example", "postmaster@例子.EXAMPLE",
    "any@xn--wgv71a.example", "any@日本.example",
)  # fmt: skip
OTHERS = ("postmaster@elsewhere.example", "postmaster2@corp.example", "root", "intake@例子.example")


def test_postmaster_and_both_spellings_of_a_domain_are_ours() -> None:
    intake = Intake(("intake@corp.example", "help@例子.example", "@日本.example"), "mx.example")
    assert [address for address in (*OURS, *OTHERS) if intake.accepts(address)] == list(OURS)


@pytest.mark.parametrize("sizes", [[30, 30, 30], [1, 1, 40], [40], [0, 0, 0]])
def test_a_worker_claims_no_more_bytes_than_it_can_hold(sqlite: Database, sizes: list[int]) -> None:
    now = datetime.now(UTC)
    received = [(Envelope("smtp", "a@corp.example", ("help@intake.example",)), b"x" * 10) for _ in sizes]
    ids = intake.receive(sqlite, received, now)
    for id, size in zip(ids, sizes, strict=True):
        resize = f"UPDATE spool SET size = {size * 1_000_000} WHERE id = '{id}'"
        sqlite.transact(partial(Connection.exec_driver_sql, statement=resize))
    first, *more = sqlite.transact(lambda conn: spool.claim(conn, "w", now, timedelta(seconds=60), 128))
    together = sum(sizes[ids.index(one.id)] for one in (first, *more)) * 1_000_000
    assert not more or together <= spool.CLAIM_BYTES
