"""What a sender may rely on, and what a stranger runs into, over real sockets."""

from __future__ import annotations

import re
import socket
import threading

import pytest
from sqlalchemy import text

from service.errors import Refused
from service.store import spool_view
from service.store.contents import content as content_of
from service.store.database import Database
from tests.smtp.conversation import Client, acceptor, set_up

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
    replies: list[str] = []

    def send(number: int) -> None:
        with Client(address) as client:
            replies.extend(client.mail(MAIL + b"%d-%d" % (number, n)) for n in range(10))
            assert client.say("QUIT").startswith("221")

    with acceptor(set_up(database_url)) as address:
        threads = [threading.Thread(target=send, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(set(replies)) == 80
    assert all(reply.startswith("250 2.0.0 ") for reply in replies)
    assert len(set(_contents(database))) == 80


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        ("help@intake.example", "250"),
        ("HELP@Intake.Example", "250"),
        ("help+sd-12@intake.example", "250"),
        ('"help"@intake.example', "250"),
        ("anything@cases.example", "250"),
        ("other@intake.example", "550 5.1.1"),
        ("help@elsewhere.example", "550 5.1.1"),
        ("help@intake.example@elsewhere.example", "553 5.1.3"),
        ("help%elsewhere.example@intake.example", "550 5.1.1"),
        ("help", "550 5.1.1"),
        ("@relay.example:help@elsewhere.example", "550 5.1.1"),
        ("+@intake.example", "550 5.1.1"),
    ],
)
def test_only_intake_addresses_are_taken(sqlite: Database, recipient: str, reply: str) -> None:
    with acceptor(set_up(str(sqlite.url))) as address, Client(address) as client:
        client.say("EHLO x")
        client.say("MAIL FROM:<a@example.org>")
        assert client.say(f"RCPT TO:<{recipient}>").startswith(reply)


@pytest.mark.parametrize(("size", "reply"), [(50_000, "250"), (50_001, "552 5.3.4"), (5_000_000, "552 5.3.4")])
def test_size_is_counted_not_believed(sqlite: Database, size: int, reply: str) -> None:
    with acceptor(set_up(str(sqlite.url), max_message_bytes=50_000)) as address, Client(address) as client:
        body = (b"x" * 70 + b"\r\n") * (size // 72 + 1)
        content = body[: size - 2]
        if content.endswith(b"\r"):
            content = content[:-1] + b"x"
        assert client.mail(content).startswith(reply)
        assert client.mail(MAIL).startswith("250")  # and the conversation goes on


def test_an_empty_mail_is_accepted_and_kept(database: Database, database_url: str) -> None:
    with acceptor(set_up(database_url)) as address, Client(address) as client:
        client.begin()
        client.say("DATA")
        client.send(b".\r\n")
        assert client.reply().startswith("250 2.0.0")
    assert _contents(database) == [b""]


def test_a_bounce_has_no_sender(sqlite: Database) -> None:
    with acceptor(set_up(str(sqlite.url))) as address, Client(address) as client:
        client.begin(sender="")
        client.say("DATA")
        client.send(MAIL + b".\r\n")
        assert client.reply().startswith("250")
    assert sqlite.read(spool_view.listing)[0]["mail_from"] == ""


def test_connections_of_one_host_are_capped(sqlite: Database) -> None:
    settings = set_up(str(sqlite.url), smtp_max_connections_per_host=1)
    with acceptor(settings) as address, Client(address), Client(address) as second:
        assert second.greeting.startswith("421 4.7.0")


def test_dots_are_taken_off_and_bytes_kept(sqlite: Database) -> None:
    sent = b"..dot\r\n...\r\nbare\nLF \xff\x00 8bit\r\n.x\r\n" + b"y" * 200_000
    with acceptor(set_up(str(sqlite.url), smtp_bare_newlines="keep")) as address, Client(address) as client:
        assert client.mail(sent).startswith("250")
    assert _contents(sqlite) == [b".dot\r\n..\r\nbare\nLF \xff\x00 8bit\r\nx\r\n" + b"y" * 200_000 + b"\r\n"]


def test_content_may_come_in_any_pieces_with_commands_sent_ahead(sqlite: Database) -> None:
    wire = (
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<help@intake.example>\r\nDATA\r\n"
        b"one\r\n..\r\n.\r\nMAIL FROM:<b@example.org>\r\nRCPT TO:<help@intake.example>\r\nDATA\r\ntwo\r\n.\r\nQUIT\r\n"
    )
    with acceptor(set_up(str(sqlite.url))) as address:
        for step in (1, 2, 3, 7, len(wire)):
            with Client(address) as client:
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(wire), step):
                    client.send(wire[at : at + step])
                codes = [client.reply()[:3] for _ in range(9)]
                assert codes == ["250", "250", "250", "354", "250", "250", "250", "354", "250"]
                assert client.reply().startswith("221")
    assert _contents(sqlite) == [b"one\r\n.\r\n", b"two\r\n"] * 5


def test_a_database_that_is_away_is_no_reason_to_lose_mail(sqlite: Database) -> None:
    settings = set_up("postgresql://nobody@127.0.0.1:1/none")
    with acceptor(settings) as address, Client(address) as client:
        reply = client.mail(MAIL)
        assert reply == "451 4.3.0 temporary problem, please try again later"
        assert client.mail(MAIL).startswith("451")


def test_a_database_without_tables_answers_451_without_inner_text(tmp_path: object) -> None:
    with acceptor(set_up(f"sqlite:///{tmp_path}/empty.db")) as address, Client(address) as client:
        assert client.mail(MAIL) == "451 4.3.0 temporary problem, please try again later"


def test_an_address_in_use_is_one_clear_line(sqlite: Database) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = set_up(str(sqlite.url)).model_copy(
            update={"smtp_listen": type(set_up("sqlite://").smtp_listen)(*taken.getsockname())}
        )
        with pytest.raises(Refused, match=r"^SODAN_SMTP_LISTEN: cannot listen on 127\.0\.0\.1:"), acceptor(settings):
            pass


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

        def listen() -> None:
            replies.append(sender.reply())
            replies.append(sender.reply())

        listener = threading.Thread(target=listen)
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


def test_lmtp_answers_for_each_recipient(sqlite: Database) -> None:
    """RFC 2033 §4.2."""
    settings = set_up(str(sqlite.url), lmtp_listen="127.0.0.1:0")
    with acceptor(settings) as address, Client(address) as client:
        assert client.say("EHLO x").startswith("500")
        assert client.say("LHLO x").startswith("250-")
        client.say("MAIL FROM:<a@example.org>")
        assert client.say("RCPT TO:<a@cases.example>").startswith("250")
        assert client.say("RCPT TO:<a@elsewhere.example>").startswith("550")
        assert client.say("RCPT TO:<b@cases.example>").startswith("250")
        client.say("DATA")
        client.send(MAIL + b".\r\n")
        replies = [client.reply(), client.reply()]
        assert replies[0] == replies[1]
        assert replies[0].startswith("250 2.0.0 accepted as ")
        assert client.say("NOOP").startswith("250")
    assert [entry["channel"] for entry in sqlite.read(spool_view.listing)] == ["lmtp"]
