"""What one client may ask of us: lines, errors, idle talk, time, connections."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import time
from ipaddress import IPv4Network, IPv6Network

import pytest

from service.smtp.limits import Limits, neighbourhood
from tests.smtp.dialogues import Dialogue, Line, Server, Servers, hold, line

DIALOGUES = [
    Dialogue("RFC 5321 §4.5.3.1.4", "a command line of 512 bytes", f"NOOP {'x' * 505} -> 250"),
    Dialogue("RFC 5321 §4.5.3.1.4", "a command line of 513 bytes", f"NOOP {'x' * 506} -> 500 5.5.2\nNOOP -> 250"),
    Dialogue("RFC 5321 §4.5.3.1.4", "a line of fourteen thousand bytes", f"NOOP {'x' * 14_000} -> 500 5.5.2\nNOOP -> 250"),
    Dialogue("RFC 1870 §3", "MAIL may be longer by its parameters", f"HELLO\nMAIL FROM:<a@example.org>{' ' * 480}SIZE=1000 -> 250"),
    Dialogue("RFC 4954 §3", "but not without end", f"HELLO\nMAIL FROM:<a@example.org>{' ' * 1100}SIZE=1 -> 500 5.5.2"),
    Dialogue("RFC 5321 §7.8", "a line without end", f"! {'x' * 13_000}\n*10 ! {'x' * 13_000}\n-> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §2.3.8", "a command that ends in LF alone", "! NOOP\\n -> 500 5.5.2\nNOOP -> 250"),
    Dialogue("RFC 5321 §4.1.2", "a control character in a command", "NOOP \\x07 -> 500 5.5.2\nNOOP -> 250"),
    Dialogue("RFC 5321 §4.1.2", "NUL in a command", "HELLO\nMAIL FROM:<a\\x00@example.org> -> 500 5.5.2"),
    Dialogue("RFC 5321 §2.3.8", "CR alone in a command", "NOOP \\rQUIT -> 500 5.5.2\nNOOP -> 250"),
    Dialogue("RFC 5321 §4.2.4", "five unknown commands are enough", "*5 FROBNICATE -> 500 5.5.1\nNOOP -> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §7.8", "twenty errors are enough", "*20 RSET x -> 501 5.5.4\nNOOP -> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §7.8", "a hundred idle commands are enough", "*100 NOOP -> 250\nNOOP -> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §7.8", "a mail makes up for idle commands", "*90 NOOP -> 250\nDATA\n! x\\r\\n.\\r\\n -> 250\n*90 NOOP -> 250", 1),
    Dialogue("RFC 5321 §7.3", "a hundred guesses at addresses are enough", "MAIL\n*100 RCPT TO:<guess@intake.example> -> 550 5.1.1\nNOOP -> 421 4.7.0 | closed"),
    Dialogue("CVE-2023-51764", "a smuggled mail is an error like others", "*19 RSET x -> 501\nDATA\n! x\\ny\\r\\n.\\r\\n -> 550\nRSET -> 421 | closed", 0, server="strict"),
    Dialogue("RFC 5321 §7.8", "a browser is sent away at its first line", "! GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n -> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §7.8", "commands in the body of a POST are not heard", "! POST / HTTP/1.1\\r\\n\\r\\nEHLO x\\r\\nMAIL FROM:<a@example.org>\\r\\n -> 421 4.7.0 | closed"),
    Dialogue("RFC 5321 §7.8", "nor behind a header", "! Content-Length: 5\\r\\nEHLO x\\r\\n -> 421 4.7.0 | closed"),
    Dialogue("RFC 8446 §4.1.2", "a TLS handshake in the clear", "! \\x16\\x03\\x01\\x00\\x05hello\\r\\n -> 500 5.5\nNOOP -> 250"),
    Dialogue("RFC 5321 §4.5.3.2.7", "silence after the greeting", "-> 220\n-> 421 4.4.2 | closed", server="hasty"),
    Dialogue("RFC 5321 §4.5.3.2.7", "silence within a command", "HELLO\n! NOO\n-> 421 4.4.2 | closed", server="hasty"),
    Dialogue("RFC 5321 §4.5.3.2.5", "silence within a content", "DATA\n! Subject: x\\r\\n\n-> 421 4.4.2 | closed", 0, server="hasty"),
    Dialogue("RFC 5321 §4.5.3.2.7", "a command drop by drop", "! N\nWAIT 0.25\n! O\nWAIT 0.25\n! O\nWAIT 0.25\n-> 421 4.4.2 | closed", server="hasty"),
    Dialogue("RFC 5321 §4.5.3.2.5", "a content drop by drop", "DATA\n! a\nWAIT 0.25\n! b\nWAIT 0.25\n! c\nWAIT 0.25\n-> 421 4.4.2 | closed", 0, server="hasty"),
    Dialogue(
        "RFC 5321 §4.5.3.2.5",
        "a content that comes steadily may take its time",
        "DATA\n" + f"! {'y' * 98}\\r\\n\nWAIT 0.12\n" * 10 + "! .\\r\\n -> 250",
        1,
        server="hasty",
    ),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


def test_a_third_connection_is_too_many_where_two_are_granted(servers: Servers) -> None:
    server = servers["narrow"]
    with line(server) as first, line(server) as second:
        assert first.reply().startswith("220")
        assert second.reply().startswith("220")
        with line(server) as third:
            assert third.reply().startswith("421 4.7.0 ")
            assert third.reply() == ""
    _wait_for_room(server)


def _wait_for_room(server: Server) -> None:
    """The server hears of a closed connection a moment later."""
    for _ in range(200):
        with line(server) as again:
            if again.reply().startswith("220"):
                return
        time.sleep(0.02)
    raise AssertionError("no room again")


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
    ("host", "admitted", "near"),
    [
        ("192.0.2.7", True, "192.0.2.7"),
        ("198.51.100.7", False, "198.51.100.7"),
        ("::ffff:192.0.2.7", True, "192.0.2.7"),  # IPv4 as a listener of both sees it
        ("::ffff:198.51.100.7", False, "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", True, "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::1", True, "2001:0db8:0001:0002"),
        ("2001:db9::1", False, "2001:0db9:0000:0000"),
        ("fe80::1%eth0", False, "fe80:0000:0000:0000"),
    ],
)
def test_an_address_is_one_whatever_it_is_written_as(host: str, admitted: bool, near: str) -> None:
    networks = (IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/32"))
    assert Limits(networks=networks).admits(host) is admitted
    assert neighbourhood(host) == near
