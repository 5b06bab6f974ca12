"""Mail bombs: the service answers each one clearly, loses none, and processes the next mail."""

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
"""Response → maximum size in bytes, for any mail."""
MOST = 10_000_000  # maximum bytes of a message; sodan keeps three million characters of a text


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_and_the_next_mail_are_processed(besieged: Besieged, bomb: str) -> None:
    id = f"{bomb}-{uuid.uuid4().hex[:8]}".replace("_", "-")
    message = besieged.take(id, BOMBS[bomb](id))
    assert not [code for code in message["defects"] if code in ("unreadable", "body-unread")]
    sizes = besieged.sizes(message)
    assert {name: size for name, size in sizes.items() if size > SMALL.get(name, MOST)} == {}
    besieged.goes_on()


def test_a_mail_over_the_size_limit_is_refused_and_the_next_one_is_processed(besieged: Besieged) -> None:
    before = besieged.ledger()
    most = load(_env_file=None).max_message_bytes
    content = plain("too-big", b"a" * 70 + b"\r\n" + (b"b" * 998 + b"\r\n") * (most // 1_000))
    assert len(content) > most
    assert besieged.send(content).startswith("552 5.3.4 ")
    assert besieged.ledger() == before
    besieged.goes_on()


def test_mails_without_any_structure_are_processed(besieged: Besieged) -> None:
    contents = (b"", b"\r\n", b"\x00" * 1_000, b"\xff" * 1_000, head("bare")[:-2], b"Subject" + b":" * 100_000)
    besieged.take_in(*contents)
    besieged.goes_on()


@pytest.mark.both_databases
@pytest.mark.long
def test_bombs_with_long_values_are_processed_on_each_database(database: Database) -> None:
    """No value of a mail exceeds the limits of a column or an index."""
    for bomb in WIDE:
        envelope = Envelope("smtp", "aiko@corp.example", ("help@intake.example",))
        [id] = receive(database, [(envelope, BOMBS[bomb](bomb))], datetime.now(UTC))
        worker(database).step()
        entry = database.read(lambda conn, id=id: spool_view.entry(conn, id))  # type: ignore[misc]
        assert (entry["state"], entry["reason"]) == ("done", None), bomb
    assert database.read(spool_view.ledger).balanced
