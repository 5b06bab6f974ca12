"""Mail bombs through a real door into a real service: each answered clearly, none lost, none able to stop the next."""

import uuid
from datetime import UTC, datetime

import pytest

from service.intake import receive
from service.settings import load
from service.store import spool_view
from service.store.database import Database
from service.store.spool import Envelope
from tests.flow.crew import worker
from tests.hostile.bombs import BOMBS, WIDE, head, plain
from tests.hostile.conftest import Besieged

SMALL = {"why": 20_000, "case": 100_000, "brief": 50_000, "list": 20_000, "page": 250_000, "board": 250_000}
"""Bytes of what is said of a case, whatever is in its mails."""
MOST = 10_000_000  # bytes of a message: three million characters are kept of a text


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_taken_in_and_the_next_mail_after_it(besieged: Besieged, bomb: str) -> None:
    id = f"{bomb}-{uuid.uuid4().hex[:8]}".replace("_", "-")
    message = besieged.take(id, BOMBS[bomb](id))
    assert not [code for code in message["defects"] if code in ("unreadable", "body-unread")]
    sizes = besieged.sizes(message)
    assert {name: size for name, size in sizes.items() if size > SMALL.get(name, MOST)} == {}
    besieged.goes_on()


def test_a_mail_over_the_limit_is_refused_and_the_next_one_taken(besieged: Besieged) -> None:
    before = besieged.ledger()
    most = load(_env_file=None).max_message_bytes
    content = plain("too-big", b"a" * 70 + b"\r\n" + (b"b" * 998 + b"\r\n") * (most // 1_000))
    assert len(content) > most
    assert besieged.send(content).startswith("552 5.3.4 ")
    assert besieged.ledger() == before
    besieged.goes_on()


def test_a_mail_of_nothing_but_itself_is_taken_in(besieged: Besieged) -> None:
    contents = (b"", b"\r\n", b"\x00" * 1_000, b"\xff" * 1_000, head("bare")[:-2], b"Subject" + b":" * 100_000)
    besieged.take_in(*contents)
    besieged.goes_on()


@pytest.mark.both_databases
@pytest.mark.long
def test_every_bomb_is_taken_in_on_either_database(database: Database) -> None:
    """No value that a stranger writes is longer than a column or an index takes."""
    for bomb in WIDE:
        envelope = Envelope("smtp", "aiko@corp.example", ("help@intake.example",))
        [id] = receive(database, [(envelope, BOMBS[bomb](bomb))], datetime.now(UTC))
        worker(database).step()
        entry = database.read(lambda conn, id=id: spool_view.entry(conn, id))  # type: ignore[misc]
        assert (entry["state"], entry["reason"]) == ("done", None), bomb
    assert database.read(spool_view.ledger).balanced
