"""A case with very many mails does not delay other cases: it is judged between batches."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from service import intake
from service.store import judge_queue, placement, spool_view
from service.store.database import Connection, Database
from service.store.spool import Envelope
from service.store.tables import cases, events, messages
from service.store.tables import judge_queue as queued
from service.worker import Worker
from tests.flow.crew import Deadly, context, worker

pytestmark = pytest.mark.both_databases

LENGTH = 6
ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",), peer="127.0.0.1")


def mail(number: int, words: str = "It fails again.") -> bytes:
    thread = "References: <m0@corp.example>\r\n" if number else ""
    return (
        f"From: Aiko <aiko@corp.example>\r\nTo: help@intake.example\r\nSubject: Trouble\r\n{thread}"
        f"Message-ID: <m{number}@corp.example>\r\nDate: Mon, 02 Mar 2026 09:{number:02}:00 +0900\r\n\r\n{words}\r\n"
    ).encode()


def of_ken(number: int) -> bytes:
    """Return a mail of another case."""
    return mail(number).replace(b"<m", b"<p").replace(b"aiko@", b"ken@").replace(b"Trouble", b"Printer")


@pytest.fixture
def long_case(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A judged case that becomes long with the next mail."""
    monkeypatch.setattr(judge_queue, "LONG", LENGTH - 1)
    send(database, *(mail(number) for number in range(LENGTH - 1)))
    assert worker(database).turn()
    assert counts(database) == [LENGTH - 1]
    return database


def send(database: Database, *contents: bytes) -> None:
    intake.receive(database, [(ENVELOPE, content) for content in contents], datetime.now(UTC))


def finish(working: Worker) -> None:
    while working.turn():
        pass


def counts(database: Database) -> list[int]:
    """Return the number of messages of each case."""
    return list(database.read(lambda conn: conn.execute(select(cases.c.messages).order_by(cases.c.id)).scalars().all()))


def waiting(database: Database) -> list[int]:
    return list(database.read(lambda conn: conn.execute(select(queued.c.case_id)).scalars().all()))


def test_mail_to_a_long_case_is_stored_at_once_and_judged_later(long_case: Database) -> None:
    """Other cases are judged at once."""

    def changes(conn: Connection) -> int:
        return int(conn.execute(select(func.count()).where(events.c.kind == "case.changed")).scalar_one())

    def document(conn: Connection) -> dict[str, object]:
        shown = conn.execute(select(cases.c.document).where(cases.c.id == 1)).scalar_one()
        return {**shown, "updated_at": None, "clocks": None}

    before = long_case.read(changes)
    send(long_case, mail(50, "Now error 0x80190001 appears for everybody on the second floor."), mail(51))
    assert worker(long_case).step() == 2
    assert long_case.read(spool_view.ledger).waiting == 0
    send(long_case, of_ken(0))
    worker(long_case).step()
    assert (counts(long_case), waiting(long_case)) == ([LENGTH - 1, 1], [1])
    finish(worker(long_case))
    assert (counts(long_case), waiting(long_case)) == ([LENGTH + 1, 1], [])
    assert long_case.read(changes) == before + 1
    judged = long_case.read(document)
    long_case.transact(lambda conn: intake.rejudge(conn, [1], context(), now=datetime.now(UTC)))
    assert long_case.read(document) == judged


def test_a_long_case_that_cannot_be_judged_leaves_the_queue(long_case: Database) -> None:
    ours = worker(long_case, deadly=True)
    send(long_case, mail(50, "raises in judging"))
    assert ours.step() == 1
    ours.turn()
    send(long_case, of_ken(0))
    finish(ours)
    assert waiting(long_case) == []
    ledger = long_case.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.waiting, ledger.shunted) == (LENGTH + 1, 0, 0)


def test_a_case_without_mails_leaves_the_queue(long_case: Database) -> None:
    send(long_case, mail(50))
    worker(long_case).step()

    def move_all(conn: Connection) -> None:
        [other] = placement.open_cases(conn, [datetime.now(UTC)], datetime.now(UTC))
        conn.execute(messages.update().values(case_id=other))

    long_case.transact(move_all)
    assert worker(long_case).turn()
    assert waiting(long_case) == []


def test_a_failed_judgement_keeps_a_case_in_the_queue_that_got_new_mail(long_case: Database) -> None:
    ours = worker(long_case)
    send(long_case, *(of_ken(number) for number in range(LENGTH)))
    finish(ours)
    send(long_case, mail(50), of_ken(50))
    while ours.step():  # a busy machine takes one mail at a time
        pass
    assert sorted(waiting(long_case)) == [1, 2]
    ours.context = replace(ours.context, rules=Interrupted(ours.context.rules, long_case))  # type: ignore[arg-type]
    ours.turn()
    assert sorted(waiting(long_case)) == [1, 2]


class Interrupted(Deadly):
    """Rules that raise an error after another worker stored a mail in the case."""

    def __init__(self, real: Any, database: Database) -> None:
        super().__init__(real)
        self._other_host = Database(database.url.render_as_string(hide_password=False))

    def judge(self, *_: Any) -> None:
        send(self._other_host, mail(52))
        worker(self._other_host).step()
        self._other_host.close()
        raise RuntimeError("a fault of the judge")
