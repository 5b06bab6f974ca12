"""Real faults: a full disk, a database that goes away and comes back. No 250 without its row, nothing lost after."""

import contextlib
import resource
import smtplib
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import select

from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Database
from service.store.migrate import migrate
from service.store.tables import messages
from tests.postgres import Postgres
from tests.served import free_port, started, wait_until

pytestmark = pytest.mark.long

MAIL = b"From: Aiko <aiko@corp.example>\r\nSubject: VPN %d\r\nMessage-ID: <%d@corp.example>\r\n\r\n%b\r\n"
NOT_NOW = (451, "4.3.0 temporary problem, please try again later")


def part(command: str, folder: Path, url: str, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """One command of sodan as a process."""
    given = {"database_url": url, "smtp_listen": f"127.0.0.1:{port}", "intake": "help@corp.example"}
    return started(command, cwd=folder, **given)


def connect(port: int) -> smtplib.SMTP:
    for _ in range(1600):
        with contextlib.suppress(OSError):
            return smtplib.SMTP("127.0.0.1", port, timeout=30)
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def send(client: smtplib.SMTP, number: int, size: int = 100) -> tuple[int, str]:
    """The last answer: to the mail, or to what was refused before it (a fault may begin between any two commands)."""
    client.ehlo_or_helo_if_needed()
    for command, address in ((client.mail, "aiko@corp.example"), (client.rcpt, "help@corp.example")):
        code, words = command(address)
        if code != 250:
            client.rset()
            return code, words.decode()
    code, words = client.data(MAIL % (number, number, b"x" * size))
    return code, words.decode()


def all_taken_in(database: Database) -> set[str]:
    """The Message-IDs of what is in cases, once nothing waits."""
    for _ in range(2400):
        with contextlib.suppress(Unavailable):
            ledger = database.read(spool_view.ledger)
            assert ledger.balanced
            assert not ledger.shunted
            if not ledger.waiting:
                return set(database.read(lambda conn: conn.execute(select(messages.c.message_id)).scalars().all()))
        time.sleep(0.05)
    raise AssertionError("something still waits")


def test_a_full_disk_is_451_and_all_goes_on_when_there_is_room(sqlite: Database, tmp_path: Path) -> None:
    port = free_port()
    url = str(sqlite.url).replace("+pysqlite", "")
    sqlite.close()
    with part("smtp", tmp_path, url, port) as smtp, connect(port) as client:
        send(client, 0)
        unlimited = resource.prlimit(smtp.pid, resource.RLIMIT_FSIZE)
        # no file may grow beyond this: to the process it is a disk without room
        resource.prlimit(smtp.pid, resource.RLIMIT_FSIZE, (400_000, unlimited[1]))
        replies = {number: send(client, number, 20_000) for number in range(1, 40)}
        promised = {f"<{number}@corp.example>" for number, (code, _) in replies.items() if code == 250}
        assert {(code, words) for code, words in replies.values() if code != 250} == {NOT_NOW}
        assert promised
        resource.prlimit(smtp.pid, resource.RLIMIT_FSIZE, unlimited)
        assert send(client, 99)[0] == 250
    with part("worker", tmp_path, url, port):
        assert all_taken_in(sqlite) == promised | {"<0@corp.example>", "<99@corp.example>"}


def test_a_database_that_goes_away_and_comes_back(own_postgres: Postgres, tmp_path: Path) -> None:
    url, port = own_postgres.create("sodan"), free_port()
    database = Database(url)
    migrate(database)
    promised = set()
    with part("smtp", tmp_path, url, port), part("worker", tmp_path, url, port), connect(port) as client:
        for number, stop in enumerate((own_postgres.pause, own_postgres.kill)):
            assert send(client, 10 * number)[0] == 250
            stop()
            assert send(client, 10 * number + 1) == NOT_NOW
            with pytest.raises(Unavailable):
                database.read(spool_view.ledger)
            own_postgres.start()
            wait_until(lambda number=number: send(client, 10 * number + 2)[0] == 250)  # type: ignore[misc]
            promised |= {f"<{10 * number}@corp.example>", f"<{10 * number + 2}@corp.example>"}
        assert all_taken_in(database) == promised
    database.close()


def test_parts_wait_for_a_database_that_is_not_migrated_yet(new_postgres: Callable[[], str], tmp_path: Path) -> None:
    url, port = new_postgres(), free_port()
    with part("worker", tmp_path, url, port) as worker, part("smtp", tmp_path, url, port), connect(port) as client:
        assert send(client, 1)[0] == 451
        database = Database(url)
        migrate(database)
        assert send(client, 1)[0] == 250
        assert all_taken_in(database) == {"<1@corp.example>"}
        assert worker.poll() is None
        database.close()
