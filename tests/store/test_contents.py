"""Raw mails: compressed in the database, and large ones in external storage (a folder or an S3 bucket)."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from service.errors import Unavailable
from service.intake import receive
from service.store import contents, spool_view
from service.store.blob_store import BlobStore, Folder, key_of, path_of
from service.store.compression import compress, decompress
from service.store.contents import BlobWriter
from service.store.database import Database, one_at_a_time
from service.store.tables import contents as rows
from service.store.tables import spool
from tests.flow.crew import context
from tests.served import wait_until
from tests.store.desk import FROM_INSIDE, deliver, on_statements
from tests.store.test_retention import bucket

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SMALL = b"From: a@corp.example\r\nMessage-ID: <small@corp.example>\r\nSubject: small\r\n\r\nA few words.\r\n"
BIG = SMALL.replace(b"small", b"big") + b"0123456789abcdef\r\n" * 4000
ORPHAN = "0c" * 32


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    in_bucket = request.param == "s3"
    return bucket(request.getfixturevalue("s3"), tmp_path.name) if in_bucket else Folder(tmp_path / "contents")


def _process(database: Database, writer: BlobWriter, *mails: bytes) -> list[str]:
    return deliver(database, context(), *mails, at=NOW, blobs=writer)


def _codecs(database: Database, *ids: str) -> list[tuple[str, int]]:
    found = [database.read(partial(contents.stored_content, id=id)) for id in ids]
    return [(one.codec, len(one.stored)) for one in found]


def test_compression_is_reversible_and_detects_damage() -> None:
    for content in (b"", SMALL, BIG, bytes(range(256))):
        assert decompress(compress(content)) == content
    assert len(compress(SMALL)) < len(SMALL)
    damaged = bytearray(compress(BIG))
    damaged[-1] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        decompress(bytes(damaged))


def test_a_path_names_the_key_of_a_mail() -> None:
    key = "ab" * 32
    assert (path_of(key), key_of(f"some/prefix/{path_of(key)}")) == (f"ab/{key[2:]}.zst", key)
    assert [key_of(path) for path in ("ab/x.zst", f"ab/.{key[2:]}.zst", f"{key}.zst", f"ab/{key[2:]}.gz")] == [None] * 4


def test_external_storage_keeps_a_mail_until_it_is_removed(store: BlobStore) -> None:
    key = "0a" * 32
    assert (store.get(key), store.written(key), list(store.keys())) == (None, None, [])
    for _ in range(2):
        store.put(key, b"packed")
    written = store.written(key)
    assert (store.get(key), written is None) == (b"packed", False)
    [(listed, at)] = store.keys()
    assert written is not None
    assert (listed, at.replace(microsecond=0)) == (key, written.replace(microsecond=0))
    for _ in range(2):
        store.remove(key)
    assert (store.get(key), list(store.keys())) == (None, [])


def test_reading_creates_no_folder_and_other_folders_in_it_are_ignored(tmp_path: Path) -> None:
    key, folder = "0a" * 32, tmp_path / "mails"
    assert (Folder(folder).get(key), list(Folder(folder).keys()), folder.exists()) == (None, [], False)
    Folder(folder).put(key, b"packed")
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy").rename(folder / "copy")
    (folder / os.fsdecode(b"lost\xff")).mkdir()
    assert dict(Folder(folder).keys()).keys() == {key}


def test_a_write_to_a_missing_bucket_is_an_error(s3: str) -> None:
    with pytest.raises(Unavailable):
        bucket(s3, "x", "nowhere").put("0a" * 32, b"packed")


def test_the_worker_compresses_mails_and_stores_large_ones_externally(database: Database, store: BlobStore) -> None:
    [waiting] = receive(database, [(FROM_INSIDE, SMALL)], NOW)
    assert _codecs(database, waiting) == [("raw", len(SMALL))]
    ids = _process(database, BlobWriter(store, 10_000), SMALL, BIG)
    assert _codecs(database, waiting, *ids) == [("zstd", len(compress(SMALL)))] * 2 + [("file", 0)]
    assert [contents.content(database, store, id) for id in ids] == [SMALL, BIG]
    assert list(contents.check(database, store)) == []
    assert database.read(spool_view.ledger).balanced


def test_a_failure_of_external_storage_delays_no_mail(database: Database, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    [id] = _process(database, BlobWriter(Folder(blocked / "contents"), 10_000), BIG)
    assert _codecs(database, id) == [("zstd", len(compress(BIG)))]
    blocked.unlink()
    writer = BlobWriter(Folder(blocked / "contents"), 10_000)
    assert list(contents.move(database, writer, None)) == [(id, "file")]
    assert contents.content(database, writer.blob_store, id) == BIG


def test_a_move_does_not_restore_mails_that_were_deleted_or_replaced_meanwhile(
    database: Database, tmp_path: Path
) -> None:
    ids = _process(database, BlobWriter(), SMALL, BIG, SMALL.replace(b"small", b"other"))
    moving = contents.move(database, BlobWriter(Folder(tmp_path), 0), None)
    assert next(moving) == (ids[0], "file")
    masked = SMALL.replace(b"a@corp", b"erased@corp")

    def delete_and_replace(conn: Connection) -> None:
        conn.execute(update(rows).where(rows.c.id == ids[1]).values(codec=contents.GONE, bytes=b""))
        now = {"sha256": sha256(masked).hexdigest(), "size": len(masked)}
        conn.execute(update(spool).where(spool.c.id == ids[2]).values(**now))
        contents.write_packed(conn, [contents.Packed(ids[2], "zstd", compress(masked))])

    database.transact(delete_and_replace)
    assert list(moving) == []
    assert [codec for codec, _ in _codecs(database, *ids)] == ["file", contents.GONE, "zstd"]
    assert contents.content(database, None, ids[2]) == masked


def test_a_move_and_a_deletion_do_not_block_each_other(database: Database, tmp_path: Path) -> None:
    [id] = _process(database, BlobWriter(), BIG)
    other = Database(database.url.render_as_string(hide_password=False))
    moving = contents.move(other, BlobWriter(Folder(tmp_path), 0), None)

    def delete(conn: Connection) -> Future[list[tuple[str, str]]]:
        """Delete the content before the spool entry, as retention does."""
        one_at_a_time(conn)
        conn.execute(update(rows).where(rows.c.id == id).values(codec=contents.GONE, bytes=b""))
        moved = threads.submit(list, moving)
        wait_until(lambda: list(Folder(tmp_path).keys()) != [], 10)
        time.sleep(0.5)  # the move waits for this transaction now
        conn.execute(update(spool).where(spool.c.id == id).values(size=0))
        return moved

    with ThreadPoolExecutor() as threads:
        assert database.transact(delete).result() == []
    other.close()


def test_mails_move_to_another_storage_and_back_into_the_database(
    database: Database, store: BlobStore, tmp_path: Path
) -> None:
    ids = _process(database, BlobWriter(), SMALL, BIG)
    new = Folder(tmp_path / "new")
    for writer, before, moved in (
        (BlobWriter(store, 10_000), None, [(ids[1], "file")]),
        (BlobWriter(store, 10_000), None, []),
        (BlobWriter(new, 10_000), store, [(ids[1], "file")]),
        (BlobWriter(), new, [(ids[1], "zstd")]),
    ):
        assert list(contents.move(database, writer, before)) == moved
        assert [contents.content(database, writer.blob_store, id) for id in ids] == [SMALL, BIG]


def test_missing_damaged_and_unreferenced_files_are_reported(database: Database, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "contents")
    other = BIG.replace(b"<big", b"<other")
    ids = _process(database, BlobWriter(folder, 10_000), BIG, other)
    key = database.read(lambda conn: contents.stored_content(conn, ids[0])).sha256
    (tmp_path / "contents" / path_of(key)).write_bytes(compress(b"not that mail"))
    assert [id for id, words in contents.check(database, folder) if "is damaged" in words] == [ids[0]]
    folder.remove(key)
    folder.put(ORPHAN, b"left by a crash")
    later = datetime.now(UTC) + 2 * contents.YOUNG
    assert contents.find_inconsistencies(database, folder, datetime.now(UTC)) == ([ids[0]], [])
    assert contents.find_inconsistencies(database, folder, later) == ([ids[0]], [ORPHAN])
    with pytest.raises(Unavailable, match="sodan contents check"):
        contents.content(database, folder, ids[0])
    assert contents.content(database, folder, ids[1]) == other
    assert list(contents.tidy(database, folder, later)) == [ORPHAN]
    assert contents.find_inconsistencies(database, None, later) == (sorted(ids), [])


def test_a_file_that_a_mail_is_about_to_use_is_not_deleted(sqlite: Database, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "contents")
    _process(sqlite, BlobWriter(folder, 10_000), BIG)
    [(referenced, _)] = folder.keys()
    now = datetime.now(UTC)
    folder.put(ORPHAN, b"left by a crash")
    later = now + 2 * contents.YOUNG

    def write_again(*_: object) -> None:
        folder.put(ORPHAN, b"left by a crash")  # by a worker, whose row is not committed yet

    assert not contents.remove_unreferenced(sqlite, folder, referenced, later)
    assert not contents.remove_unreferenced(sqlite, folder, ORPHAN, now)
    os.utime(tmp_path / "contents" / path_of(ORPHAN), (0, 0))
    with on_statements("after", write_again):
        assert not contents.remove_unreferenced(sqlite, folder, ORPHAN, now)
    assert dict(folder.keys()).keys() == {referenced, ORPHAN}
    assert contents.remove_unreferenced(sqlite, folder, ORPHAN, later)
    assert dict(folder.keys()).keys() == {referenced}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_file_is_flushed_before_it_is_renamed_and_its_folder_after(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    code = "from pathlib import Path; from service.store.blob_store import Folder; import sys; "
    code += "Folder(Path(sys.argv[1])).put('0c' * 32, b'packed')"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", str(calls)]
    command = [*traced, sys.executable, "-B", "-c", code, str(tmp_path / "contents")]
    subprocess.run(command, check=True, timeout=110, cwd=Path(__file__).parents[2])
    lines = [line for line in calls.read_text().splitlines() if "contents" in line]
    [renamed] = [at for at, line in enumerate(lines) if "rename" in line]
    assert any("sync(" in line and "/.0c0c0c0c." in line for line in lines[:renamed]), lines
    assert any("sync(" in line and "/0c>" in line for line in lines[renamed:]), lines
