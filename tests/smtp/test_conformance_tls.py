"""STARTTLS and AUTH."""

import shutil
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from service.errors import Refused
from service.smtp.passwords import Passwords, password_line
from service.smtp.tls import ServerTls
from tests.served import wait_until
from tests.smtp.dialogues import CERTIFICATES, Server, line


def _certificate(server: Server) -> bytes:
    with line(server) as client:
        assert client.reply().startswith("220")
        client.send(b"EHLO c\r\n")
        assert client.reply().startswith("250")
        client.send(b"STARTTLS\r\n")
        assert client.reply().startswith("220")
        client.begin_tls()
        return client.certificate()


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
        wait_until(lambda: "not renewed" in server.log.read_text())
        assert _certificate(server) == first
        shutil.copy(CERTIFICATES / "second.pem", file)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: _certificate(server) == second)
    finally:
        assert server.stop() == 0


def test_a_certificate_that_cannot_be_renewed_is_named_in_the_log(tmp_path: Path) -> None:
    file = tmp_path / "server.pem"
    shutil.copy(CERTIFICATES / "first.pem", file)
    tls = ServerTls(file, file)
    file.write_text("broken")
    with structlog.testing.capture_logs() as told:
        assert not tls.reload()
    assert [(one["event"], one["file"]) for one in told] == [("certificate not renewed, the old one stays", str(file))]


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^SODAN_SMTP_TLS_CERTIFICATE: "):
        ServerTls(tmp_path / "none.pem", tmp_path / "none.pem")
    (tmp_path / "passwords").write_text("aiko:secret\n")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: .*, line 1: "):
        Passwords(tmp_path / "passwords")
    with pytest.raises(Refused, match=r"^SODAN_SMTP_PASSWORDS: "):
        Passwords(tmp_path / "none")


def test_a_command_makes_the_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "smtp-password", "aiko"]
    made = subprocess.run(command, input="secret\n", capture_output=True, text=True, check=True)
    (tmp_path / "passwords").write_text(made.stdout)
    assert Passwords(tmp_path / "passwords").match(b"aiko", b"secret")
    assert subprocess.run(command, input="\n", capture_output=True, text=True).returncode == 2


def test_a_password_is_known_by_its_line_alone(tmp_path: Path) -> None:
    written = password_line("aiko", "秘密")
    assert "秘密" not in written
    (tmp_path / "passwords").write_text(f"{written}\n", encoding="utf-8")
    known = Passwords(tmp_path / "passwords")
    assert known.match(b"aiko", "秘密".encode())
    assert not known.match(b"aiko", b"secret")
    assert not known.match(b"\xff", b"")
