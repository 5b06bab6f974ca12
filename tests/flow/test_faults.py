"""Faults of the disk and of the database: the SMTP reply during a fault is 4xx, and no mail with a 250 is lost."""

import contextlib
import resource
import shutil
import smtplib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mailrules.judgement import Reading
from mailrules.thread import RuleInput
from service import intake
from service.api.health import Readiness
from service.errors import Unavailable
from service.store import spool, spool_view
from service.store.database import Database
from service.store.migrate import migrate
from service.store.tables import messages
from tests.flow.cluster import Cluster
from tests.flow.crew import Deadly, work_off, worker
from tests.flow.test_worker import mail, receive, states
from tests.postgres import Postgres
from tests.served import free_port, started, wait_until

pytestmark = pytest.mark.long

MAIL = b"From: Aiko <aiko@corp.example>\r\nSubject: VPN %d\r\nMessage-ID: <%d@corp.example>\r\n\r\n%b\r\n"
NOT_NOW = (451, "4.3.0 temporary problem, please try again later")


def part(command: str, folder: Path, url: str, port: int) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run one command of sodan as a process."""
    given = {"database_url": url, "smtp_listen": f"127.0.0.1:{port}", "intake": "help@corp.example"}
    return started(command, cwd=folder, **given)


def connect(port: int) -> smtplib.SMTP:
    for _ in range(1600):
        with contextlib.suppress(OSError):
            return smtplib.SMTP("127.0.0.1", port, timeout=30)
        time.sleep(0.05)
    raise AssertionError("nothing listens on the port")


def send(client: smtplib.SMTP, number: int, size: int = 100) -> tuple[int, str]:
    """Send a mail and return the last reply. A fault may begin between any two commands."""
    client.ehlo_or_helo_if_needed()
    for command, address in ((client.mail, "aiko@corp.example"), (client.rcpt, "help@corp.example")):
        code, text = command(address)
        if code != 250:
            client.rset()
            return code, text.decode()
    code, text = client.data(MAIL % (number, number, b"x" * size))
    return code, text.decode()


def all_taken_in(database: Database) -> set[str]:
    """Wait until no mail is waiting; return the Message-IDs of the messages in cases."""
    for _ in range(2400):
        with contextlib.suppress(Unavailable):
            ledger = database.read(spool_view.ledger)
            assert ledger.balanced
            assert not ledger.shunted
            if not ledger.waiting:
                return set(database.read(lambda conn: conn.execute(select(messages.c.message_id)).scalars().all()))
        time.sleep(0.05)
    raise AssertionError("mails are still waiting")


def send_around(client: smtplib.SMTP, fault: AbstractContextManager[Any], count: int = 6, first: int = 0) -> set[str]:
    """Send mails before, during and after a fault; return the Message-IDs of those with a 250.

    All other mails must get 451. They may be stored nevertheless: data that was not flushed is not always lost.
    """
    accepted = set()

    def offer(number: int) -> bool:
        reply = send(client, number, 20_000)
        if reply[0] == 250:
            accepted.add(f"<{number}@corp.example>")
        assert reply[0] == 250 or reply == NOT_NOW
        return reply[0] == 250

    assert offer(first)
    with fault:
        during = [offer(number) for number in range(first + 1, first + count)]
    assert not all(during)
    for number in range(first + count, first + count + 200):
        if offer(number):
            return accepted
        time.sleep(0.05)
    raise AssertionError("no mail is accepted after the fault")


# ── SQLite: the disk ─────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def limited_files(pid: int) -> Iterator[None]:
    """Limit the size of files that a process writes: the process sees a disk without free space."""
    unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (400_000, unlimited[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)


@contextlib.contextmanager
def failing_calls(pid: int, calls: str, error: str) -> Iterator[None]:
    """Let system calls of a process fail (``error`` as in ``strace --inject``). Skips the test without strace."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(pid), "-e", f"trace={calls}"]
    process = subprocess.Popen([*command, "-e", f"inject={calls}:{error}"], stderr=subprocess.DEVNULL)
    try:
        while not _all_threads_traced(pid):
            if process.poll() is not None:
                pytest.skip("strace must not attach to a process")
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _all_threads_traced(pid: int) -> bool:
    for task in Path(f"/proc/{pid}/task").glob("*/status"):
        with contextlib.suppress(OSError):  # the thread ended
            if "\nTracerPid:\t0\n" in task.read_text():
                return False
    return True


FAULTS: dict[str, Callable[[int], AbstractContextManager[None]]] = {
    "no free space": limited_files,
    "flushes fail": lambda pid: failing_calls(pid, "fsync,fdatasync", "error=EIO:when=1+2"),
    "writes fail": lambda pid: failing_calls(pid, "pwrite64", "error=EROFS:when=2+3"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_disk_is_answered_with_451_and_loses_no_accepted_mail(
    sqlite: Database, tmp_path: Path, fault: str
) -> None:
    url, port = str(sqlite.url).replace("+pysqlite", ""), free_port()
    sqlite.close()
    with part("smtp", tmp_path, url, port) as smtp, connect(port) as client:
        accepted = send_around(client, FAULTS[fault](smtp.pid), 40)
    work_off(worker(sqlite))
    assert accepted <= all_taken_in(sqlite)


def test_readyz_reports_a_database_that_does_not_respond(sqlite: Database) -> None:
    locked, release = threading.Event(), threading.Event()

    def hold_lock(conn: Any) -> None:
        conn.exec_driver_sql("UPDATE spool SET state = state")
        locked.set()
        release.wait(20)

    holder = threading.Thread(target=sqlite.transact, args=(hold_lock,))
    holder.start()
    assert locked.wait(20)
    assert Readiness(sqlite, 0).problem() == "the database did not respond within 3 seconds"
    release.set()
    holder.join()


# ── PostgreSQL: the server ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_database_server_that_stops_and_restarts_loses_no_accepted_mail(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    url, port = own_postgres.create("sodan"), free_port()
    database = Database(url)
    migrate(database)

    @contextlib.contextmanager
    def stopped_by(stop: Callable[[], None]) -> Iterator[None]:
        stop()
        with pytest.raises(Unavailable):
            database.read(spool_view.ledger)
        yield
        own_postgres.start()

    with part("smtp", tmp_path, url, port), part("worker", tmp_path, url, port), connect(port) as client:
        accepted = send_around(client, stopped_by(own_postgres.pause), 2)
        accepted |= send_around(client, stopped_by(own_postgres.kill), 2, first=1000)
        assert all_taken_in(database) == accepted
    database.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


def test_the_standby_continues_if_the_primary_fails(cluster: Cluster, tmp_path: Path) -> None:
    port, database = free_port(), Database(cluster.url)
    migrate(database)
    ready = Readiness(database, 0)
    with part("smtp", tmp_path, cluster.url, port), connect(port) as client:
        assert send(client, 1)[0] == 250
        cluster.set_read_only(True)
        wait_until(lambda: ready.problem() in ("the database is read-only", "the database does not respond"))
        assert send(client, 2) == NOT_NOW
        cluster.set_read_only(False)
        cluster.fail_over()
        wait_until(lambda: send(client, 3)[0] == 250)
        wait_until(lambda: ready.problem() is None)
    _process_all(worker(database).step)
    assert all_taken_in(database) == {"<1@corp.example>", "<3@corp.example>"}
    database.close()


def _process_all(step: Callable[[], int]) -> None:
    """Call ``step`` until no mail is left, and again after each error of the database."""
    for _ in range(100):
        try:
            while step():
                pass
            return
        except Unavailable:
            time.sleep(0.05)
    raise AssertionError("the database did not recover")


class StoppingRules(Deadly):
    """Rules that stop the database while they read a mail."""

    def __init__(self, real: Any, server: Postgres) -> None:
        super().__init__(real)
        self._server = server

    def read(self, turn: RuleInput) -> Reading:
        if "outage" in turn.text:
            self._server.pause()
        return super().read(turn)


def test_an_attempt_that_failed_because_of_the_database_is_not_counted(own_postgres: Postgres) -> None:
    database = Database(own_postgres.create("sodan"))
    migrate(database)
    ids = receive(database, [mail(1, "outage"), mail(2)])
    reads = worker(database)
    working = reads.context
    reads.context = replace(working, rules=StoppingRules(working.rules, own_postgres))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        reads.step()
    own_postgres.start()
    reads.context = working
    _process_all(reads.step)
    assert states(database) == dict.fromkeys(ids, ("done", 1))
    database.close()


def test_processes_wait_until_the_database_is_migrated(new_postgres: Callable[[], str], tmp_path: Path) -> None:
    url, port = new_postgres(), free_port()
    with part("worker", tmp_path, url, port) as process, part("smtp", tmp_path, url, port), connect(port) as client:
        assert send(client, 1)[0] == 451
        database = Database(url)
        migrate(database)
        assert send(client, 1)[0] == 250
        assert all_taken_in(database) == {"<1@corp.example>"}
        assert process.poll() is None
        database.close()


@pytest.mark.both_databases
@pytest.mark.parametrize("error", [timedelta(days=-40), timedelta(hours=-1), timedelta(seconds=-5), timedelta(days=40)])
def test_a_wrong_clock_delays_no_mail(database: Database, error: timedelta) -> None:
    now = datetime.now(UTC)
    intake.receive(database, [(spool.Envelope("smtp"), mail(1))], now)
    assert worker(database, now=now + error).step() == (0 if error == timedelta(seconds=-5) else 1)
    worker(database, now=now + timedelta(seconds=1)).step()
    assert database.read(spool_view.ledger).taken_in == 1
