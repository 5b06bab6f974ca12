"""What senders can rely on: a 250 means that the mail is stored, a stop of the server included."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from service.store import spool_view
from service.store.contents import content as content_of
from service.store.database import Database
from tests.smtp.conversation import Client, acceptor, set_up

SECRET = "hunter2-swordfish"

MAIL = b"From: Aiko <aiko@example.org>\r\nTo: help@intake.example\r\nSubject: VPN\r\n\r\nIt does not connect.\r\n"


def _contents(database: Database) -> list[bytes]:
    rows = database.read(lambda conn: spool_view.listing(conn, limit=10_000))
    return [content_of(database, None, row["id"]) for row in reversed(rows)]


@pytest.mark.both_databases
def test_a_mail_with_250_is_stored_under_the_id_of_the_reply(database: Database, database_url: str) -> None:
    with acceptor(set_up(database_url)) as address, Client(address) as client:
        assert client.greeting.startswith("220 mx.intake.example ")
        reply = client.mail(MAIL)
        match = re.fullmatch(r"250 2\.0\.0 accepted as ([0-9a-f-]{36})", reply)
        assert match
        entry = database.read(lambda conn: spool_view.entry(conn, match[1]))
    assert (entry["state"], entry["channel"], entry["attempts"]) == ("waiting", "smtp", 0)
    assert (entry["mail_from"], entry["rcpt_tos"]) == ("user@example.org", ["help@intake.example"])
    assert (entry["peer"], entry["helo"], entry["size"]) == ("127.0.0.1", "client.example", len(MAIL) + 2)
    assert content_of(database, None, match[1]) == MAIL + b"\r\n"


def test_parallel_connections_deliver_many_mails(database: Database, database_url: str) -> None:
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


def test_a_database_without_tables_is_answered_with_451_without_internal_text(tmp_path: object) -> None:
    with acceptor(set_up(f"sqlite:///{tmp_path}/empty.db")) as address, Client(address) as client:
        assert client.mail(MAIL) == "451 4.3.0 temporary problem, please try again later"


@pytest.mark.both_databases
def test_a_stopping_server_completes_a_commit_and_closes_all_connections(database: Database, database_url: str) -> None:
    """The commit of one client waits because another writer locks the database; another client is idle."""
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


def test_the_spool_records_the_channel_lmtp_and_an_empty_sender(sqlite: Database) -> None:
    settings = set_up(str(sqlite.url), lmtp_listen="127.0.0.1:0")
    with acceptor(settings) as address, Client(address) as client:
        for command in ("LHLO x", "MAIL FROM:<>", "RCPT TO:<a@cases.example>", "DATA"):
            assert client.say(command)[0] in "23"
        client.send(MAIL + b".\r\n")
        assert client.reply().startswith("250 2.0.0 accepted as ")
    assert [(row["channel"], row["mail_from"]) for row in sqlite.read(spool_view.listing)] == [("lmtp", "")]


@pytest.mark.both_databases
def test_the_log_of_a_database_error_contains_no_words_of_the_mail(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse = (  # the text of this error of PostgreSQL contains the whole row
        "ALTER TABLE spool ADD COLUMN further text NOT NULL"
        if database.postgresql
        else "CREATE TRIGGER refuse BEFORE INSERT ON spool BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    database.transact(lambda conn: conn.execute(text(refuse)))
    with acceptor(set_up(database_url)) as address, Client(address) as client:
        reply = client.mail(f"Subject: {SECRET}\r\n\r\n{SECRET}".encode(), sender=f"{SECRET}@corp.example")
        assert reply.startswith("451 4.3.0")
    log = capsys.readouterr().out
    assert "mail was not committed" in log
    assert "spool_insert.py" in log
    assert SECRET not in log
    assert database.read(spool_view.ledger).accepted == 0
