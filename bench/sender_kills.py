"""Kills the sender with SIGKILL at random points and counts what became of the mails.

    python -m bench.sender_kills [KILLS] [MAILS]

Prints mails, kills, mails that reached the smart host, mails that reached it twice, and ``in_doubt``: how often a
sender died while it held a mail. Status 1 where a mail was lost, or where more came twice than are in doubt.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.controller import Controller

from service.intake import AppContext
from service.outbound import sender as sending
from service.outbound.setup import sender_of
from service.settings import load
from service.store import outbox
from service.store.database import Database
from service.store.migrate import migrate

LEASE = timedelta(seconds=1)
"""Instead of five minutes, so that a mail is tried again soon after its sender was killed."""


class Smarthost:
    """Appends the Message-ID of each mail to a file before it answers 250."""

    def __init__(self, log: Path) -> None:
        self.log = log

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content)
        with self.log.open("a") as file:
            file.write(f"{mail['Message-ID']}\n")
        await asyncio.sleep(random.uniform(0, 0.02))  # so that kills fall into every part of the dialogue
        return "250 2.0.0 queued"


def main(kills: int = 200, mails: int = 400) -> int:
    """Run it; returns an exit status."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder:
        log, url = Path(folder) / "received", f"sqlite:///{folder}/sodan.db"
        port = 20_000 + os.getpid() % 20_000
        host = _smarthost(log, port)
        settings = load(database_url=url, from_="it@corp.example", smarthost=f"smtp://127.0.0.1:{port}")
        context = AppContext.of(settings, key=b"k" * 32)
        _write(url, mails)
        sending.LEASE = LEASE
        for _ in range(kills):
            child = os.fork()
            if child == 0:
                _send(settings, url, context)
            time.sleep(random.uniform(0.02, 0.6))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        last = os.fork()
        if last == 0:
            _send(settings, url, context, until_empty=True)
        os.waitpid(last, 0)
        os.kill(host, signal.SIGTERM)
        return _report(url, log, mails, kills)


def _smarthost(log: Path, port: int) -> int:
    child = os.fork()
    if child == 0:
        log.touch()
        controller = Controller(Smarthost(log), hostname="127.0.0.1", port=port)
        controller.start()
        signal.pause()
        os._exit(0)
    time.sleep(1)
    return child


def _write(url: str, mails: int) -> None:
    database = Database(url)
    migrate(database)
    now = datetime.now(UTC)

    def write(conn: Any) -> None:
        for number in range(mails):
            draft = outbox.Draft(
                kind="digest",
                recipient=f"p{number}@corp.example",
                subject=f"Mail {number}",
                text="text",
                message_id=f"<{number}@corp.example>",
            )
            outbox.write(conn, draft, state="waiting", now=now)

    database.transact(write)
    database.close()


def _send(settings: Any, url: str, context: AppContext, *, until_empty: bool = False) -> None:
    database = Database(url)
    sender = sender_of(settings, database, context, lambda: datetime.now(UTC))
    while True:
        if sender.step():
            continue
        if until_empty and not database.read(outbox.counts).get("waiting"):
            os._exit(0)
        time.sleep(0.02)


def _report(url: str, log: Path, mails: int, kills: int) -> int:
    database = Database(url)
    received = Counter(log.read_text().split())
    counts, doubt = database.read(outbox.counts), database.read(outbox.in_doubt)
    database.close()
    twice = sum(number - 1 for number in received.values())
    lost = mails - len(received)
    print(f"mails {mails}, kills {kills}, received {len(received)}, lost {lost}, twice {twice}, in_doubt {doubt}")
    return int(lost > 0 or twice > doubt or counts.get("sent") != mails)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
