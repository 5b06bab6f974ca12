"""What one client may ask of us: lines, errors, idle talk, time, connections."""

import time
from ipaddress import IPv4Network, IPv6Network

import pytest

from service.smtp.limits import Limits, neighbourhood, network_of
from tests.served import wait_until
from tests.smtp.dialogues import Line, Server, Servers, line


def test_a_third_connection_is_too_many_where_two_are_granted(servers: Servers) -> None:
    server = servers["narrow"]
    with line(server) as first, line(server) as second:
        assert first.reply().startswith("220")
        assert second.reply().startswith("220")
        with line(server) as third:
            assert third.reply().startswith("421 4.7.0 ")
            assert third.reply() == ""
    wait_until(lambda: _is_greeted(server))  # it hears of a closed connection a moment later


def _is_greeted(server: Server) -> bool:
    with line(server) as again:
        return again.reply().startswith("220")


def test_what_is_far_too_big_is_not_read_to_its_end(servers: Servers) -> None:
    """RFC 1870 §6.3: the sender is told, and cut off once it has sent 64 MB more than is taken."""
    with line(servers["plain"]) as sender:
        assert sender.reply().startswith("220")
        for command in ("EHLO c", "MAIL FROM:<>", "RCPT TO:<x@cases.example>", "DATA"):
            sender.send(command.encode() + b"\r\n")
            assert sender.reply()[0] in "23"
        block = (b"x" * 998 + b"\r\n") * 1000
        for _ in range(70):
            sender.send(block)
        assert sender.reply().startswith("552 5.3.4")
        assert sender.reply().startswith("421 4.7.0")
        assert sender.reply() == ""


def test_a_client_that_does_not_read_is_cut_off(servers: Servers) -> None:
    """RFC 5321 §4.5.3.2: it asks and asks and takes no answer."""
    sender = Line(servers["hasty"].ports["SMTP"])
    sender.socket.settimeout(5)
    with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
        _ask_on_and_on(sender)
    sender.close()


def _ask_on_and_on(sender: Line) -> None:
    for _ in range(1000):
        sender.socket.sendall(b"HELP\r\n" * 10_000)
        time.sleep(0.02)


def test_many_who_only_connect_keep_nobody_else_out_for_long(servers: Servers) -> None:
    """RFC 5321 §7.8: a hundred silent connections, and one that has a mail."""
    server = servers["hasty"]
    silent = [Line(server.ports["SMTP"]) for _ in range(100)]
    with line(server) as sender:
        assert sender.reply().startswith("220")
        sender.send(b"NOOP\r\n")
        assert sender.reply().startswith("250")
    for one in silent:
        assert one.reply().startswith("220")
        assert one.reply().startswith("421 4.4.2")
        assert one.reply() == ""
        one.close()


@pytest.mark.parametrize(
    ("host", "admitted", "near", "network"),
    [
        ("192.0.2.7", True, "192.0.2.7", "192.0.2"),
        ("198.51.100.7", False, "198.51.100.7", "198.51.100"),
        ("::ffff:192.0.2.7", True, "192.0.2.7", "192.0.2"),  # IPv4 as a listener of both sees it
        ("::ffff:198.51.100.7", False, "198.51.100.7", "198.51.100"),
        ("2001:db8:1:2:3:4:5:6", True, "2001:0db8:0001:0002", "2001:0db8:0001"),
        ("2001:db8:1:2:ffff::1", True, "2001:0db8:0001:0002", "2001:0db8:0001"),
        ("2001:db9::1", False, "2001:0db9:0000:0000", "2001:0db9:0000"),
        ("fe80::1%eth0", False, "fe80:0000:0000:0000", "fe80:0000:0000"),
        (None, True, "", ""),
    ],
)
def test_an_address_is_one_whatever_it_is_written_as(host: str | None, admitted: bool, near: str, network: str) -> None:
    networks = (IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/32"))
    assert Limits(networks=networks).admits(host) is admitted
    assert (neighbourhood(host), network_of(host)) == (near, network)
