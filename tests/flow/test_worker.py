"""The worker puts mail into cases. A mail that harms its worker is shunted, and other mail is not affected."""

import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from mailrules.thread import RuleInput
from service import intake
from service.store import spool, spool_view
from service.store.database import Connection, Database
from service.store.spool import Envelope
from service.store.tables import cases, deliveries, events, messages
from service.store.tables import spool as entries
from tests.flow.crew import context, work_off, worker

pytestmark = pytest.mark.both_databases

ROOT = Path(__file__).parents[2]
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",), peer="127.0.0.1")


def mail(number: int, words: str = "Outlook cannot send mail since 9:00 today. Error 0x800CCC0E.") -> bytes:
    return (
        f"From: Aiko <aiko{number}@corp.example>\r\nTo: help@intake.example\r\nSubject: Trouble {number}\r\n"
        f"Message-ID: <m{number}@corp.example>\r\nDate: Mon, 02 Mar 2026 09:00:00 +0900\r\n\r\n{words}\r\n"
    ).encode()


def receive(database: Database, contents: Sequence[bytes]) -> list[str]:
    return intake.receive(database, [(ENVELOPE, content) for content in contents], datetime.now(UTC))


def states(database: Database) -> dict[str, tuple[str, int]]:
    return {row["id"]: (row["state"], row["attempts"]) for row in database.read(spool_view.listing)}


def titles(database: Database) -> list[str]:
    return sorted(database.read(lambda conn: conn.execute(select(cases.c.title)).scalars().all()))


def test_a_mail_opens_a_case(database: Database) -> None:
    [id] = receive(database, [mail(1)])
    assert [worker(database).step() for _ in range(2)] == [1, 0]

    def check(conn: Connection) -> None:
        case, message = conn.execute(select(cases)).one(), conn.execute(select(messages)).one()
        assert (case.title, case.status, case.waiting_on, case.messages) == ("Trouble 1", "open", "team", 1)
        assert (case.document["key"], len(case.document["participants"])) == ("SD-1", 1)
        assert (message.message_id, message.author_role, message.spool_id) == ("<m1@corp.example>", "requester", id)
        assert message.statements is not None
        assert conn.execute(select(deliveries.c.spool_id)).scalars().all() == [id]
        assert "case.opened" in conn.execute(select(events.c.kind)).scalars().all()

    database.read(check)
    assert states(database) == {id: ("done", 1)}
    assert database.read(spool_view.done_without_message) == []


@pytest.mark.parametrize("words", ["raises in reading", "raises in judging"])
def test_a_mail_that_fails_three_times_is_shunted_alone(database: Database, words: str) -> None:
    ids = receive(database, [mail(1), mail(2, words), mail(3)])
    now = datetime.now(UTC)
    for _ in range(3):
        work_off(worker(database, deadly=True, now=now))
        now += timedelta(minutes=5)
    assert states(database) == {ids[0]: ("done", 1), ids[1]: ("shunted", 3), ids[2]: ("done", 1)}
    assert titles(database) == ["Trouble 1", "Trouble 3"]
    assert "a fault of the" in database.read(partial(spool_view.entry, id=ids[1]))["reason"]
    database.transact(lambda conn: spool.retry(conn, ids[1], now))
    assert worker(database, now=now).step() == 1
    assert titles(database) == ["Trouble 1", "Trouble 2", "Trouble 3"]
    assert database.read(spool_view.ledger).balanced


def work_on(database: Database, url: str, lease: float, deadly: str, tried: int) -> tuple[list[tuple[str, int]], int]:
    """Process three mails by workers that are started one after the other; the second mail contains ``deadly``.

    Returns state and attempts of each mail, and how many workers died. ``tried``: earlier attempts of the second mail.
    """
    ids = receive(database, [mail(1), mail(2, deadly), mail(3)])
    attempts = entries.update().where(entries.c.id == ids[1]).values(attempts=tried)
    database.transact(lambda conn: conn.execute(attempts))
    command = [sys.executable, "-m", "tests.flow.crew", url, str(lease)]
    died = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, timeout=250, check=True).stdout.split()[-1]
    return [states(database)[id] for id in ids], int(died)


ATTEMPTS = [2, pytest.param(0, marks=pytest.mark.soak)]  # earlier attempts of a mail


@pytest.mark.long
@pytest.mark.parametrize("before", ATTEMPTS)
def test_a_mail_that_kills_its_worker_is_shunted_and_the_others_are_processed(
    database: Database, database_url: str, before: int
) -> None:
    (first, second, third), died = work_on(database, database_url, 60, "deadly poison", before)
    assert (first[0], second, third[0], died) == ("done", ("shunted", 3), "done", 3 - before)
    assert titles(database) == ["Trouble 1", "Trouble 3"]


@pytest.mark.long
@pytest.mark.parametrize("before", ATTEMPTS)
def test_a_mail_that_is_never_finished_is_shunted(sqlite: Database, before: int) -> None:
    found, died = work_on(sqlite, str(sqlite.url), 8, "endless loop", before)
    assert ([state for state, _ in found], died >= 3 - before) == (["done", "shunted", "done"], True)


def test_mails_claimed_in_advance_are_processed_next_or_released_without_an_attempt(database: Database) -> None:
    ids = receive(database, [mail(number) for number in range(1, 61)])
    one = worker(database)
    first = one.step()
    assert 0 < first < 20
    tried = [attempts for _, attempts in states(database).values()]
    assert tried.count(1) > first, "saving a full batch also claims the next one"
    one.step()
    ahead = [id for id, (state, attempts) in states(database).items() if state == "waiting" and attempts]
    stop = threading.Event()
    stop.set()
    one.run(stop)
    assert ahead
    assert all(states(database)[id] == ("waiting", 0) for id in ahead)
    work_off(one)
    assert states(database) == dict.fromkeys(ids, ("done", 1))


def test_claims_whose_commit_was_not_confirmed_are_released_without_an_attempt(database: Database) -> None:
    ids = receive(database, [mail(number) for number in range(1, 4)])
    one = worker(database)
    now = datetime.now(UTC)
    database.transact(lambda conn: spool.claim(conn, one.by, now, timedelta(minutes=5), 10))
    assert one.step() == 0
    one._must_release = True  # as after every failure of the database
    work_off(one)
    assert states(database) == dict.fromkeys(ids, ("done", 1))


def test_parallel_workers_create_the_same_cases_as_one(database: Database, database_url: str) -> None:
    contents = []
    for number in range(40):
        reply = mail(1000 + number, "It works again, thank you.").replace(b"09:00:00", b"10:00:00")
        thread = f"In-Reply-To: <m{number}@corp.example>\r\n".encode()
        contents += [mail(number), thread + reply, mail(number)]
    receive(database, contents)
    context().rules.read(RuleInput("", "team", "", "Hello"))  # load the reader before several threads do
    others = [Database(database_url) for _ in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda other: work_off(worker(other)), others))
    for other in others:
        other.close()
    ledger = database.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (120, 0, 0)
    counts = database.read(lambda conn: conn.execute(select(cases.c.messages)).scalars().all())
    assert sorted(counts) == [2] * 40
    ids = database.read(lambda conn: conn.execute(select(messages.c.message_id)).scalars().all())
    assert len(ids) == len(set(ids)) == 80
