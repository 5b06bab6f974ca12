"""Processes of `sodan serve` are killed at random while mail arrives: no accepted mail is lost or duplicated.

`python -m tests.flow.test_kill postgresql://…` runs the same test on an empty database of yours.
"""

import contextlib
import os
import random
import signal
import smtplib
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from service.store.database import Database
from service.store.migrate import migrate
from service.store.tables import messages, spool
from tests.flow.test_faults import all_taken_in, connect, send
from tests.served import Served, ending

pytestmark = pytest.mark.long

SECONDS = 240.0  # maximum duration of a run


@pytest.mark.both_databases
@pytest.mark.parametrize(("mails", "kills"), [(60, 2), pytest.param(500, 12, marks=pytest.mark.soak)])
def test_no_accepted_mail_is_lost_or_duplicated_if_processes_are_killed(
    database: Database, database_url: str, tmp_path: Path, mails: int, kills: int
) -> None:
    kill(database, Served(tmp_path, database_url=database_url, workers="2", lease_seconds="20"), mails, kills)


def kill(database: Database, sodan: Served, mails: int, kills: int) -> None:
    """Send mails and kill processes, wait until every mail is processed, and check the messages."""
    chance, ends = random.Random(1), time.monotonic() + SECONDS
    accepted: dict[int, str] = {}  # number of a mail → id of its 250

    def offer(number: int) -> None:
        """Send a mail until it is accepted, as a mail server does."""
        while number not in accepted:
            assert time.monotonic() < ends, "a mail was not accepted in time"
            with contextlib.suppress(OSError, smtplib.SMTPException), connect(sodan.smtp) as client:
                code, words = send(client, number)
                if code == 250:
                    accepted[number] = words.rpartition(" ")[2]

    with ending(sodan.process):
        with ThreadPoolExecutor(8) as senders:
            sending = senders.map(offer, range(mails))
            for number in range(kills):  # each kill waits until its share of the mails is accepted
                sodan.wait_for(lambda share=mails * number // kills: len(accepted) >= share)
                time.sleep(chance.uniform(0, 0.15))
                sodan.wait_for(lambda: "worker" in sodan.children())
                running = [(name, pid) for name, pid in sodan.processes() if number or name == "worker"]
                os.kill(chance.choice(running)[1], signal.SIGKILL)  # first a worker, then any process
            list(sending)  # raises the errors of the senders
        all_taken_in(database)
    assert sodan.process.returncode == 0
    states = {
        row.id: row.state for row in database.read(lambda conn: conn.execute(select(spool.c.id, spool.c.state)).all())
    }
    assert {states.get(id) for id in accepted.values()} == {"done"}
    found = Counter(database.read(lambda conn: conn.execute(select(messages.c.message_id)).scalars().all()))
    assert found == Counter(f"<{number}@corp.example>" for number in range(mails))


if __name__ == "__main__":
    own = Database(sys.argv[1])
    migrate(own)
    with tempfile.TemporaryDirectory() as folder:
        kill(own, Served(Path(folder), database_url=sys.argv[1], workers="2", lease_seconds="20"), 2000, 12)
