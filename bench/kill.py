"""Kill processes of `sodan serve` at random while mail comes in; no mail that got 250 may be lost or duplicated.

    python -m bench.kill                                  # 2,000 mails, 12 kills, SQLite and PostgreSQL
    python -m bench.kill sqlite --mails 500 --kills 20
    python -m bench.kill postgresql://… --mails 5000 --connections 20 --kills 40 --seconds 1800

Senders do what a mail server does: a mail that got no 250 is sent again. Every accepted id must be in the spool,
done; every Message-ID must be one message, whether it had to be sent once or three times; the ledger must balance.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import smtplib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import cyclopts
from sqlalchemy import func, select

from bench.harness import INTAKE, children, databases, opened, serving
from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Connection, Database
from service.store.tables import messages
from service.store.tables import spool as entries

SECONDS = 240.0
"""A run may take so long, unless told otherwise."""
WORKERS = 2
MAIL = (
    "From: User {number} <user{number}@sender.example>\r\nTo: help@intake.example\r\nSubject: Trouble {number}\r\n"
    "Message-ID: <kill-{number}@sender.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0900\r\n\r\n"
    "Printer {number} is on fire.\r\n"
)


@dataclass
class Account:
    """What was sent and accepted, and what was found in the end."""

    sent: int
    kills: Counter[str] = field(default_factory=Counter)
    accepted: dict[str, str] = field(default_factory=dict)
    """Id → Message-ID of every 250."""
    failures: Counter[str] = field(default_factory=Counter)
    """What senders got instead of a 250."""
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    ledger: spool_view.Ledger | None = None

    @property
    def good(self) -> bool:
        complete = len(set(self.accepted.values())) == self.sent
        return complete and not self.lost and not self.duplicated and self.ledger is not None and self.ledger.balanced


def run(url: str, *, mails: int, kills: int, connections: int = 8, seed: int = 1, seconds: float = SECONDS) -> Account:
    """Send, kill, wait until everything is taken in, and count."""
    account, ends = Account(mails), time.monotonic() + seconds
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(mails):
        waiting.put(number)
    with serving(url, workers=str(WORKERS), lease_seconds="20") as sodan, opened(url) as database:
        given = (sodan.smtp, waiting, account, ends)
        senders = [threading.Thread(target=_send, args=given) for _ in range(connections)]
        for sender in senders:
            sender.start()
        _kill(sodan.process.pid, account, kills, random.Random(seed), ends)
        for sender in senders:
            sender.join()
        _drain(database, ends)
        database.read(lambda conn: _count(conn, account))
    return account


def _kill(supervisor: int, account: Account, kills: int, chance: random.Random, ends: float) -> None:
    """Spread over the run: each kill waits until its share of the mails got through."""
    for number in range(kills):
        while len(account.accepted) < account.sent * number // kills and time.monotonic() < ends:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.15))
        while not (running := children(supervisor)):
            time.sleep(0.01)
        name, pid = chance.choice(running)
        os.kill(pid, signal.SIGKILL)
        account.kills[name] += 1


def _send(port: int, waiting: queue.SimpleQueue[int], account: Account, ends: float) -> None:
    """Send waiting mails, each until it is accepted."""
    client: smtplib.SMTP | None = None
    with contextlib.suppress(queue.Empty):
        while True:
            number, accepted = waiting.get_nowait(), False
            while not accepted and time.monotonic() < ends:
                try:
                    client = client or smtplib.SMTP("127.0.0.1", port, local_hostname="sender.example", timeout=20)
                    client.ehlo_or_helo_if_needed()
                    client.mail(f"user{number}@sender.example")
                    client.rcpt(INTAKE)
                    code, text = client.data(MAIL.format(number=number).encode())
                    accepted = code == 250
                    if accepted:
                        account.accepted[text.decode().rpartition(" ")[2]] = f"<kill-{number}@sender.example>"
                    else:
                        account.failures[str(code)] += 1
                except (OSError, smtplib.SMTPException) as error:
                    account.failures[type(error).__name__] += 1
                    if client is not None:
                        client.close()
                    client = None
                if not accepted:
                    time.sleep(0.05)
    if client is not None:
        client.close()


def _drain(database: Database, ends: float) -> None:
    while time.monotonic() < ends:
        with contextlib.suppress(Unavailable):
            if not database.read(spool_view.ledger).waiting:
                return
        time.sleep(0.1)


def _count(conn: Connection, account: Account) -> None:
    states = {row.id: row.state for row in conn.execute(select(entries.c.id, entries.c.state))}
    account.lost = [id for id in account.accepted if states.get(id) != "done"]
    query = select(messages.c.message_id, func.count().label("n")).where(messages.c.message_id.like("<kill-%"))
    found = {row.message_id: row.n for row in conn.execute(query.group_by(messages.c.message_id))}
    account.lost += [message_id for message_id in account.accepted.values() if message_id not in found]
    account.duplicated = [message_id for message_id, count in found.items() if count != 1]
    account.ledger = spool_view.ledger(conn)


def main(
    *kinds: str, mails: int = 2000, kills: int = 12, connections: int = 8, seconds: float = SECONDS, seed: int = 1
) -> int:
    good = True
    for kind in kinds or ("sqlite", "postgresql"):
        with databases(kind) as create:
            given = {"connections": connections, "seed": seed, "seconds": seconds}
            account = run(create("bench"), mails=mails, kills=kills, **given)  # type: ignore[arg-type]
        print(
            f"{kind}: {'good' if account.good else 'BAD'}: {mails} mails, {len(account.accepted)} accepted, killed "
            f"{dict(account.kills)}, senders got {dict(account.failures)}: lost {len(account.lost)}, duplicated "
            f"{len(account.duplicated)}, {account.ledger}",
            flush=True,
        )
        good &= account.good
    return 0 if good else 1


if __name__ == "__main__":
    cyclopts.run(main)
