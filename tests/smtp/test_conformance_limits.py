"""What one client may ask of us: lines, errors, idle talk, time, connections; STARTTLS and AUTH."""

import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest

from service.errors import Refused
from service.smtp.limits import admits, neighbourhood, network_of
from service.smtp.passwords import Passwords
from service.smtp.tls import ServerTls
from tests.served import wait_until
from tests.smtp.dialogues import CERTIFICATES, GIVEN, Line, Server, Servers


def test_a_third_connection_is_too_many_where_two_are_granted(servers: Servers) -> None:
    server = servers["narrow"]

    def said() -> str:
        with Line(server.ports["SMTP"]) as connection:
            return connection.reply()

    with server.greeted(), server.greeted():
        assert said().startswith("421 4.7.0 ")
    wait_until(lambda: said().startswith("220"))  # it hears of a closed connection a moment later


def test_what_is_far_too_big_is_not_read_to_its_end(servers: Servers) -> None:
    """RFC 1870 §6.3: the sender is told, and cut off once it has sent 64 MB more than is taken."""
    with servers["plain"].greeted() as sender:
        sender.begin("x@cases.example")
        sender.say("DATA")
        block = (b"x" * 998 + b"\r\n") * 1000
        for _ in range(70):
            sender.send(block)
        assert sender.reply().startswith("552 5.3.4")
        assert sender.reply().startswith("421 4.7.0")
        assert sender.reply() == ""


def test_a_client_that_does_not_read_is_cut_off(servers: Servers) -> None:
    """RFC 5321 §4.5.3.2: it asks and asks and takes no answer."""
    with servers["hasty"].greeted() as sender:
        sender.socket.settimeout(5)
        with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
            _ask_on_and_on(sender)


def _ask_on_and_on(sender: Line) -> None:
    for _ in range(1000):
        sender.socket.sendall(b"HELP\r\n" * 10_000)
        time.sleep(0.02)


def test_many_who_only_connect_keep_nobody_else_out_for_long(servers: Servers) -> None:
    """RFC 5321 §7.8: a hundred silent connections, and one that has a mail."""
    server = servers["hasty"]
    silent = [Line(server.ports["SMTP"]) for _ in range(100)]
    with server.greeted() as sender:
        assert sender.say("NOOP").startswith("250")
    for one in silent:
        assert one.reply().startswith("220")
        assert one.reply().startswith("421 4.4.2")
        assert one.reply() == ""
        one.close()


@pytest.mark.parametrize(("host", "admitted", "near", "network"), GIVEN["addresses"])
def test_an_address_is_one_whatever_it_is_written_as(host: str | None, admitted: bool, near: str, network: str) -> None:
    networks = (IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/32"))
    assert admits(networks, host) is admitted
    assert (neighbourhood(host), network_of(host)) == (near, network)


def _certificate(server: Server) -> bytes:
    with server.greeted() as client:
        assert client.say("EHLO c").startswith("250")
        assert client.say("STARTTLS").startswith("220")
        client.begin_tls()
        assert isinstance(client.socket, ssl.SSLSocket)
        return client.socket.getpeercert(binary_form=True) or b""


def test_a_signal_renews_the_certificate_and_a_broken_one_changes_nothing(
    tmp_path: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "sodan.db")
    file = tmp_path / "certificate.pem"
    shutil.copy(CERTIFICATES / "first.pem", file)
    first, second = (
        ssl.PEM_cert_to_DER_cert((CERTIFICATES / name).read_text().partition("-----BEGIN PRIVATE")[0])
        for name in ("first.pem", "second.pem")
    )
    server = Server(tmp_path, {"SMTP_TLS_CERTIFICATE": str(file)})
    try:
        assert _certificate(server) == first
        file.write_text("broken")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: re.search(rf"not renewed.*{file}", server.log.read_text()))
        assert _certificate(server) == first
        shutil.copy(CERTIFICATES / "second.pem", file)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: _certificate(server) == second)
    finally:
        assert server.stop() == 0


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^SODAN_SMTP_TLS_CERTIFICATE: "):
        ServerTls(tmp_path / "none.pem", tmp_path / "none.pem")
    (tmp_path / "passwords").write_text("aiko:secret\n")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: .*, line 1: "):
        Passwords(tmp_path / "passwords")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: "):
        Passwords(tmp_path / "none")


def test_a_command_makes_the_line_by_which_a_password_is_known(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "smtp-password", "aiko"]
    made = subprocess.run(command, input="秘密\n", capture_output=True, text=True, check=True).stdout
    assert "秘密" not in made
    (tmp_path / "passwords").write_text(made, encoding="utf-8")
    known = Passwords(tmp_path / "passwords")
    assert known.match(b"aiko", "秘密".encode())
    assert not known.match(b"aiko", b"secret")
    assert not known.match(b"\xff", b"")
    assert subprocess.run(command, input="\n", capture_output=True, text=True).returncode == 2
