"""Dialogues of ``tests/smtp/conformance``, spoken by raw sockets to a real ``sodan smtp`` process.

The title of a dialogue names what it is about (an RFC with its section, or a CVE). Below it is one exchange a line::

    MAIL FROM:<a@example.org> -> 250 2.1.0      a line is sent with CR LF; the reply must begin so
    EHLO x -> 250 ~ SIZE 100000                 one of the reply's lines must also end with this
    ! body\\r\\n.\\r\\n -> 250 | 221               bytes as written, escapes read; two replies in this order
    *3 NOOP -> 250                              three times
    -> 421 | closed                             nothing is sent; the server speaks, then hangs up
    TLS                                         the client's side of the handshake
    WAIT 0.2 / HALF                             a pause; close our half
    HELLO / MAIL / RCPT / DATA / SECURE         the usual ways to get so far
    SERVER tls                                  a first line: a server with other settings
    MAILS 1                                     so many mails must have reached ``{to}``

``{to}`` is a recipient that nobody else writes to; ``{x*98}`` is x 98 times; ``{smuggled}`` are commands for a mail.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from service.smtp.passwords import password_line
from tests.served import environment, wait_until

CERTIFICATES = Path(__file__).parent / "certificates"

GIVEN = yaml.safe_load((Path(__file__).parent / "conformance" / "usual.yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Dialogue:
    about: str
    name: str
    script: str

    def __str__(self) -> str:
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-")


def read(file: Path) -> list[Dialogue]:
    """The dialogues of a file, each with a title such as ``# RFC 5321 §3.1: the greeting``."""
    found = []
    for one in file.read_text(encoding="utf-8").split("\n\n# ")[1:]:
        title, _, script = one.partition("\n")
        about, _, name = title.partition(": ")
        found.append(Dialogue(about, name, script))
    return found


class Servers:
    """One process a variant, started when first asked for."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._template = template
        self._running: dict[str, Server] = {}

    def __getitem__(self, variant: str) -> Server:
        if variant not in self._running:
            folder = self._folder / variant
            folder.mkdir()
            shutil.copy(self._template, folder / "sodan.db")
            shutil.copy(CERTIFICATES / "first.pem", folder / "certificate.pem")
            (folder / "passwords").write_text(f"# who may send\n\n{password_line('aiko', 'secret')}\n")
            self._running[variant] = Server(folder, GIVEN["servers"][variant])
        return self._running[variant]

    def stop(self) -> None:
        for server in self._running.values():
            server.stop()


class Server:
    """A ``sodan smtp`` of its own, with a database of its own in ``folder``."""

    def __init__(self, folder: Path, given: dict[str, str]) -> None:
        self.folder = folder
        settings = {
            "database_url": f"sqlite:///{folder}/sodan.db",
            "smtp_listen": "127.0.0.1:0",
            "intake": "help@intake.example,@cases.example",
            "hostname": "mx.intake.example",
            **{name.lower(): value.format(folder=folder) for name, value in given.items()},
        }
        self.log = folder / "log"
        command, env = [sys.executable, "-m", "service", "smtp"], environment(**settings)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        wait_until(lambda: self.process.poll() is not None or self._listening())
        self.ports = self._listening()
        assert self.ports, self.log.read_text(errors="replace")

    def _listening(self) -> dict[str, int]:
        found = re.findall(r"(SMTP|LMTP) on 127\.0\.0\.1:([0-9]+)", self.log.read_text(errors="replace"))
        return {kind: int(port) for kind, port in found}

    def greeted(self) -> Line:
        """A connection that was greeted."""
        connection = Line(self.ports["SMTP"])
        assert connection.reply().startswith("220")
        return connection

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def mails(self, recipient: str) -> list[bytes]:
        """The contents that reached ``recipient``, in their order."""
        with contextlib.closing(sqlite3.connect(self.folder / "sodan.db")) as raw:
            query = "SELECT bytes FROM spool JOIN contents USING (id) WHERE rcpt_tos LIKE ? ORDER BY id"
            return [bytes(row[0]) for row in raw.execute(query, (f'%"{recipient}"%',))]


class Line:
    """One connection that speaks as told, also wrongly; replies are read whole."""

    def __init__(self, port: int) -> None:
        self.socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def say(self, line: str) -> str:
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def begin(self, *recipients: str, sender: str = "user@example.org") -> None:
        assert self.say("EHLO client.example").startswith("250-")
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        for recipient in recipients or ("help@intake.example",):
            assert self.say(f"RCPT TO:<{recipient}>").startswith("250")

    def mail(self, content: bytes, *recipients: str, sender: str = "user@example.org") -> str:
        """A whole mail; returns the reply to its end."""
        self.begin(*recipients, sender=sender)
        assert self.say("DATA").startswith("354")
        self.send(content + b"\r\n.\r\n")
        return self.reply()

    def send(self, data: bytes) -> None:
        # it may hang up before it has read everything; what it said is still there to be read
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def reply(self) -> str:
        """Empty where the server hung up."""
        lines: list[str] = []
        while True:
            while b"\n" not in self._read:
                try:
                    more = self.socket.recv(65_536)
                except ConnectionResetError:
                    more = b""
                if not more:
                    return "\n".join(lines)
                self._read += more
            line, _, self._read = self._read.partition(b"\n")
            assert line.endswith(b"\r"), line
            lines.append(line[:-1].decode())
            if line[3:4] != b"-":
                return "\n".join(lines)

    def begin_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def close(self) -> None:
        self.socket.close()


def hold(dialogue: Dialogue, servers: Servers) -> None:
    """Speak it, and see that everything is as written."""
    lines = dialogue.script.strip().replace("{smuggled}", GIVEN["smuggled"]).splitlines()
    name = lines.pop(0)[7:] if lines[0].startswith("SERVER ") else "plain"
    server, kind = (servers["plain"], "LMTP") if name == "lmtp" else (servers[name], "SMTP")
    recipient = f"help+{uuid.uuid4().hex}@intake.example"
    with Line(server.ports[kind]) as open_line:
        if not lines[0].startswith("->"):
            _expect(open_line.reply(), "220", "greeting")
        for written in lines:
            if written.startswith("MAILS "):
                assert len(server.mails(recipient)) == int(written[6:])
            else:
                _speak(open_line, expanded(written).replace("{to}", recipient), recipient)


def expanded(written: str) -> str:
    """Write out ``{x*98}``."""
    return re.sub(r"\{([^{}*]+)\*(\d+)\}", lambda found: found[1] * int(found[2]), written)


def _speak(open_line: Line, exchange: str, recipient: str) -> None:
    if exchange in GIVEN["usual"]:
        for usual in GIVEN["usual"][exchange].splitlines():
            _speak(open_line, usual.replace("{to}", recipient), recipient)
    elif exchange == "TLS":
        open_line.begin_tls()
    elif exchange == "HALF":
        open_line.socket.shutdown(socket.SHUT_WR)
    elif exchange.startswith("WAIT "):
        time.sleep(float(exchange[5:]))
    else:
        _exchange(open_line, exchange)


def _exchange(open_line: Line, exchange: str) -> None:
    said, arrow, expected = exchange.rpartition("->")
    if not arrow:
        said, expected = exchange, "nothing"
    times = 1
    repeated = re.match(r"\*([0-9]+) ", said)
    if repeated:
        times, said = int(repeated[1]), said[repeated.end() :]
    for _ in range(times):
        if said.startswith("! "):
            open_line.send(_unescape(said[2:].rstrip(" ")))
        elif said:
            open_line.send(_unescape(said.removesuffix(" ")) + b"\r\n")
        for reply in expected.split(" | "):
            if reply.strip() != "nothing":
                _expect(open_line.reply(), reply.strip(), exchange)


def _unescape(written: str) -> bytes:
    return written.encode().decode("unicode_escape").encode("latin-1")


def _expect(reply: str, expected: str, exchange: str) -> None:
    if expected == "closed":
        assert reply == "", f"{exchange}: still open, {reply!r}"
        return
    begins, _, ends = expected.partition(" ~ ")
    assert reply.startswith(begins), f"{exchange}: {reply!r}"
    assert not ends or any(one.endswith(ends) for one in reply.split("\n")), f"{exchange}: {reply!r}"
    # RFC 2034 §4: every reply but those to the greeting, HELO, EHLO and 3xx has an enhanced status code of its class
    code = re.match(r"([245])[0-9]{2} ", reply)
    if code and not re.match(r"250 (HELP|mx\.intake\.example)|220 mx|554 mx", reply.split("\n")[-1]):
        assert re.match(rf"{code[1]}[0-9]{{2}} {code[1]}\.[0-9]{{1,3}}\.[0-9]{{1,3}} ", reply), f"{exchange}: {reply!r}"
