"""Fetching by IMAP, from the Dovecot of Debian."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
import yaml

from service.mailbox.imap import ImapSource
from service.mailbox.settings import After, Imap, Secret
from service.store import contents
from service.store.mailboxes import statuses
from tests.mailbox.conftest import Box, fetching, mail, states, status
from tests.served import wait_until

FULL_FOLDER = "mail_plugins = quota\nquota user {\n}\nquota_mailbox_message_count = 3\n"


@contextmanager
def slow_proxy(port: int, chunk: int, pause: float) -> Iterator[int]:
    """Run a proxy that forwards ``chunk`` bytes of the server at a time, with a pause after each."""

    def forward(source: socket.socket, target: socket.socket, size: int, wait: float) -> None:
        with suppress(OSError):
            while data := source.recv(size):
                target.sendall(data)
                time.sleep(wait)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                far = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=forward, args=(near, far, 65_536, 0), daemon=True).start()
                threading.Thread(target=forward, args=(far, near, chunk, pause), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]


def test_a_fetched_mail_has_the_address_of_its_mailbox_as_recipient(box: Box) -> None:
    box.deliver(*(mail(n) for n in range(5)))
    with box.fetching():
        box.is_well()
    rows = box.kept
    assert len(rows) == 5
    assert {(row["mail_from"], tuple(row["rcpt_tos"]), row["source"]) for row in rows} == {
        ("aiko@corp.example", ("support@corp.example",), "support")
    }
    assert [contents.content(box.database, None, row["id"]) for row in rows] == [mail(n) for n in range(5)]
    assert box.server.count("UNSEEN") == 5, "the mailbox is unchanged"


def test_new_mail_is_fetched_at_once_with_idle(box: Box) -> None:
    with box.fetching(poll=3600):
        box.is_well()
        for n in range(3):
            box.deliver(mail(n))
            box.has(mails=n + 1)


@pytest.mark.parametrize("flag", ["seen", "flagged", "sodan"])
def test_fetched_mail_is_flagged(box: Box, flag: str) -> None:
    box.deliver(mail(1), mail(2))
    with box.fetching(after={"flag": flag}):
        box.has("done", "done")
    assert box.server.count({"seen": "SEEN", "flagged": "FLAGGED"}.get(flag, f"KEYWORD {flag}")) == 2


def test_fetched_mail_is_moved(box: Box) -> None:
    box.server.create("済み")
    box.deliver(mail(1), mail(2))
    with box.fetching(after={"move": "済み"}):
        box.has("done", "done")
        box.deliver(mail(3))
        box.has("done", "done", "done")
    assert (box.server.count(), box.server.count(folder="済み")) == (0, 3)
    assert len(box.kept) == 3


def test_new_uids_store_no_mail_twice(box: Box) -> None:
    """A renamed folder and a new UIDVALIDITY have the same effect: sodan knows the mails by their content."""
    configured = box.mailbox(after={"flag": "seen"})
    box.deliver(mail(1), mail(2))
    with box.fetching(configured):
        box.has("done", "done")
    box.server.kill()
    box.server.renew_uids()
    box.server.start()
    box.deliver(mail(3))
    with box.fetching(configured):
        box.has(mails=3)
        box.has("done", "done", "done", "done", "done")
    assert len(box.kept) == 3


def test_a_missing_folder_delays_no_other_and_continues_when_it_returns(box: Box) -> None:
    box.server.create("Vendors")
    box.deliver(mail(1), folder="Vendors")
    with box.fetching(folders=["Vendors", "INBOX"]):
        box.is_well()
        box.server.rename("Vendors", "Partners")
        assert "existing folder" in str(box.fails("Vendors cannot be opened").next_step)
        box.deliver(mail(2))
        box.has(mails=2)
        box.server.rename("Partners", "Vendors")
        box.deliver(mail(3), folder="Vendors")
        box.has(mails=3)
        box.is_well()


@pytest.mark.parametrize("since", ["2026-11-01", "2026-11-01T00:01:00", "2026-10-31T15:00:00Z"])
def test_mail_before_since_is_not_fetched(box: Box, since: str) -> None:
    with box.server.client() as client:
        client.append("INBOX", mail(1), msg_time=datetime(2026, 10, 31, 14, 59, tzinfo=UTC))
        client.append("INBOX", mail(2), msg_time=datetime(2026, 10, 31, 15, 1, tzinfo=UTC))
    with box.fetching(since=yaml.safe_load(since)):  # in Tokyo, the day begins at 15:00 UTC
        box.is_well()
    assert len(box.kept) == 1
    with box.fetching(since="all"):
        box.has(mails=2)


def test_a_large_mail_is_fetched_if_the_setting_allows_it(box: Box) -> None:
    big = mail(1) + b"".join(b"%070d\r\n" % n for n in range(40_000_000 // 72))
    box.deliver(big, mail(2))
    configured = box.mailbox(after={"flag": "seen"})
    with box.fetching(configured):
        box.has("done", "too_big")
        box.is_well()
    assert status(box.database).failed == 1
    with fetching(box.settings.model_copy(update={"max_message_bytes": 50_000_000}), box.database, configured):
        box.has("done", "done")
    assert max(len(contents.content(box.database, None, row["id"])) for row in box.kept) == len(big)


def test_a_mail_that_the_server_cannot_deliver_delays_no_other(box: Box) -> None:
    box.deliver(*(mail(n) for n in range(4)))
    files = [file for file in (box.server.folder / "home").rglob("Maildir/*/*") if file.is_file()]
    broken = next(file for file in files if b"VPN 1" in file.read_bytes())
    broken.chmod(0)  # Dovecot reports an internal error and closes the connection
    with box.fetching():
        box.has("done", "done", "done", "failed")
        box.is_well()
        assert status(box.database).failed == 1
        broken.chmod(0o644)
        box.minutes_pass()
        box.has("done", "done", "done", "done")
    assert len(box.kept) == 4


@pytest.mark.parametrize("dovecot", [FULL_FOLDER], indirect=True, ids=["full"])
def test_a_move_to_a_full_folder_is_retried_and_deletes_nothing(box: Box) -> None:
    box.server.create("Done")
    box.deliver(mail(101), mail(102), mail(103), folder="Done")
    box.deliver(mail(1), mail(2))
    with box.fetching(after={"move": "Done"}):
        box.has(mails=2)
        for reason in box.not_moved(2):
            assert "refuses to flag or move fetched mail" in reason
            assert "check the name of the folder, the permissions of the user, and the quota" in reason
        assert states(box.database) == ["taken", "taken"]
        assert box.server.count() == 2, "nothing is deleted"
        with box.server.client() as client:
            client.select_folder("Done")
            client.delete_messages(client.search("ALL"))
            client.expunge()
        box.minutes_pass()
        box.has("done", "done")
        box.is_well()
    assert box.server.count(folder="Done") == 2
    assert len(box.kept) == 2


def test_a_slow_fetch_succeeds_and_keeps_its_lease(box: Box) -> None:
    box.deliver(*(mail(n) + b"x" * 2000 for n in range(4)))
    with slow_proxy(box.server.port, chunk=400, pause=0.1) as port:
        imap = {
            "port": port,
            "tls": "none",
            "timeout": 1,
        }  # the fetch takes longer, each pause is shorter
        short = box.settings.model_copy(update={"lease_seconds": 1})
        with fetching(short, box.database, box.mailbox(imap=imap)):
            wait_until(lambda: len(box.kept) == 4, 60)
            box.is_well()
            assert status(box.database).errors == 0
    assert len(box.kept) == 4


def test_starttls_encrypts_the_connection_before_the_sign_in(box: Box) -> None:
    box.deliver(mail(1))
    configured = box.mailbox(imap={"port": box.server.port, "tls": "starttls"})
    with box.fetching(configured):
        box.has(mails=1)
    assert "TLS" in [line for line in box.server.log().splitlines() if "Logged in" in line][-1]


def test_a_silent_server_is_an_error_and_is_tried_again(box: Box) -> None:
    box.deliver(mail(1))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts the connection and sends nothing
        address = silent.getsockname()[1]
        configured = box.mailbox(imap={"port": address, "tls": "none", "timeout": 0.2})
        with box.fetching(configured):
            wait_until(lambda: status(box.database).errors > 1 if box.database.read(statuses) else False)
            assert "cannot be reached" in str(status(box.database).cause)
    with box.fetching():
        box.has(mails=1)


# ── a line that arrives together with the reply to IDLE is in the buffer of imaplib ──────────────────────────────────

REPLIES = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 IDLE\r\n",
    b"SELECT": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n",
    b"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n",
    b"UID": b"* SEARCH\r\n",
}


def answer_idle(listening: socket.socket) -> None:
    """Act as a server that gives the replies of ``REPLIES``, and reports a new mail together with the reply to IDLE."""
    connection, _ = listening.accept()
    with connection, connection.makefile("rb") as reading:
        connection.sendall(b"* OK ready\r\n")
        tag = b""
        for line in reading:
            if line == b"DONE\r\n":
                connection.sendall(tag + b" OK done\r\n")
                continue
            tag, command = line.split()[:2]
            if command.upper() == b"IDLE":
                connection.sendall(b"+ idling\r\n* 2 EXISTS\r\n")
            else:
                connection.sendall(REPLIES.get(command.upper(), b"") + tag + b" OK done\r\n")


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImapSource]:
    monkeypatch.setenv("IMAP_SECRET", "secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=answer_idle, args=(listening,), daemon=True).start()
        port = listening.getsockname()[1]
        password = Secret(env="IMAP_SECRET")
        given = Imap(host="127.0.0.1", port=port, tls="none", user="a", password=password, timeout=20)
        made = ImapSource(given, After(), None)
        yield made
        made.close()


def test_a_new_mail_reported_together_with_the_reply_to_idle_is_noticed(source: ImapSource) -> None:
    source.open()
    assert list(source.pages("INBOX", None, None)) == []
    began = time.monotonic()
    source.wait(["INBOX"], 60, threading.Event())
    assert time.monotonic() - began < 30
