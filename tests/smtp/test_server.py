"""What a sender may rely on, and what a stranger runs into, over real sockets; what the log tells of it."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from service.store import spool_view
from service.store.contents import content as content_of
from service.store.database import Database
from tests.smtp.conversation import Client, acceptor, set_up
from tests.smtp.dialogues import Server

SECRET = "hunter2-swordfish"

MAIL = b"From: Aiko <aiko@example.org>\r\nTo: help@intake.example\r\nSubject: VPN\r\n\r\nIt does not connect.\r\n"


def _contents(database: Database) -> list[bytes]:
    rows = database.read(lambda conn: spool_view.listing(conn, limit=10_000))
    return [content_of(database, None, row["id"]) for row in reversed(rows)]


@pytest.mark.both_databases
def test_what_got_250_is_durable_under_the_id_that_was_named(database: Database, database_url: str) -> None:
    with acceptor(set_up(database_url)) as address, Client(address) as client:
        assert client.greeting.startswith("220 mx.intake.example ")
        reply = client.mail(MAIL)
        named = re.fullmatch(r"250 2\.0\.0 accepted as ([0-9a-f-]{36})", reply)
        assert named
        entry = database.read(lambda conn: spool_view.entry(conn, named[1]))
    assert (entry["state"], entry["channel"], entry["attempts"]) == ("waiting", "smtp", 0)
    assert (entry["mail_from"], entry["rcpt_tos"]) == ("user@example.org", ["help@intake.example"])
    assert (entry["peer"], entry["helo"], entry["size"]) == ("127.0.0.1", "client.example", len(MAIL) + 2)
    assert content_of(database, None, named[1]) == MAIL + b"\r\n"


def test_many_mails_over_one_connection_and_many_connections(database: Database, database_url: str) -> None:
    def send(number: int) -> list[str]:
        with Client(address) as client:
            replies = [client.mail(MAIL + b"%d-%d" % (number, n)) for n in range(10)]
            assert client.say("QUIT").startswith("221")
            return replies

    with acceptor(set_up(database_url)) as address, ThreadPoolExecutor(8) as senders:
        replies = [reply for sent in senders.map(send, range(8)) for reply in sent]
    assert len(set(replies)) == 80
    assert all(reply.startswith("250 2.0.0 ") for reply in replies)
    assert len(set(_contents(database))) == 80


def test_a_database_without_tables_answers_451_without_inner_text(tmp_path: object) -> None:
    with acceptor(set_up(f"sqlite:///{tmp_path}/empty.db")) as address, Client(address) as client:
        assert client.mail(MAIL) == "451 4.3.0 temporary problem, please try again later"


@pytest.mark.both_databases
def test_a_stop_keeps_promises_and_makes_no_new_ones(database: Database, database_url: str) -> None:
    """A mail waits for its commit, since another writer holds the database; another client is idle; then we stop."""
    holding, release = threading.Event(), threading.Event()

    def hold(conn: object) -> None:
        conn.execute(text("UPDATE spool SET state = state"))  # type: ignore[attr-defined]
        holding.set()
        release.wait(10)

    replies: list[str] = []
    holder = threading.Thread(target=lambda: database.transact(hold))
    with acceptor(set_up(database_url)) as address:
        idle, sender = Client(address), Client(address)
        sender.begin()
        sender.say("DATA")
        if not database.postgresql:
            holder.start()
            holding.wait(10)
        sender.send(MAIL + b".\r\n")

        listener = threading.Thread(target=lambda: replies.extend((sender.reply(), sender.reply())))
        listener.start()
        threading.Timer(0.5, release.set).start()
    assert idle.reply().startswith("421 4.3.2")
    listener.join(10)
    assert replies[0].startswith("250 2.0.0 accepted as ")
    assert replies[1].startswith("421 4.3.2")
    if holder.is_alive():
        holder.join(10)
    idle.close()
    sender.close()
    assert len(_contents(database)) == 1


def test_lmtp_is_recorded_as_the_channel_and_the_null_sender_as_empty(sqlite: Database) -> None:
    settings = set_up(str(sqlite.url), lmtp_listen="127.0.0.1:0")
    with acceptor(settings) as address, Client(address) as client:
        for said in ("LHLO x", "MAIL FROM:<>", "RCPT TO:<a@cases.example>", "DATA"):
            assert client.say(said)[0] in "23"
        client.send(MAIL + b".\r\n")
        assert client.reply().startswith("250 2.0.0 accepted as ")
    assert [(row["channel"], row["mail_from"]) for row in sqlite.read(spool_view.listing)] == [("lmtp", "")]


@pytest.mark.both_databases
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
    assert "spool_insert.py" in told
    assert SECRET not in told
    assert database.read(spool_view.ledger).accepted == 0
