"""Three hosts over one PostgreSQL: one is cut off from the database and comes back, one is killed for good.

    python -m bench.hosts [--conversations 60] [--seed 1] [--lease 20]       # as root, on Linux

Each host is a network namespace with a name of its own, on two networks: the front, where mail and questions come in,
and the back, where the database is. Each runs `sodan smtp`, `sodan worker` and `sodan api`. Mail goes to any of them,
as with several MX; who gets no 250 tries the next. While mail comes in

* one host loses the back network at a moment when its worker holds the lock of placing, in the middle of a
  transaction. It must promise nothing, and the others must go on: the lock dies within ``HELD_SECONDS``;
* it comes back, and must be well again by itself;
* another host is killed whole, and stays dead: what its worker held must be taken over after the lease.

In the end every promised mail is one message, the ledger balances, the cases are the same as one worker alone makes
of the same mails, and both hosts that are left say so.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import queue
import random
import signal
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy import select, text

from bench.crossing import INTAKE, conversation
from bench.crossing import run as take_in_alone
from service.store import spool_view
from service.store.database import Connection, Database
from service.store.migrate import migrate
from service.store.tables import messages
from service.store.tables import spool as entries
from tests.postgres import Postgres

FRONT, BACK = "10.77.0", "10.78.0"
PATIENCE = 420.0
"""Seconds for the whole run after which what is missing counts as lost."""
HELD_SECONDS = 35.0
"""How long a host that is gone may hold a lock: `idle_in_transaction_session_timeout`, and some breath."""
CUT_SECONDS = 45.0


class Host:
    """A namespace with its own name, two network cards and three processes, which are started again as they end."""

    def __init__(self, number: int, folder: Path, settings: dict[str, str]) -> None:
        self.number = number
        self.name = f"host-{number}"
        self.address = f"{FRONT}.{number}"
        self._folder = folder
        self._environment = {
            **settings,
            "SODAN_SMTP_LISTEN": f"{self.address}:25",
            "SODAN_HTTP_LISTEN": f"{self.address}:8080",
            "SODAN_HOSTNAME": f"{self.name}.corp.example",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._starting = threading.Lock()
        self.up = False
        # unshare becomes the sleeper itself, so its pid names the namespaces
        self._holder = subprocess.Popen(["unshare", "--net", "--uts", "sleep", "infinity"])
        _until(lambda: os.readlink(f"/proc/{self._holder.pid}/ns/net") != os.readlink("/proc/self/ns/net"), 5)
        for network in (FRONT, BACK):
            card = _card(network, number)
            _ip("link", "add", card, "type", "veth", "peer", "name", f"{card}i", "netns", str(self._holder.pid))
            self.plug(network)
            _ip("link", "set", card, "up")
            self._inside("ip", "addr", "add", f"{network}.{number}/24", "dev", f"{card}i")
            self._inside("ip", "link", "set", f"{card}i", "up")
        self._inside("ip", "link", "set", "lo", "up")
        self._inside("hostname", self.name)

    def plug(self, network: str) -> None:
        """Join the network."""
        _ip("link", "set", _card(network, self.number), "master", _switch(network))

    def pull(self, network: str) -> None:
        """Leave it without a word, as behind a switch that fails: nothing is refused, nothing arrives."""
        _ip("link", "set", _card(network, self.number), "nomaster")

    def look_after(self) -> None:
        """What a service manager does: start what does not run."""
        with self._starting:
            for name in ("smtp", "worker", "api") if self.up else ():
                if name not in self._processes or self._processes[name].poll() is not None:
                    with (self._folder / f"{self.name}.{name}.log").open("ab") as log:
                        command = [*self._enter(), sys.executable, "-m", "service", name]
                        self._processes[name] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """The power is gone, for good."""
        with self._starting:
            self.up = False
            for network in (FRONT, BACK):
                self.pull(network)
            for process in (*self._processes.values(), self._holder):
                process.kill()
                process.wait()
            self._processes.clear()

    def stop(self) -> None:
        with self._starting:
            self.up = False
            for process in self._processes.values():
                process.send_signal(signal.SIGTERM)
            for process in self._processes.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
        if self._holder.poll() is None:
            self.kill()

    def _enter(self) -> list[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--net", "--uts"]

    def _inside(self, *command: str) -> None:
        subprocess.run([*self._enter(), *command], check=True)


@dataclass
class Account:
    """What was promised, what was found, and how long the others had to wait for those that were gone."""

    sent: int = 0
    promised: dict[str, str] = field(default_factory=dict)
    """Id → Message-ID of every 250."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What senders met instead of a 250, by host."""
    promised_while_cut: int = 0
    """How many 250 the host gave that could not reach the database: none may be."""
    held_when_cut: bool = False
    """Whether its worker held the lock of placing when the cable was pulled."""
    still_after_cut: float = 0.0
    """Seconds after the cut until another host took a mail in."""
    back_after: float = 0.0
    """Seconds from the cable being plugged in again until that host was ready."""
    still_after_kill: float = 0.0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ledger: spool_view.Ledger | None = None
    same_cases: bool = False
    same_answers: bool = False
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        kept = not self.lost and not self.doubled and self.ledger is not None and self.ledger.balanced
        alive = self.still_after_cut <= HELD_SECONDS and self.promised_while_cut == 0
        return kept and alive and self.held_when_cut and self.same_cases and self.same_answers

    def __str__(self) -> str:
        return (
            f"{self.sent} mails, {len(self.promised)} promises; senders met {dict(self.troubles)}\n"
            f"cut: the lock was {'' if self.held_when_cut else 'NOT '}held; {self.promised_while_cut} promises by the "
            f"host that was cut off; the others went on after {self.still_after_cut:.1f} s; ready "
            f"{self.back_after:.1f} s after it came back\n"
            f"kill: the others went on after {self.still_after_kill:.1f} s\n"
            f"lost {len(self.lost)}, doubled {len(self.doubled)}, {self.ledger}, "
            f"cases {'as' if self.same_cases else 'NOT as'} by one worker alone, "
            f"answers of both hosts {'equal' if self.same_answers else 'DIFFERENT'}; {self.seconds:.0f} s"
        )


def run(*, conversations: int, seed: int, lease: float, folder: Path) -> Account:
    """The whole story. Must run in a network namespace of its own, as root."""
    choice = random.Random(seed)  # repeatable
    mails = [one for number in range(conversations) for one in conversation(number)]
    choice.shuffle(mails)
    for network in (FRONT, BACK):
        _ip("link", "add", _switch(network), "type", "bridge")
        _ip("addr", "add", f"{network}.1/24", "dev", _switch(network))
        _ip("link", "set", _switch(network), "up")
    _ip("link", "set", "lo", "up")
    server = Postgres(folder / "pg", listen=f"{BACK}.1")
    server.start()
    hosts: list[Host] = []
    try:
        url = server.create("hosts")
        database = Database(url)
        migrate(database)
        settings = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SODAN_")},
            "SODAN_DATABASE_URL": f"postgresql://postgres@{BACK}.1/hosts",
            "SODAN_INTAKE": INTAKE,
            "SODAN_TEAM": "desk@corp.example",
            "SODAN_BATCH": "16",
            "SODAN_LEASE_SECONDS": str(lease),
            "SODAN_LOG_LEVEL": "warning",
        }
        create = [sys.executable, "-m", "service", "token", "create", "bench", "--scope", "admin"]
        made = subprocess.run(
            create, env={**settings, "SODAN_DATABASE_URL": url}, check=True, capture_output=True, text=True
        )
        token = made.stdout.split()[-1]
        hosts = [Host(number, folder, settings) for number in (11, 12, 13)]
        for host in hosts:
            host.up = True
        account = _through_all(database, hosts, mails, token)
        alone, _, _ = take_in_alone(server.create("alone"), mails, 1)
        account.same_cases = database.read(_cases) == alone
        database.close()
        return account
    finally:
        for host in hosts:
            host.stop()
        server.stop()


def _through_all(database: Database, hosts: list[Host], mails: list[bytes], token: str) -> Account:
    account = Account(sent=len(mails))
    began = time.monotonic()
    over = threading.Event()
    manager = threading.Thread(target=_look_after, args=(hosts, over), daemon=True)
    manager.start()
    for host in hosts:
        _until(partial(_ready, host), 180)
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for mail in mails:
        waiting.put(mail)
    cut: list[str] = []  # the host that cannot reach the database now
    senders = [
        threading.Thread(daemon=True, target=_send, args=(number, hosts, waiting, account, began + PATIENCE, cut))
        for number in range(6)
    ]
    for sender in senders:
        sender.start()
    _, second, third = hosts
    _until(lambda: len(account.promised) > len(mails) // 10, PATIENCE)
    account.held_when_cut = _cut_while_it_places(database, second, cut)
    account.still_after_cut = _stands_still(database, second)
    time.sleep(CUT_SECONDS)
    second.plug(BACK)
    plugged = time.monotonic()
    _until(lambda: _ready(second), 180)
    cut.clear()
    account.back_after = time.monotonic() - plugged
    third.kill()
    account.still_after_kill = _stands_still(database, third)
    for sender in senders:
        sender.join()
    _until(lambda: not database.read(spool_view.ledger).waiting, began + PATIENCE - time.monotonic())
    answers = [_answer(host, token) for host in hosts[:2]]
    account.same_answers = answers[0] == answers[1] and bool(answers[0])
    over.set()
    manager.join()
    for host in hosts:
        host.stop()
    database.read(lambda conn: _count(conn, account))
    account.seconds = time.monotonic() - began
    return account


def _look_after(hosts: list[Host], over: threading.Event) -> None:
    while not over.wait(0.2):
        for host in hosts:
            host.look_after()


def _cut_while_it_places(database: Database, host: Host, cut: list[str]) -> bool:
    """Pull the back cable while this host's worker holds the lock of placing; whether it did hold it."""
    held = text(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted AND client_addr = CAST(:address AS inet)"
    )
    seen = {"address": f"{BACK}.{host.number}"}

    def holds() -> bool:
        return bool(database.read(lambda conn: conn.execute(held, seen).scalar_one()))

    until = time.monotonic() + 120
    while time.monotonic() < until:
        if holds():
            host.pull(BACK)
            time.sleep(0.5)
            if holds():
                cut.append(host.name)
                return True
            host.plug(BACK)
            time.sleep(1)
    host.pull(BACK)
    cut.append(host.name)
    return False


def _stands_still(database: Database, gone: Host) -> float:
    """Seconds until somebody other than ``gone`` has taken in another mail."""
    began = time.monotonic()
    done = select(entries.c.id).where(entries.c.state == "done")

    def count() -> int:
        return len(database.read(lambda conn: conn.execute(done).all()))

    before = count()
    _until(lambda: count() > before, PATIENCE / 2)
    return time.monotonic() - began


def _send(
    number: int,
    hosts: list[Host],
    waiting: queue.SimpleQueue[bytes],
    account: Account,
    deadline: float,
    cut: list[str],
) -> None:
    """A mail server with several MX: who does not answer 250 is left for the next one."""
    turn = number
    while time.monotonic() < deadline:
        try:
            mail = waiting.get_nowait()
        except queue.Empty:
            return
        message_id = str(message_from_bytes(mail)["Message-ID"])
        while time.monotonic() < deadline:
            host = hosts[turn % len(hosts)]
            was_cut = host.name in cut
            try:
                with smtplib.SMTP(host.address, 25, timeout=20) as client:
                    client.ehlo("mx.sender.example")
                    client.mail("")
                    client.rcpt(INTAKE)
                    code, reply = client.data(mail)
                if code == 250:
                    account.promised[reply.decode().rpartition(" ")[2]] = message_id
                    account.promised_while_cut += was_cut and host.name in cut
                    turn += 1
                    time.sleep(0.1)  # mail comes in through the whole story, not in one go
                    break
                account.troubles[f"{host.name} {code}"] += 1
            except (OSError, smtplib.SMTPException) as error:
                account.troubles[f"{host.name} {type(error).__name__}"] += 1
            turn += 1
            time.sleep(0.1)


def _ready(host: Host) -> bool:
    with contextlib.suppress(OSError, httpx.HTTPError, smtplib.SMTPException):
        with smtplib.SMTP(host.address, 25, timeout=2):
            pass
        return httpx.get(f"http://{host.address}:8080/readyz", timeout=5).status_code == 200
    return False


def _answer(host: Host, token: str) -> list[tuple[str, str, str]]:
    """Key, title and status of the newest hundred cases, as this host tells them."""
    answer = httpx.get(
        f"http://{host.address}:8080/api/cases",
        params={"limit": 100, "sort": "-opened"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=20,
    )
    return [(case["key"], case["title"], case["status"]) for case in answer.raise_for_status().json()["items"]]


def _cases(conn: Connection) -> frozenset[frozenset[str]]:
    cases: dict[int, set[str]] = defaultdict(set)
    for row in conn.execute(
        select(messages.c.message_id, messages.c.case_id).where(messages.c.message_id.is_not(None))
    ):
        cases[row.case_id].add(row.message_id)
    return frozenset(frozenset(one) for one in cases.values())


def _count(conn: Connection, account: Account) -> None:
    states = {row.id: row.state for row in conn.execute(select(entries.c.id, entries.c.state))}
    account.lost = [id for id in account.promised if states.get(id) != "done"]
    found = Counter(conn.execute(select(messages.c.message_id).where(messages.c.message_id.is_not(None))).scalars())
    account.lost += [one for one in set(account.promised.values()) if one not in found]
    account.doubled = [one for one, count in found.items() if count != 1]
    account.ledger = spool_view.ledger(conn)


def _switch(network: str) -> str:
    return "front" if network == FRONT else "back"


def _card(network: str, number: int) -> str:
    return f"{_switch(network)[0]}{number}"


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True)


def _until(true: Callable[[], bool], seconds: float) -> None:
    """Wait until it is; raises TimeoutError."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.05)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lease", type=float, default=20.0, help="seconds; SODAN_LEASE_SECONDS of the hosts")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        # everything made here is gone with this namespace, however the run ends
        command = ["unshare", "--net", sys.executable, "-m", "bench.hosts", *sys.argv[1:], "--inside"]
        return subprocess.run(command).returncode
    with tempfile.TemporaryDirectory(prefix="sodan-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's user must get through
        account = run(conversations=asked.conversations, seed=asked.seed, lease=asked.lease, folder=folder)
        print(f"{'good' if account.good else 'BAD'}: {account}")
        if not account.good:
            for log in sorted(folder.glob("*.log")):
                print(f"── {log.name}\n{log.read_text(errors='replace')[-3000:]}")
    return 0 if account.good else 1


if __name__ == "__main__":
    sys.exit(main())
