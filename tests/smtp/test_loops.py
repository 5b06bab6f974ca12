"""Mail that goes in circles is refused for good, a sender that never stops for now."""

from service.mail.hops import hops
from service.rate import HOUR, Rate
from service.smtp.limits import Rates
from service.store import spool_view
from service.store.database import Database
from tests.smtp.conversation import Client, acceptor, set_up


def _mail(times: int) -> bytes:
    line = b"Received: from a.example by b.example;\r\n\tMon, 2 Mar 2026 09:00:00 +0900\r\n"
    return line * times + b"From: a@example.org\r\nSubject: round\r\n\r\nReceived: not a header\r\n"


def test_hops_are_the_received_lines_of_the_header() -> None:
    assert [hops(_mail(n)) for n in (0, 1, 7)] == [0, 1, 7]
    assert hops(b"RECEIVED : x\r\nreceived:y") == 2
    assert hops(b"X: " + b"x" * 300_000 + b"\r\nReceived: too far\r\n") == 0
    assert hops(b"X-Received: no\r\n\r\nReceived: no\r\n") == 0


def test_a_rate_is_of_one_sender_in_its_network_and_of_the_last_hour() -> None:
    now = [0.0]
    rates = Rates(2, 0, lambda: now[0])
    host = "192.0.2.1"
    said = [rates.refusal(sender, host) for sender in ("A@x", "a@X", "a@x", "b@x")]
    assert [one is None for one in said] == [True, True, False, True]
    assert all(rates.refusal("", host) is None for _ in range(9))
    now[0] = HOUR + 1
    assert rates.refusal("a@x", host) is None
    unlimited = Rate(0, lambda: 0.0)
    assert all(unlimited.allows("a@x") for _ in range(9))
    assert not unlimited._full_at  # it remembers no senders


def test_a_mail_in_circles_gets_554_and_is_not_kept(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), max_hops=25)) as address, Client(address) as client:
        assert client.mail(_mail(26)).startswith("554 5.4.6 ")
        assert client.mail(_mail(25)).startswith("250 2.0.0 ")
    assert len(sqlite.read(spool_view.listing)) == 1


def test_a_sender_beyond_its_rate_gets_450_and_others_do_not(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url), sender_rate=1)) as address, Client(address) as client:
        assert client.mail(_mail(0)).startswith("250")
        assert client.say("MAIL FROM:<user@example.org>").startswith("450 4.7.1 ")
        assert client.say("MAIL FROM:<other@example.org>").startswith("250")
