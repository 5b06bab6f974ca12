"""Backups: what a restore brings back, on either database, and what it refuses."""

import io
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from service.errors import Refused
from service.intake import AppContext, receive
from service.store import cases, contents, outbox, search, second_readings, spool_view, tables, webhooks
from service.store.archive import FORMAT, Manifest, writing
from service.store.backup import backup, restore
from service.store.blob_store import Folder
from service.store.contents import BlobWriter, content
from service.store.database import Connection, Database
from service.store.encryption import SecretBox
from service.store.migrate import head, revision
from tests.running import take_in
from tests.served import wait_until
from tests.store.desk import FROM_INSIDE, all_rows, letter

NOW = datetime.now(UTC)


def _mails(first: int, count: int) -> list[bytes]:
    """Mails in conversations of three; each fifth is larger than 10,000 bytes."""
    made = []
    for n in range(first, first + count):
        text = f"朝から開けません。エラー 0x{n:04X}\n" + "log line 0123456789\n" * (900 if n % 5 == 0 else 0)
        parent = {"In_Reply_To": f"<m{n - 1}@x.test>"} if n % 3 else {}
        subject = f"Portal {n // 3} does not open"
        made.append(letter(f"m{n}", f"佐藤 <aiko{n % 4}@corp.example>", "it@corp.example", subject, text, 0, **parent))
    return made


def _receive(database: Database, mails: list[bytes]) -> list[str]:
    return receive(database, [(FROM_INSIDE, mail) for mail in mails], NOW)


def _sqlite(path: Path) -> closing[Database]:
    return closing(Database(f"sqlite:///{path}/sodan.db"))


def _add_other_data(conn: Connection) -> None:
    """Add days, a sum, a value that a person set, and a case that is merged into a case with a higher id."""
    outbox.begin_daily(conn, "digest", NOW.date())
    second_readings.add_usage(conn, NOW.date(), requests=2, seconds=1.5)
    case: dict[str, Any] = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
    case |= {"document": {"a": None}, "opened_at": NOW, "updated_at": NOW}
    for id, into, by_hand in ((97, None, {"title": "題"}), (93, 97, {})):
        conn.execute(insert(tables.cases), {**case, "id": id, "merged_into": into, "set_by_people": by_hand})


def test_a_restored_backup_has_the_same_rows_on_either_database(
    database: Database, empty_database: Database, context: AppContext, tmp_path: Path
) -> None:
    folder, mails = Folder(tmp_path / "contents"), _mails(0, 16)
    ids = _receive(database, mails)
    take_in(database, context, blobs=BlobWriter(folder, 10_000))
    database.transact(_add_other_data)
    before = database.read(all_rows)
    manifest = backup(database, folder, tmp_path / "sodan.backup", NOW)
    assert (manifest.rows["spool"], manifest.missing) == (16, [])
    restore(empty_database, None, tmp_path / "sodan.backup")
    while empty_database.transact(search.index_pending):
        pass
    after = empty_database.read(all_rows)
    assert {**after, "contents": None} == {**before, "contents": None}
    assert [content(empty_database, None, id) for id in ids] == mails
    assert empty_database.read(revision) == head()
    which = cases.Filter(q="開けません")
    assert empty_database.read(lambda conn: cases.count(conn, which, "SD")) > 4
    _receive(empty_database, _mails(100, 3))  # new rows get ids after those of the backup
    take_in(empty_database, context)
    assert empty_database.read(spool_view.ledger).taken_in == 19


@pytest.mark.long
def test_a_backup_under_load_is_a_snapshot(database: Database, context: AppContext, tmp_path: Path) -> None:
    stop = threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stop.is_set():
            sent.extend(_receive(database, _mails(len(sent), 10)))
            stop.wait(0.05)

    def work() -> None:
        while not stop.is_set():
            take_in(database, context)

    with ThreadPoolExecutor() as threads:
        running = [threads.submit(one) for one in (send, work)]
        try:
            wait_until(lambda: len(sent) >= 50)
            accepted = list(sent)
            backup(database, None, tmp_path / "sodan.backup", NOW)
        finally:
            stop.set()
        assert [one.result() for one in running] == [None, None]
    with _sqlite(tmp_path / "copy") as copy:
        restore(copy, None, tmp_path / "sodan.backup")
        assert copy.read(spool_view.ledger).balanced
        assert copy.read(spool_view.done_without_message) == []
        restored = {row["id"] for row in copy.read(lambda conn: spool_view.listing(conn, limit=100_000))}
        assert set(accepted) <= restored <= set(sent)
        take_in(copy, context)
        assert copy.read(spool_view.ledger).taken_in == len(restored)
        empty_cases = select(tables.cases.c.id).where(tables.cases.c.id.not_in(select(tables.messages.c.case_id)))
        assert copy.read(lambda conn: conn.execute(empty_cases).all()) == []


def test_raw_mails_of_external_storage_go_to_the_storage_of_the_new_installation(
    sqlite: Database, context: AppContext, tmp_path: Path
) -> None:
    old, new, mails = Folder(tmp_path / "old"), Folder(tmp_path / "new"), _mails(0, 6)
    ids = _receive(sqlite, mails)
    take_in(sqlite, context, blobs=BlobWriter(old, 10_000))
    assert len(dict(old.keys())) == 2
    backup(sqlite, old, tmp_path / "whole", NOW)
    for store in (new, None):
        with _sqlite(tmp_path / f"copy {store is None}") as copy:
            restore(copy, store, tmp_path / "whole")
            assert [content(copy, store, id) for id in ids] == mails
    assert dict(new.keys()).keys() == dict(old.keys()).keys()
    old.remove(next(old.keys())[0])
    assert len(backup(sqlite, old, tmp_path / "lacking", NOW).missing) == 1
    with _sqlite(tmp_path / "third") as copy:
        restore(copy, None, tmp_path / "lacking")
        assert len(list(contents.check(copy, None))) == 1


def test_a_backup_overwrites_no_file_and_only_its_owner_can_read_it(sqlite: Database, tmp_path: Path) -> None:
    path = tmp_path / "sodan.backup"
    backup(sqlite, None, path, NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    no_folder = tmp_path / "no" / "folder"
    for wrong, why in (
        (path, "exists already"),
        (no_folder, "cannot be written"),
        (path / "x", "Not a directory"),
    ):
        with pytest.raises(Refused, match=why):
            backup(sqlite, None, wrong, NOW)
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith("sodan.b")) == ["sodan.backup"]


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.rename"])
def test_a_disk_that_is_full_at_the_end_of_a_backup_is_a_refusal(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(call, full)
        with pytest.raises(Refused, match=r"sodan.backup cannot be written: No space left"):
            backup(sqlite, None, tmp_path / "sodan.backup", NOW)
    assert not [one for one in tmp_path.iterdir() if one.name.startswith("sodan.b")]


def _lose_connection() -> Iterator[list[int]]:
    yield [1]
    raise ConnectionResetError("the database closed the connection")


def test_a_database_error_during_a_backup_is_not_reported_as_a_file_error(tmp_path: Path) -> None:
    manifest = Manifest(FORMAT, "1", "2026-03-02T00:00:00+00:00", "sodan")
    with pytest.raises(ConnectionResetError), writing(tmp_path / "sodan.backup", manifest) as archive:
        archive.table("spool", ["id"], _lose_connection())
    assert list(tmp_path.iterdir()) == []


def test_a_restore_refuses_damaged_backups_and_databases_with_data(sqlite: Database, tmp_path: Path) -> None:
    _receive(sqlite, _mails(0, 6))
    path = tmp_path / "sodan.backup"
    backup(sqlite, None, path, NOW)
    with pytest.raises(Refused, match="not empty"):
        restore(sqlite, None, path)
    whole = path.read_bytes()
    at = whole.index(b"tables/spool.jsonl.zst") + 200
    with _sqlite(tmp_path / "copy") as copy:
        for broken in (whole[:at] + b"XXXX" + whole[at + 4 :], whole[:-50], b"", b"no archive"):
            path.write_bytes(broken)
            with pytest.raises(Refused, match=r"damaged|not a backup"):
                restore(copy, None, path)
        with zipfile.ZipFile(io.BytesIO(whole)) as complete, zipfile.ZipFile(path, "w") as lacking:
            for name in complete.namelist():
                if "spool" not in name:
                    lacking.writestr(name, complete.read(name))
        with pytest.raises(Refused, match="damaged in tables/spool"):
            restore(copy, None, path)
        path.write_bytes(whole)
        restore(copy, None, path)
        assert copy.read(spool_view.ledger).waiting == 6


def test_a_restored_copy_sends_no_mail_and_no_webhook_until_a_person_enables_it(
    database: Database, empty_database: Database, tmp_path: Path
) -> None:
    later = NOW + timedelta(days=9)
    draft = outbox.Draft("acknowledgement", "aiko@corp.example", "Re: Portal", "We have received your message.")
    happened = insert(tables.events).values(kind="case.opened", at=NOW, data={})

    def fill(conn: Connection) -> None:
        for _ in range(2):
            outbox.write(conn, draft, state="waiting", now=NOW)
            outbox.claim(conn, "sender of the original", NOW, timedelta(minutes=5))
        webhooks.create(conn, SecretBox(tmp_path / "key"), "https://hooks.example/a", [], NOW)
        conn.execute(happened)

    def due(conn: Connection) -> tuple[bool, bool]:
        return outbox.anything_due(conn, later), webhooks.any_due(conn, later)

    database.transact(fill)
    assert database.read(due) == (True, True)
    backup(database, None, tmp_path / "copy.backup", NOW)
    restore(empty_database, None, tmp_path / "copy.backup")
    assert empty_database.read(due) == (False, False)
    empty_database.transact(lambda conn: outbox.discard(conn, 2, "mika", NOW))
    empty_database.transact(lambda conn: outbox.send_again(conn, 1, "mika", NOW))
    assert (empty_database.read(webhooks.held), database.read(webhooks.held)) == (["https://hooks.example/a"], [])
    assert empty_database.transact(lambda conn: webhooks.enable_held(conn, later)) == 1
    assert empty_database.read(due) == (True, False)  # the original sent the earlier events
    empty_database.transact(lambda conn: conn.execute(happened) and None)
    assert empty_database.read(due) == (True, True)
