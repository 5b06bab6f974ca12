"""Mail comes from an IMAP server as it is in the field: Debian's Dovecot."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from imapclient.exceptions import IMAPClientError
from sqlalchemy import update

from service.mailbox.run import now
from service.settings import Settings
from service.store import contents
from service.store.database import Database
from service.store.mailboxes import statuses
from service.store.tables import mailbox_mails
from tests.mailbox.conftest import (
    a_dovecot,
    fetching,
    kept,
    mail,
    mailbox,
    states,
    status,
    succeeded,
    wait_until,
)
from tests.mailbox.dovecot import Dovecot


@contextmanager
def trickling(port: int, chunk: int, pause: float) -> Iterator[int]:
    """A way to a server whose answers come ``chunk`` bytes at a time, with a pause after each."""

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


def _has(database: Database, mails: int) -> bool:
    return len(kept(database)) == mails


def test_mail_is_kept_once_with_the_envelope_of_its_mailbox(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(*(mail(n) for n in range(5)))
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password")):
        wait_until(lambda: succeeded(sqlite))
    rows = kept(sqlite)
    assert len(rows) == 5
    assert {(row["mail_from"], tuple(row["rcpt_tos"]), row["source"]) for row in rows} == {
        ("aiko@corp.example", ("support@corp.example",), "support")
    }
    assert [contents.content(sqlite, None, row["id"]) for row in rows] == [mail(n) for n in range(5)]
    with dovecot.client() as client:
        client.select_folder("INBOX")
        assert len(client.search("UNSEEN")) == 5, "left as its owner had it"


def test_a_new_mail_is_told_by_idle(dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path) -> None:
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", poll=3600)):
        wait_until(lambda: succeeded(sqlite))
        for n in range(3):
            dovecot.deliver(mail(n))
            wait_until(partial(_has, sqlite, n + 1))


@pytest.mark.parametrize("flag", ["seen", "flagged", "sodan"])
def test_mail_is_flagged_only_once_it_is_kept(
    flag: str, dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(mail(1), mail(2))
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", after={"flag": flag})):
        wait_until(lambda: states(sqlite) == ["done", "done"])
    name = {"seen": "SEEN", "flagged": "FLAGGED"}.get(flag, f"KEYWORD {flag}")
    with dovecot.client() as client:
        client.select_folder("INBOX")
        assert len(client.search(name.split())) == 2


def test_mail_is_moved_to_the_folder_that_was_chosen(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    with dovecot.client() as client:
        client.create_folder("済み")
    dovecot.deliver(mail(1), mail(2))
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", after={"move": "済み"})):
        wait_until(lambda: states(sqlite) == ["done", "done"])
        dovecot.deliver(mail(3))
        wait_until(lambda: states(sqlite) == ["done"] * 3)
    with dovecot.client() as client:
        assert client.select_folder("INBOX")[b"EXISTS"] == 0
        assert client.select_folder("済み")[b"EXISTS"] == 3
    assert len(kept(sqlite)) == 3


def test_uids_that_are_given_anew_bring_nothing_twice(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    configured = mailbox(dovecot, tmp_path / "password", after={"flag": "seen"})
    dovecot.deliver(mail(1), mail(2))
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: states(sqlite) == ["done"] * 2)
    dovecot.kill()
    dovecot.renew_uids()
    dovecot.start()
    dovecot.deliver(mail(3))
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: len(kept(sqlite)) == 3)
        wait_until(lambda: states(sqlite) == ["done"] * 5)
    assert len(kept(sqlite)) == 3


def test_a_folder_that_is_gone_keeps_no_other_back_and_goes_on_when_it_is_there_again(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    with dovecot.client() as client:
        client.create_folder("Vendors")
    dovecot.deliver(mail(1), folder="Vendors")
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", folders=["Vendors", "INBOX"])):
        wait_until(lambda: succeeded(sqlite))
        with dovecot.client() as client:
            client.rename_folder("Vendors", "Partners")
        wait_until(lambda: "Vendors cannot be opened" in str(status(sqlite).cause))
        assert "existing folder" in str(status(sqlite).next_step)
        dovecot.deliver(mail(2))
        wait_until(lambda: len(kept(sqlite)) == 2)
        with dovecot.client() as client:
            client.rename_folder("Partners", "Vendors")
        dovecot.deliver(mail(3), folder="Vendors")
        wait_until(lambda: len(kept(sqlite)) == 3)
        wait_until(lambda: succeeded(sqlite))


def test_a_folder_under_its_new_name_brings_nothing_twice(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    with dovecot.client() as client:
        client.create_folder("Vendors")
    dovecot.deliver(mail(1), mail(2), folder="Vendors")
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", folders=["Vendors"])):
        wait_until(lambda: len(kept(sqlite)) == 2)
    with dovecot.client() as client:
        client.rename_folder("Vendors", "Partners")
    dovecot.deliver(mail(3), folder="Partners")
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", folders=["Partners"])):
        wait_until(lambda: len(kept(sqlite)) == 3)
    assert states(sqlite) == ["done"] * 5


def test_older_mail_is_left_alone(dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path) -> None:
    with dovecot.client() as client:
        client.append("INBOX", mail(1), msg_time=datetime(2026, 10, 31, 14, 59, tzinfo=UTC))
        client.append("INBOX", mail(2), msg_time=datetime(2026, 10, 31, 15, 1, tzinfo=UTC))
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", since="2026-11-01")):
        wait_until(lambda: succeeded(sqlite))
    assert len(kept(sqlite)) == 1, "1 November begins at 15:00 UTC in Tokyo"
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password", since="all")):
        wait_until(lambda: len(kept(sqlite)) == 2)


def test_a_large_mail_is_taken_where_the_setting_allows_it(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    big = mail(1) + b"".join(b"%070d\r\n" % n for n in range(40_000_000 // 72))
    dovecot.deliver(big, mail(2))
    configured = mailbox(dovecot, tmp_path / "password", after={"flag": "seen"})
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: sorted(states(sqlite)) == ["done", "too_big"])
        wait_until(lambda: succeeded(sqlite))
    assert status(sqlite).failed == 1
    with fetching(own_settings.model_copy(update={"max_message_bytes": 50_000_000}), sqlite, configured):
        wait_until(lambda: states(sqlite) == ["done", "done"])
    assert max(len(contents.content(sqlite, None, row["id"])) for row in kept(sqlite)) == len(big)


def test_a_mail_that_the_server_cannot_give_out_keeps_no_other_back(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(*(mail(n) for n in range(4)))
    files = [file for file in (dovecot.folder / "home").rglob("Maildir/*/*") if file.is_file()]
    broken = next(file for file in files if b"VPN 1" in file.read_bytes())
    broken.chmod(0)  # Dovecot says "internal error" and hangs up
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password")):
        wait_until(lambda: sorted(states(sqlite)) == ["done", "done", "done", "failed"])
        wait_until(lambda: succeeded(sqlite))
        assert status(sqlite).failed == 1
        broken.chmod(0o644)
        sqlite.transact(lambda conn: conn.execute(update(mailbox_mails).values(due_at=now())))  # minutes later
        wait_until(lambda: states(sqlite) == ["done"] * 4)
    assert len(kept(sqlite)) == 4


def test_a_full_mailbox_is_still_read_and_flagged(own_settings: Settings, sqlite: Database, tmp_path: Path) -> None:
    plugins = "mail_plugins = quota\nprotocol imap {\n  mail_plugins {\n    imap_quota = yes\n  }\n}\n"
    quota = f"{plugins}quota user {{\n  quota_storage_size = 3k\n  quota_storage_grace = 0\n}}\n"
    with a_dovecot(quota) as server:
        with pytest.raises(IMAPClientError, match="OVERQUOTA"):
            server.deliver(*(mail(n) for n in range(40)))
        with server.client() as client:
            there = client.select_folder("INBOX")[b"EXISTS"]
        configured = mailbox(server, tmp_path / "password", after={"flag": "seen"})
        with fetching(own_settings, sqlite, configured):
            wait_until(lambda: states(sqlite) == ["done"] * there)


def test_mail_that_a_full_folder_does_not_take_stays_and_is_moved_once_there_is_room(
    own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    full = "mail_plugins = quota\nquota user {\n}\nquota_mailbox_message_count = 3\n"
    with a_dovecot(full) as server:
        with server.client() as client:
            client.create_folder("Done")
        server.deliver(mail(101), mail(102), mail(103), folder="Done")
        server.deliver(mail(1), mail(2))
        with fetching(own_settings, sqlite, mailbox(server, tmp_path / "password", after={"move": "Done"})):
            wait_until(lambda: len(kept(sqlite)) == 2)
            wait_until(lambda: "refuses to flag or move fetched mail" in str(status(sqlite).cause))
            assert "quota" in str(status(sqlite).next_step)
            assert states(sqlite) == ["taken", "taken"]
            with server.client() as client:
                client.select_folder("INBOX")
                assert len(client.search("ALL")) == 2, "nothing is deleted"
                client.select_folder("Done")
                client.delete_messages(client.search("ALL"))
                client.expunge()
            sqlite.transact(lambda conn: conn.execute(update(mailbox_mails).values(due_at=now())))  # minutes later
            wait_until(lambda: states(sqlite) == ["done", "done"])
            wait_until(lambda: succeeded(sqlite))
        with server.client() as client:
            assert client.select_folder("Done")[b"EXISTS"] == 2
    assert len(kept(sqlite)) == 2


def test_a_server_that_trickles_is_waited_for_and_keeps_its_lease(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(*(mail(n) + b"x" * 2000 for n in range(4)))
    with trickling(dovecot.port, chunk=400, pause=0.1) as port:
        imap = {"port": port, "tls": "none", "timeout": 1}  # the whole takes longer, a single silence does not
        short = own_settings.model_copy(update={"lease_seconds": 1})
        with fetching(short, sqlite, mailbox(dovecot, tmp_path / "password", imap=imap)):
            wait_until(lambda: len(kept(sqlite)) == 4, 60)
            wait_until(lambda: succeeded(sqlite))
            assert status(sqlite).errors == 0
    assert len(kept(sqlite)) == 4


def test_a_connection_that_begins_in_clear_is_encrypted_before_the_password(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(mail(1))
    configured = mailbox(dovecot, tmp_path / "password", imap={"port": dovecot.port, "tls": "starttls"})
    with fetching(own_settings, sqlite, configured):
        wait_until(lambda: len(kept(sqlite)) == 1)
    assert "TLS" in [line for line in dovecot.log().splitlines() if "Logged in" in line][-1]


def test_a_server_that_falls_silent_is_given_up_and_tried_again(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path
) -> None:
    dovecot.deliver(mail(1))
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        address = silent.getsockname()[1]
        configured = mailbox(dovecot, tmp_path / "password", imap={"port": address, "tls": "none", "timeout": 0.2})
        with fetching(own_settings, sqlite, configured):
            wait_until(lambda: status(sqlite).errors > 1 if sqlite.read(statuses) else False)
            assert "cannot be reached" in str(status(sqlite).cause)
    with fetching(own_settings, sqlite, mailbox(dovecot, tmp_path / "password")):
        wait_until(lambda: len(kept(sqlite)) == 1)
