"""A damaged row of the spool is shunted: the worker takes in the other mails, and people can see the row."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from service import intake
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from tests.flow.crew import work_off, worker
from tests.running import Running

ENVELOPE = Envelope("smtp", "aiko@corp.example", ("help@intake.example",))


def received(database: Database) -> list[str]:
    mail = "From: Aiko <aiko{}@corp.example>\r\nSubject: Printer {}\r\n\r\nIt is jammed.\r\n"
    mails = [(ENVELOPE, mail.format(number, number).encode()) for number in range(3)]
    return intake.receive(database, mails, datetime.now(UTC))


def damage(database: Database, id: str, assignment: str, table: str = "spool") -> None:
    database.transact(lambda conn: conn.execute(text(f"UPDATE {table} SET {assignment} WHERE id = :id"), {"id": id}))


JSON = ("", "{", '["help@intake.example"', "nonsense", "[1, 2]", '{"a": 1}', "null", "3", '["a"]]', "''")
PACKED = ("28b52ffd", "", "00010203")
DAMAGE = (
    *(("spool", f"rcpt_tos = '{written}'") for written in JSON),
    *(("contents", f"codec = 'zstd', bytes = x'{stored}'") for stored in PACKED),
)


def is_shunted(database: Database, table: str, assignment: str, place: int) -> None:
    """Of three mails, a worker shunts the damaged one and takes in the others."""
    ids = received(database)
    damage(database, ids[place], assignment, table)
    work_off(worker(database))
    assert "damaged" in str(database.read(lambda conn: spool_view.entry(conn, ids[place]))["reason"])
    assert database.read(spool_view.ledger).balanced
    states = [row["state"] for row in reversed(database.read(spool_view.listing))]
    assert states == ["shunted" if number == place else "done" for number in range(3)]


@pytest.mark.parametrize(("table", "assignment"), DAMAGE)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_row_is_shunted(sqlite: Database, table: str, assignment: str, place: int) -> None:
    is_shunted(sqlite, table, assignment, place)


@pytest.mark.both_databases
@pytest.mark.parametrize("written", ["null", "3", '{"a": 1}', "[1]"])
def test_a_row_with_json_of_another_shape_is_shunted(database: Database, written: str) -> None:
    is_shunted(database, "spool", f"rcpt_tos = '{written}'", 1)


@pytest.mark.parametrize("written", ["yesterday", ""])
def test_a_row_with_an_invalid_time_is_shunted(sqlite: Database, written: str) -> None:
    damage(sqlite, received(sqlite)[1], f"received_at = '{written}'")
    work_off(worker(sqlite))
    ledger = sqlite.read(spool_view.ledger)
    assert (ledger.taken_in, ledger.shunted, ledger.waiting) == (2, 1, 0)


def test_the_api_shows_a_damaged_row(embedded: Running) -> None:
    ids = received(embedded.database)
    damage(embedded.database, ids[1], "rcpt_tos = '{'")
    embedded.work()
    shown = embedded.get("/api/spool", state="shunted")["items"]
    assert [(one["id"], one["rcpt_tos"]) for one in shown] == [(ids[1], [])]
