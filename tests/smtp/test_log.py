"""What the acceptor's log tells when a mail cannot be kept: that, and where, and nothing that anybody wrote."""

from pathlib import Path

import pytest
from sqlalchemy import text

from service.store import spool_view
from service.store.database import Database
from tests.smtp.dialogues import Server

pytestmark = pytest.mark.both_databases

SECRET = "hunter2-swordfish"


def test_an_error_of_the_database_does_not_tell_the_words_of_a_mail(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    refuse = (  # on PostgreSQL the error then shows the whole row
        "ALTER TABLE spool ADD COLUMN further text NOT NULL"
        if database.postgresql
        else "CREATE TRIGGER refuse BEFORE INSERT ON spool BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    database.transact(lambda conn: conn.execute(text(refuse)))
    server = Server(tmp_path, {"DATABASE_URL": database_url})
    try:
        with server.greeted() as client:
            reply = client.mail(f"Subject: {SECRET}\r\n\r\n{SECRET}".encode(), sender=f"{SECRET}@corp.example")
            assert reply.startswith("451 4.3.0")
    finally:
        server.stop()
    told = server.log.read_text()
    assert "mail was not committed" in told
    assert "deposit.py" in told
    assert SECRET not in told
    assert database.read(spool_view.ledger).accepted == 0
