"""Each kind of fault: 451 while it lasts, everything promised is there, all goes on after."""

import contextlib
import shutil
import smtplib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import pytest

from mailrules.judgement import Reading
from mailrules.thread import RuleInput
from service import intake
from service.api.health import Readiness
from service.errors import Unavailable
from service.store import spool, spool_view
from service.store.database import Database
from service.store.migrate import migrate
from tests.flow.cluster import Cluster
from tests.flow.crew import Deadly, work_off, worker
from tests.flow.disk import Disk, injected
from tests.flow.test_faults import NOT_NOW, all_taken_in, connect, part, send
from tests.flow.test_worker import mail, receive, states
from tests.postgres import Postgres
from tests.served import free_port, wait_until

pytestmark = pytest.mark.long

FULL = ("the disk is full", "the disk is almost full", "the database reports a disk error")
NO_ROOM = (452, "4.3.1 the disk is almost full, please try again later")


def keeps_its_promises(client: smtplib.SMTP, fault: Any, lasts: int = 6) -> set[str]:
    """Mails before, during and after a fault; returns the Message-IDs of those with a 250. All others had a 451.

    Those may be there nevertheless: what was written and not flushed is not promised, and not always gone.
    """
    promised = set()

    def offer(number: int) -> bool:
        answer = send(client, number)
        if answer[0] == 250:
            promised.add(f"<{number}@corp.example>")
        assert answer[0] == 250 or answer in (NOT_NOW, NO_ROOM)
        return answer[0] == 250

    assert offer(0)
    with fault:
        during = [offer(number) for number in range(1, lasts)]
    assert not all(during)
    for number in range(lasts, lasts + 200):
        if offer(number):
            return promised
        time.sleep(0.05)
    raise AssertionError("no mail is taken after the fault")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("calls", "what"), [("fsync,fdatasync", "error=EIO:when=1+2"), ("pwrite64", "error=EROFS:when=2+3")]
)
def test_a_write_or_a_flush_that_fails_is_451(sqlite: Database, tmp_path: Path, calls: str, what: str) -> None:
    url, port = str(sqlite.url).replace("+pysqlite", ""), free_port()
    sqlite.close()
    with part("smtp", tmp_path, url, port) as smtp, connect(port) as client:
        assert send(client, 100)[0] == 250
        try:
            promised = keeps_its_promises(client, injected(smtp.pid, calls, what))
        except OSError as error:
            pytest.skip(str(error))
    work_off(worker(sqlite))
    assert promised < all_taken_in(sqlite)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    try:
        made = Disk(tmp_path / "image", tmp_path / "disk", 40)
    except (OSError, CalledProcessError) as error:
        pytest.skip(f"no file system can be made and mounted here: {error}")
    yield made
    made.remove()


def test_a_disk_that_is_full_then_read_only_then_well(disk: Disk, tmp_path: Path) -> None:
    url, port = f"sqlite:///{disk.mount / 'sodan.db'}", free_port()
    database = Database(url)
    migrate(database)
    ready = Readiness(database, 1024)
    with part("smtp", tmp_path, url, port), connect(port) as client:
        assert ready.problem() is None

        @contextlib.contextmanager
        def full() -> Iterator[None]:
            with disk.full():
                assert ready.problem() in FULL
                yield

        promised = keeps_its_promises(client, full(), 80)
        assert ready.problem() is None
        with disk.frozen():
            assert ready.problem() == "the database did not respond within 3 seconds"
        assert send(client, 500)[0] == 250
    database.close()
    assert disk.read_only()
    with part("smtp", tmp_path, url, port), connect(port) as client:
        assert send(client, 501) == NOT_NOW
        assert ready.problem() is not None
        database.close()
        disk.writable()
        assert send(client, 502)[0] == 250
        assert ready.problem() is None
    work_off(worker(database))
    assert promised | {"<500@corp.example>", "<502@corp.example>"} <= all_taken_in(database)
    database.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


def test_a_primary_fails_and_its_standby_takes_over(cluster: Cluster, tmp_path: Path) -> None:
    port, database = free_port(), Database(cluster.url)
    migrate(database)
    ready = Readiness(database, 0)
    with part("smtp", tmp_path, cluster.url, port), connect(port) as client:
        assert send(client, 1)[0] == 250
        cluster.read_only(True)
        wait_until(lambda: ready.problem() is not None)
        assert ready.problem() in ("the database is read-only", "the database does not respond")
        assert send(client, 2) == NOT_NOW
        cluster.read_only(False)
        cluster.terminate_all()
        cluster.fail_over()
        wait_until(lambda: send(client, 3)[0] == 250)
        wait_until(lambda: ready.problem() is None)
    read = worker(database)
    while _patiently(read.step):
        pass
    assert all_taken_in(database) == {"<1@corp.example>", "<3@corp.example>"}
    database.close()


def _patiently(step: Callable[[], int]) -> int:
    for _ in range(100):
        try:
            return step()
        except Unavailable:
            time.sleep(0.05)
    raise AssertionError("the database does not come back")


class Outage(Deadly):
    """Rules that stop the database in the middle of a mail."""

    def __init__(self, real: Any, server: Postgres) -> None:
        super().__init__(real)
        self._server = server

    def read(self, turn: RuleInput) -> Reading:
        if "outage" in turn.text:
            self._server.pause()
        return super().read(turn)


def test_an_outage_in_the_middle_of_a_mail_is_not_counted_against_it(own_postgres: Postgres) -> None:
    database = Database(own_postgres.create("sodan"))
    migrate(database)
    ids = receive(database, [mail(1, "outage"), mail(2)])
    reads = worker(database)
    well = reads.context
    reads.context = replace(well, rules=Outage(well.rules, own_postgres))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        reads.step()
    own_postgres.start()
    reads.context = well
    while _patiently(reads.step):
        pass
    assert states(database) == dict.fromkeys(ids, ("done", 1))
    database.close()


@pytest.mark.both_databases
@pytest.mark.parametrize("wrong", [timedelta(days=-40), timedelta(hours=-1), timedelta(seconds=-5), timedelta(days=40)])
def test_a_clock_that_jumps_holds_no_mail(database: Database, wrong: timedelta) -> None:
    now = datetime.now(UTC)
    intake.receive(database, [(spool.Envelope("smtp"), mail(1))], now)
    read = worker(database, now=now + wrong)
    assert read.step() == (0 if wrong == timedelta(seconds=-5) else 1)
    read = worker(database, now=now + timedelta(seconds=1))
    read.step()
    assert database.read(spool_view.ledger).taken_in == 1
