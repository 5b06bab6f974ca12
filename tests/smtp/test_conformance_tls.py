"""STARTTLS and AUTH."""

# ruff: noqa: E501 - a dialogue is one line of a table

from __future__ import annotations

import shutil
import signal
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import pytest
import structlog

from service.errors import Refused
from service.smtp.passwords import Passwords, password_line
from service.smtp.tls import ServerTls
from tests.smtp.dialogues import CERTIFICATES, Dialogue, Server, Servers, hold, line


def _code(credentials: bytes) -> str:
    return b64encode(credentials).decode()


GOOD = _code(b"\0aiko\0secret")
BAD = _code(b"\0aiko\0guess")
START = "HELLO\nSTARTTLS -> 220 2.0.0\nTLS\n"
UNDER = START + "HELLO\n"

DIALOGUES = [
    Dialogue("RFC 3207 §4", "STARTTLS is offered", "EHLO c -> 250- ~ STARTTLS", server="tls"),
    Dialogue("RFC 3207 §4", "a mail under TLS", START + "DATA\n! x\\r\\n.\\r\\n -> 250\nQUIT -> 221 | closed", 1, server="tls"),
    Dialogue("RFC 3207 §4.2", "it is not offered again", UNDER + "STARTTLS -> 503 5.5.1\nNOOP -> 250", server="tls"),
    Dialogue("RFC 3207 §4.2", "what was said before is forgotten", "RCPT\nSTARTTLS -> 220\nTLS\nMAIL FROM:<> -> 503 5.5.1", server="tls"),
    Dialogue("RFC 3207 §4", "STARTTLS has no argument", "HELLO\nSTARTTLS now -> 501 5.5.4\nNOOP -> 250", server="tls"),
    Dialogue("CVE-2011-0411", "commands behind STARTTLS in the clear are not heard", "HELLO\n! STARTTLS\\r\\nMAIL FROM:<evil@example.org>\\r\\nRCPT TO:<{to}>\\r\\n -> 220\nTLS\nEHLO c -> 250\nRCPT TO:<{to}> -> 503 5.5.1", 0, server="tls"),
    Dialogue("CVE-2021-38371", "nor do they answer under TLS", "HELLO\n! STARTTLS\\r\\nNOOP\\r\\nQUIT\\r\\n -> 220\nTLS\nEHLO c -> 250-mx", server="tls"),
    Dialogue("CVE-2021-33515", "nor half a command, to be completed under TLS", "HELLO\n! STARTTLS\\r\\nMAIL FROM:<evil@exam -> 220\nTLS\nple.org> -> 500 5.5.1", server="tls"),
    Dialogue("RFC 3207 §4.1", "what is no handshake ends the connection", "HELLO\nSTARTTLS -> 220\nMAIL FROM:<a@example.org> -> closed", server="tls"),
    Dialogue("RFC 4954 §3", "AUTH is offered under TLS", UNDER + "EHLO c -> 250- ~ AUTH PLAIN LOGIN", server="tls"),
    Dialogue("RFC 4954 §4", "AUTH in the clear is refused", f"HELLO\nAUTH PLAIN {GOOD} -> 538 5.7.11", server="tls"),
    Dialogue("RFC 4616 §2", "PLAIN with its answer at once", UNDER + f"AUTH PLAIN {GOOD} -> 235 2.7.0\nMAIL FROM:<a@example.org> AUTH=<> -> 250", server="tls"),
    Dialogue("RFC 4954 §4", "PLAIN with its answer asked for", UNDER + f"AUTH PLAIN -> 334 \n{GOOD} -> 235 2.7.0", server="tls"),
    Dialogue("RFC 4954 §4", "LOGIN", UNDER + f"AUTH LOGIN -> 334 {_code(b'Username:')}\n{_code(b'aiko')} -> 334 {_code(b'Password:')}\n{_code(b'secret')} -> 235 2.7.0", server="tls"),
    Dialogue("RFC 4422 §3.1", "names of mechanisms have no case", UNDER + f"auth plain {GOOD} -> 235 2.7.0", server="tls"),
    Dialogue("RFC 4954 §6", "a wrong password", UNDER + f"AUTH PLAIN {BAD} -> 535 5.7.8\nNOOP -> 250", server="tls"),
    Dialogue("RFC 4954 §6", "a name that does not exist is no different", UNDER + f"AUTH PLAIN {_code(bytes(1) + b'nobody' + bytes(1) + b'x')} -> 535 5.7.8", server="tls"),
    Dialogue("RFC 4954 §9", "three guesses are enough", UNDER + f"*3 AUTH PLAIN {BAD} -> 535 5.7.8\nAUTH PLAIN {GOOD} -> 421 4.7.0 | closed", server="tls"),
    Dialogue("RFC 4954 §4", "cancelled", UNDER + "AUTH PLAIN -> 334\n* -> 501 5.7.0\nNOOP -> 250", server="tls"),
    Dialogue("RFC 4954 §4", "not base64", UNDER + "AUTH PLAIN ??? -> 501 5.5.2\nAUTH LOGIN -> 334\nspam! -> 501 5.5.2", server="tls"),
    Dialogue("RFC 4616 §2", "not three parts", UNDER + f"AUTH PLAIN {_code(b'aiko')} -> 501 5.5.2", server="tls"),
    Dialogue("RFC 4954 §4", "an empty answer is an equals sign", UNDER + "AUTH PLAIN = -> 501 5.5.2", server="tls"),
    Dialogue("RFC 4954 §4", "an unknown mechanism", UNDER + "AUTH CRAM-MD5 -> 504 5.5.4\nAUTH -> 501 5.5.4", server="tls"),
    Dialogue("RFC 4954 §4", "not twice", UNDER + f"AUTH PLAIN {GOOD} -> 235\nAUTH PLAIN {GOOD} -> 503 5.5.1", server="tls"),
    Dialogue("RFC 4954 §4", "not within a mail", UNDER + f"MAIL FROM:<a@example.org> -> 250\nAUTH PLAIN {GOOD} -> 503 5.5.1", server="tls"),
    Dialogue("RFC 4954 §4", "not before EHLO", START + f"AUTH PLAIN {GOOD} -> 503 5.5.1", server="tls"),
    Dialogue("RFC 4954 §4", "a long answer", UNDER + f"AUTH PLAIN {_code(bytes(1) + b'aiko' + bytes(1) + b'x' * 6000)} -> 535 5.7.8", server="tls"),
    Dialogue("RFC 4954 §4", "too long an answer", UNDER + f"AUTH PLAIN {'x' * 12_300} -> 500 5.5.2", server="tls"),
    Dialogue("RFC 3207 §4", "TLS may be required", "HELLO\nMAIL FROM:<> -> 530 5.7.0\nNOOP -> 250\nQUIT -> 221", server="locked"),
    Dialogue("RFC 4954 §6", "and a login too", UNDER + "MAIL FROM:<> -> 530 5.7.0\nRCPT TO:<{to}> -> 530\nDATA -> 530", 0, server="locked"),
    Dialogue("RFC 4954 §6", "and with both a mail goes through", UNDER + f"AUTH PLAIN {GOOD} -> 235\nMAIL FROM:<> -> 250\nRCPT TO:<{{to}}> -> 250\nDATA -> 354\n! x\\r\\n.\\r\\n -> 250", 1, server="locked"),
]  # fmt: skip


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=str)
def test_dialogue(dialogue: Dialogue, servers: Servers) -> None:
    hold(dialogue, servers)


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
        _until(lambda: "not renewed" in server.log.read_text())
        assert _certificate(server) == first
        shutil.copy(CERTIFICATES / "second.pem", file)
        server.process.send_signal(signal.SIGHUP)
        _until(lambda: _certificate(server) == second)
    finally:
        assert server.stop() == 0


def _until(holds: object) -> None:
    assert callable(holds)
    for _ in range(500):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came to be")


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
