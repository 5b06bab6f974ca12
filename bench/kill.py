"""Kill processes at random (smtp, workers, api) while mail comes in; nothing that got 250 may be lost or doubled.

    python -m bench.kill                                  # 2,000 mails, 12 kills, SQLite and PostgreSQL
    python -m bench.kill --mails 5000 --connections 20 --kills 40 --seconds 1800
    python -m bench.kill --mails 500 --kills 20 sqlite

Senders do what a mail server does: a mail that got no 250 is sent again. Every acknowledged id must be in the spool,
done; every Message-ID must be one message, whether it had to be sent once or three times; the ledger must balance.
"""

from __future__ import annotations

import argparse
import contextlib
import queue
import random
import smtplib
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from bench.stores import INTAKE, databases
from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Connection, Database
from service.store.migrate import migrate
from service.store.tables import messages
from service.store.tables import spool as entries
from tests.served import environment, free_port

SECONDS = 240.0
"""A run may take so long, unless told otherwise."""
MAIL = (
    "From: User {number} <user{number}@sender.example>\r\nTo: help@intake.example\r\nSubject: Trouble {number}\r\n"
    "Message-ID: <kill-{number}@sender.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0900\r\n\r\n"
    "Printer {number} is on fire.\r\n"
)


@dataclass
class Account:
    """What was sent and promised, and what was found in the end."""

    sent: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    promised: dict[str, str] = field(default_factory=dict)
    """Id → Message-ID of every 250."""
    troubles: Counter[str] = field(default_factory=Counter)
    """What senders met instead of a 250."""
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ledger: spool_view.Ledger | None = None
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        complete = len(set(self.promised.values())) == self.sent
        return complete and not self.lost and not self.doubled and self.ledger is not None and self.ledger.balanced

    def __str__(self) -> str:
        return (
            f"{self.sent} mails, {len(self.promised)} promises, killed {dict(self.kills)}, senders met "
            f"{dict(self.troubles)}: lost {len(self.lost)}, doubled {len(self.doubled)}, {self.ledger}, "
            f"{self.seconds:.0f} s"
        )


class Crew:
    """The processes of an installation, each of which may be killed and is started again."""

    def __init__(self, url: str, workers: int, folder: Path) -> None:
        self.port = free_port()
        self._environment = environment(
            database_url=url, smtp_listen=f"127.0.0.1:{self.port}", http_listen="127.0.0.1:0",
            intake=INTAKE, lease_seconds="20", log_level="error",
        )  # fmt: skip
        self._log = (folder / "crew.log").open("ab")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ["smtp", "api", *(f"worker-{n}" for n in range(workers))]:
            self._start(name)

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "service", name.partition("-")[0]]
        self.processes[name] = subprocess.Popen(command, env=self._environment, stderr=self._log, stdout=self._log)

    def kill(self, name: str) -> None:
        """SIGKILL, and start it again at once."""
        self.processes[name].kill()
        self.processes[name].wait()
        self._start(name)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)
        self._log.close()


def run(
    url: str, *, mails: int, kills: int, connections: int = 8, workers: int = 2, seed: int = 1, seconds: float = SECONDS
) -> Account:
    """Send, kill, wait until everything is taken in, and count."""
    database = Database(url)
    migrate(database)
    account, began = Account(sent=mails), time.monotonic()
    ends = began + seconds
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(mails):
        waiting.put(number)
    with tempfile.TemporaryDirectory() as folder:
        crew = Crew(url, workers, Path(folder))
        try:
            given = (crew.port, waiting, account, ends)
            senders = [threading.Thread(target=_send, args=given) for _ in range(connections)]
            for sender in senders:
                sender.start()
            _kill(crew, account, kills, random.Random(seed), ends)
            for sender in senders:
                sender.join()
            _drain(database, ends)
        finally:
            crew.stop()
    database.read(lambda conn: _count(conn, account))
    database.close()
    account.seconds = time.monotonic() - began
    return account


def _kill(crew: Crew, account: Account, kills: int, chance: random.Random, ends: float) -> None:
    """Spread over the run: each kill waits until its share of the mails got through."""
    for number in range(kills):
        while len(account.promised) < account.sent * number // kills and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.15))
        name = chance.choice(list(crew.processes))
        account.kills[name.partition("-")[0]] += 1
        crew.kill(name)


def _send(port: int, waiting: queue.SimpleQueue[int], account: Account, ends: float) -> None:
    client: smtplib.SMTP | None = None
    with contextlib.suppress(queue.Empty):
        while True:
            number = waiting.get_nowait()
            content = MAIL.format(number=number).encode()
            while time.monotonic() < ends:
                try:
                    if client is None:
                        client = smtplib.SMTP("127.0.0.1", port, timeout=20)
                        client.ehlo("sender.example")
                    client.mail(f"user{number}@sender.example")
                    client.rcpt(INTAKE)
                    code, text = client.data(content)
                    if code == 250:
                        account.promised[text.decode().rpartition(" ")[2]] = f"<kill-{number}@sender.example>"
                        break
                    account.troubles[str(code)] += 1
                except (OSError, smtplib.SMTPException) as error:
                    account.troubles[type(error).__name__] += 1
                    if client is not None:
                        client.close()
                    client = None
                time.sleep(0.05)
    if client is not None:
        client.close()


def _drain(database: Database, deadline: float) -> None:
    while time.monotonic() < deadline:
        with contextlib.suppress(Unavailable):
            if not database.read(spool_view.ledger).waiting:
                return
        time.sleep(0.1)


def _count(conn: Connection, account: Account) -> None:
    states = {row.id: row.state for row in conn.execute(select(entries.c.id, entries.c.state))}
    account.lost = [id for id in account.promised if states.get(id) != "done"]
    query = select(messages.c.message_id, func.count().label("n")).where(messages.c.message_id.like("<kill-%"))
    found = Counter(**{row.message_id: row.n for row in conn.execute(query.group_by(messages.c.message_id))})
    account.lost += [message_id for message_id in account.promised.values() if message_id not in found]
    account.doubled = [message_id for message_id, count in found.items() if count != 1]
    account.ledger = spool_view.ledger(conn)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    good = True
    for kind in asked.databases:
        with databases(kind) as create:
            given = {"connections": asked.connections, "seed": asked.seed, "seconds": asked.seconds}
            account = run(create("bench"), mails=asked.mails, kills=asked.kills, **given)
            print(f"{kind}: {'good' if account.good else 'BAD'}: {account}", flush=True)
            good = good and account.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
