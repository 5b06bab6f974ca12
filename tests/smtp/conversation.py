"""SMTP servers in threads, and a client that sends exactly the bytes that a test gives; both use real sockets."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml
from anyio.from_thread import start_blocking_portal

from service import settings
from service.settings import Listen, Settings
from service.smtp.passwords import password_line
from service.smtp.server import RunningServer, serving

CERTIFICATES = Path(__file__).parent / "certificates"
GIVEN = yaml.safe_load((Path(__file__).parent / "conformance" / "usual.yaml").read_text(encoding="utf-8"))


def set_up(url: str, **given: Any) -> Settings:
    usual = {"intake": "help@intake.example,@cases.example", "hostname": "mx.intake.example"}
    return settings.load(**{"_env_file": None, "database_url": url, "smtp_listen": "127.0.0.1:0"} | usual | given)


@contextlib.contextmanager
def running_server(chosen: Settings) -> Iterator[RunningServer]:
    """Run a server until the end of the block."""
    with (
        start_blocking_portal(backend_options={"use_uvloop": True}) as portal,
        portal.wrap_async_context_manager(serving(chosen)) as server,
    ):
        yield server


@contextlib.contextmanager
def acceptor(chosen: Settings) -> Iterator[Listen]:
    """Run a server; the value is its LMTP address if it has one, else its SMTP address."""
    with running_server(chosen) as server:
        yield server.lmtp or server.smtp


@dataclass
class Server:
    """A running server with its database in ``folder``."""

    folder: Path
    running: RunningServer

    def greeted(self) -> Client:
        client = Client(self.running.smtp)
        assert client.greeting.startswith("220")
        return client

    def mails(self, recipient: str) -> list[bytes]:
        """Return the contents of the mails to ``recipient``, oldest first."""
        with contextlib.closing(sqlite3.connect(self.folder / "sodan.db")) as raw:
            query = "SELECT bytes FROM spool JOIN contents USING (id) WHERE rcpt_tos LIKE ? ORDER BY id"
            return [bytes(row[0]) for row in raw.execute(query, (f'%"{recipient}"%',))]


class Servers:
    """A server for each group of settings in ``conformance/usual.yaml``, started when a test first needs it."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._folder, self._template = folder, template
        self._running: dict[str, Server] = {}
        self.stack = contextlib.ExitStack()

    def __getitem__(self, variant: str) -> Server:
        if variant not in self._running:
            folder = self._folder / variant
            folder.mkdir()
            shutil.copy(self._template, folder / "sodan.db")
            shutil.copy(CERTIFICATES / "first.pem", folder / "certificate.pem")
            (folder / "passwords").write_text(f"# who may send\n\n{password_line('aiko', 'secret')}\n")
            given = {name.lower(): value.format(folder=folder) for name, value in GIVEN["servers"][variant].items()}
            chosen = set_up(**({"url": f"sqlite:///{folder}/sodan.db"} | given))
            self._running[variant] = Server(folder, self.stack.enter_context(running_server(chosen)))
        return self._running[variant]


class Line:
    """A connection that sends any bytes, also malformed commands, and reads whole replies."""

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
        """Send a whole mail; return the reply to its end."""
        self.begin(*recipients, sender=sender)
        assert self.say("DATA").startswith("354")
        self.send(content + b"\r\n.\r\n")
        return self.reply()

    def send(self, data: bytes) -> None:
        # the server may close the connection before it has read everything; its replies can still be read
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def reply(self) -> str:
        """Return the next reply; empty if the server closed the connection."""
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


class Client(Line):
    """A connection whose greeting was read."""

    def __init__(self, address: Listen) -> None:
        super().__init__(address.port)
        self.greeting = self.reply()
