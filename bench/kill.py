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
import random
import signal
import smtplib
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import cyclopts
from sqlalchemy import func, select

from bench.harness import INTAKE, children, databases, opened, serving
from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Connection, Database
from service.store.tables import messages, spool

SECONDS = 240.0
"""A run may take so long, unless told otherwise."""
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
    failures: Counter[str] = field(default_factory=Counter)  # what senders got instead of a 250
    accepted: dict[str, str] = field(default_factory=dict)  # id → Message-ID of every 250
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    ledger: spool_view.Ledger | None = None

    @property
    def good(self) -> bool:
        complete = len(set(self.accepted.values())) == self.sent
        return complete and not self.lost and not self.duplicated and self.ledger is not None and self.ledger.balanced


def run(url: str, *, mails: int, kills: int, connections: int = 8, seed: int = 1, seconds: float = SECONDS) -> Account:
    """Send, kill, wait until everything is taken in, and count."""
    account, ends, chance = Account(mails), time.monotonic() + seconds, random.Random(seed)
    with (
        serving(url, workers="2", lease_seconds="20") as sodan,
        opened(url) as database,
        ThreadPoolExecutor(connections) as senders,
    ):
        sending = senders.map(partial(_send, sodan.smtp, account, ends), range(mails))
        for number in range(kills):  # each waits until its share of the mails got through
            while len(account.accepted) < mails * number // kills and time.monotonic() < ends:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.15))
            while not (running := children(sodan.process.pid)):
                time.sleep(0.01)
            name, pid = chance.choice(running)
            os.kill(pid, signal.SIGKILL)
            account.kills[name] += 1
        list(sending)  # waits; raises what a sender raised
        while _waiting(database) and time.monotonic() < ends:
            time.sleep(0.1)
        database.read(lambda conn: _count(conn, account))
    return account


def _send(port: int, account: Account, ends: float, number: int) -> None:
    """Send one mail until it is accepted."""
    accepted = False
    while not accepted and time.monotonic() < ends:
        try:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="sender.example", timeout=20) as client:
                client.ehlo()
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
        time.sleep(0 if accepted else 0.05)


def _waiting(database: Database) -> bool:
    with contextlib.suppress(Unavailable):
        return database.read(spool_view.ledger).waiting > 0
    return True


def _count(conn: Connection, account: Account) -> None:
    states = {row.id: row.state for row in conn.execute(select(spool.c.id, spool.c.state))}
    query = select(messages.c.message_id, func.count().label("n")).where(messages.c.message_id.like("<kill-%"))
    found = {row.message_id: row.n for row in conn.execute(query.group_by(messages.c.message_id))}
    account.lost = [id for id, name in account.accepted.items() if states.get(id) != "done" or name not in found]
    account.duplicated = [message_id for message_id, count in found.items() if count != 1]
    account.ledger = spool_view.ledger(conn)


def main(
    *kinds: str, mails: int = 2000, kills: int = 12, connections: int = 8, seconds: float = SECONDS, seed: int = 1
) -> int:
    accounts = []
    for kind in kinds or ("sqlite", "postgresql"):
        with databases(kind) as create:
            url = create("bench")
            one = run(url, mails=mails, kills=kills, connections=connections, seed=seed, seconds=seconds)
        print(
            f"{kind}: {'good' if one.good else 'BAD'}: {mails} mails, {len(one.accepted)} accepted, killed "
            f"{dict(one.kills)}, senders got {dict(one.failures)}: lost {len(one.lost)}, duplicated "
            f"{len(one.duplicated)}, {one.ledger}",
            flush=True,
        )
        accounts.append(one)
    return 0 if all(one.good for one in accounts) else 1


if __name__ == "__main__":
    cyclopts.run(main)
