"""Runs the Dovecot of Debian with its own configuration, ports, users and mail."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from imapclient import IMAPClient

from tests.served import free_ports

BINARY = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PASSWORD = "correct horse"
CERTIFICATE = Path(__file__).parent / "certificates/localhost.pem"  # signed by itself
KEY = CERTIFICATE.with_name("localhost-key.pem")
USERS = ("support", "vendors")


@dataclass
class Dovecot:
    """A server that can be killed and started again."""

    folder: Path
    settings: str = ""  # further lines of configuration
    port: int = 0
    tls_port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.port, self.tls_port = free_ports(2)
        for name in ("run", "home"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        (self.folder / "users").write_text("".join(f"{user}:{{PLAIN}}{PASSWORD}\n" for user in USERS))
        root = os.geteuid() == 0
        self.owner = "nobody" if root else getpass.getuser()
        group = "nogroup" if root else str(os.getgid())
        internal = "dovecot" if root else self.owner
        if root:
            shutil.chown(self.folder / "home", "nobody", "nogroup")
        self.configuration = self.folder / "dovecot.conf"
        self.configuration.write_text(
            Template(Path(__file__).with_name("dovecot.conf").read_text()).substitute(
                folder=self.folder, certificate=CERTIFICATE, key=KEY, port=self.port, tls_port=self.tls_port,
                owner=self.owner, group=group, internal=internal, internal_group=internal if root else group,
                login="dovenull" if root else self.owner, chroot="" if root else "  chroot =\n",
                settings=self.settings,
            )
        )  # fmt: skip

    def start(self) -> Dovecot:
        assert BINARY is not None, "CI installs dovecot-imapd"
        self.process = subprocess.Popen(
            [BINARY, "-F", "-c", str(self.configuration)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError((self.process.stderr.read() if self.process.stderr else b"").decode())
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as there:
                if there.recv(10):
                    return self
            time.sleep(0.05)
        raise AssertionError("Dovecot does not answer")

    def kill(self) -> None:
        """Kill all its processes at once, as a power failure would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()
        for left in (self.folder / "run").glob("master.pid"):
            left.unlink()

    def renew_uids(self) -> None:
        """Assign new UIDs and another UIDVALIDITY (RFC 3501 §2.3.1.1). Call it while the server is stopped.

        UIDVALIDITY is set explicitly, because by default it is the time at which the folder was created, in seconds.
        """
        for path in (self.folder / "home").rglob("dovecot*"):
            if path.name == "dovecot-uidlist":
                version, validity, _, *rest = path.read_text().splitlines()[0].split(" ")  # such as 3 V1795838217 N3 G…
                path.write_text(" ".join([version, f"V{int(validity.removeprefix('V')) + 1}", "N1", *rest]) + "\n")
            else:
                path.unlink(missing_ok=True)  # a process that ends may have removed it

    def client(self, user: str = "support") -> IMAPClient:
        """Return a client that is signed in."""
        client = IMAPClient("127.0.0.1", port=self.port, ssl=False, timeout=30)
        client.login(user, PASSWORD)
        return client

    def deliver(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Add mails to a folder."""
        with self.client() as client:
            for mail in mails:
                client.append(folder, mail)

    def count(self, search: str = "ALL", folder: str = "INBOX") -> int:
        """Return the number of mails in a folder that a search finds."""
        with self.client() as client:
            client.select_folder(folder)
            return len(client.search(search.split()))

    def create(self, folder: str) -> None:
        with self.client() as client:
            client.create_folder(folder)

    def rename(self, folder: str, to: str) -> None:
        with self.client() as client:
            client.rename_folder(folder, to)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")
