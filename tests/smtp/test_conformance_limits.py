"""Limits for one client: size, time and connections. Files for TLS and passwords."""

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
from service.settings import Listen
from service.smtp.limits import admits, neighbourhood, network_of
from service.smtp.passwords import Passwords
from service.smtp.tls import ServerTls
from tests.served import free_port, started, wait_until
from tests.smtp.conversation import CERTIFICATES, GIVEN, Client, Line, Servers


def test_one_address_may_open_only_so_many_connections(servers: Servers) -> None:
    server = servers["narrow"]  # two connections per address

    def greeting() -> str:
        with Client(server.running.smtp) as client:
            return client.greeting

    with server.greeted(), server.greeted():
        assert greeting().startswith("421 4.7.0 ")
    wait_until(lambda: greeting().startswith("220"))  # the server notices a closed connection a moment later


def test_a_message_far_beyond_the_size_limit_is_not_read_to_its_end(servers: Servers) -> None:
    """RFC 1870 §6.3: the connection is closed after 64 MB more than the limit."""
    with servers["plain"].greeted() as sender:
        sender.begin("x@cases.example")
        sender.say("DATA")
        block = (b"x" * 998 + b"\r\n") * 1000
        for _ in range(70):
            sender.send(block)
        assert sender.reply().startswith("552 5.3.4")
        assert sender.reply().startswith("421 4.7.0")
        assert sender.reply() == ""


def test_a_client_that_reads_no_replies_is_disconnected(servers: Servers) -> None:
    """RFC 5321 §4.5.3.2."""

    def send_commands() -> None:
        for _ in range(1000):
            sender.socket.sendall(b"HELP\r\n" * 10_000)
            time.sleep(0.02)

    with servers["hasty"].greeted() as sender:
        sender.socket.settimeout(5)
        with pytest.raises(OSError, match=r"reset|Broken pipe|timed out"):
            send_commands()


def test_silent_connections_are_closed_and_delay_no_other_client(servers: Servers) -> None:
    """RFC 5321 §7.8."""
    server = servers["hasty"]
    silent = [Line(server.running.smtp.port) for _ in range(100)]
    with server.greeted() as sender:
        assert sender.say("NOOP").startswith("250")
    for one in silent:
        assert one.reply().startswith("220")
        assert one.reply().startswith("421 4.4.2")
        assert one.reply() == ""
        one.close()


@pytest.mark.parametrize(("host", "admitted", "near", "network"), GIVEN["addresses"])
def test_all_forms_of_an_ip_address_count_as_one(host: str | None, admitted: bool, near: str, network: str) -> None:
    networks = (IPv4Network("192.0.2.0/24"), IPv6Network("2001:db8::/32"))
    assert admits(networks, host) is admitted
    assert (neighbourhood(host), network_of(host)) == (near, network)


def _certificate(port: int) -> bytes:
    with Client(Listen("127.0.0.1", port)) as client:
        assert client.say("EHLO c").startswith("250")
        assert client.say("STARTTLS").startswith("220")
        client.begin_tls()
        assert isinstance(client.socket, ssl.SSLSocket)
        return client.socket.getpeercert(binary_form=True) or b""


def test_sighup_reloads_the_certificate_and_a_broken_file_keeps_the_old_one(tmp_path: Path) -> None:
    file, log, port = tmp_path / "certificate.pem", tmp_path / "log", free_port()
    shutil.copy(CERTIFICATES / "first.pem", file)
    first, second = (
        ssl.PEM_cert_to_DER_cert((CERTIFICATES / name).read_text().partition("-----BEGIN PRIVATE")[0])
        for name in ("first.pem", "second.pem")
    )
    given = {"smtp_tls_certificate": str(file), "smtp_listen": f"127.0.0.1:{port}"}
    with log.open("wb") as out, started("smtp", cwd=tmp_path, out=out, **given) as process:
        wait_until(lambda: "SMTP on" in log.read_text())
        assert _certificate(port) == first
        file.write_text("broken")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: re.search(rf"not renewed.*{file}", log.read_text()))
        assert _certificate(port) == first
        shutil.copy(CERTIFICATES / "second.pem", file)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: _certificate(port) == second)
    assert process.returncode == 0


def test_the_error_for_an_unusable_file_is_one_line_with_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^SODAN_SMTP_TLS_CERTIFICATE: "):
        ServerTls(tmp_path / "none.pem", tmp_path / "none.pem")
    (tmp_path / "passwords").write_text("aiko:secret\n")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: .*, line 1: "):
        Passwords(tmp_path / "passwords")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: "):
        Passwords(tmp_path / "none")


def test_the_command_smtp_password_prints_a_line_that_matches_the_password(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "smtp-password", "aiko"]
    made = subprocess.run(command, input="秘密\n", capture_output=True, text=True, check=True).stdout
    assert "秘密" not in made
    (tmp_path / "passwords").write_text(made, encoding="utf-8")
    known = Passwords(tmp_path / "passwords")
    assert known.match(b"aiko", "秘密".encode())
    assert not known.match(b"aiko", b"secret")
    assert not known.match(b"\xff", b"")
    assert subprocess.run(command, input="\n", capture_output=True, text=True).returncode == 2
