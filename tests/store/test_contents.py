"""Raw mail packed, and big ones outside the database: in a folder, and in a store that speaks S3."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
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
from service.store.spool import Envelope
from service.store.tables import contents as rows
from service.store.tables import spool
from tests.flow.crew import context
from tests.running import take_in
from tests.served import wait_until
from tests.store.desk import on_statements
from tests.store.test_retention import bucket

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SMALL = b"From: a@corp.example\r\nMessage-ID: <small@corp.example>\r\nSubject: small\r\n\r\nA few words.\r\n"
BIG = SMALL.replace(b"small", b"big") + b"0123456789abcdef\r\n" * 4000


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    in_bucket = request.param == "s3"
    return bucket(request.getfixturevalue("s3"), tmp_path.name) if in_bucket else Folder(tmp_path / "contents")


def _taken_in(database: Database, shelf: BlobWriter, *mails: bytes) -> list[str]:
    ids = receive(database, [(Envelope("smtp", "a@corp.example", ("help@intake.example",)), m) for m in mails], NOW)
    take_in(database, context(), NOW, blobs=shelf)
    return ids


def _codecs(database: Database, *ids: str) -> list[tuple[str, int]]:
    found = [database.read(lambda conn, id=id: contents.stored_content(conn, id)) for id in ids]  # type: ignore[misc]
    return [(one.codec, len(one.stored)) for one in found]


def test_what_is_packed_comes_back_and_what_is_broken_is_told() -> None:
    for content in (b"", SMALL, BIG, bytes(range(256))):
        assert decompress(compress(content)) == content
    assert len(compress(SMALL)) < len(SMALL)
    broken = bytearray(compress(BIG))
    broken[-1] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        decompress(bytes(broken))


def test_paths_name_keys_and_nothing_else_is_one() -> None:
    key = "ab" * 32
    assert (path_of(key), key_of(f"some/prefix/{path_of(key)}")) == (f"ab/{key[2:]}.zst", key)
    assert [key_of(path) for path in ("ab/x.zst", f"ab/.{key[2:]}.zst", f"{key}.zst", f"ab/{key[2:]}.gz")] == [None] * 4


def test_what_is_put_outside_is_there_until_it_is_removed(store: BlobStore) -> None:
    key = "0a" * 32
    assert (store.get(key), store.written(key), list(store.keys())) == (None, None, [])
    store.put(key, b"packed")
    store.put(key, b"packed")
    assert store.get(key) == b"packed"
    written = store.written(key)
    assert written is not None
    [(named, at)] = store.keys()
    assert (named, at.replace(microsecond=0)) == (key, written.replace(microsecond=0))
    store.remove(key)
    store.remove(key)
    assert (store.get(key), list(store.keys())) == (None, [])


def test_the_worker_packs_what_was_kept_as_received_and_puts_big_mails_outside(
    database: Database, store: BlobStore
) -> None:
    [waiting] = receive(database, [(Envelope("smtp"), SMALL)], NOW)
    assert _codecs(database, waiting) == [("raw", len(SMALL))]
    ids = _taken_in(database, BlobWriter(store, 10_000), SMALL, BIG)
    assert _codecs(database, waiting, *ids) == [("zstd", len(compress(SMALL)))] * 2 + [("file", 0)]
    assert [contents.content(database, store, id) for id in ids] == [SMALL, BIG]
    assert list(contents.check(database, store)) == []
    assert database.read(spool_view.ledger).balanced


def test_a_store_that_does_not_answer_holds_no_mail_up(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of the folder")
    shelf = BlobWriter(Folder(tmp_path / "file" / "contents"), 10_000)
    ids = _taken_in(database, shelf, BIG)
    assert _codecs(database, *ids) == [("zstd", len(compress(BIG)))]
    (tmp_path / "file").unlink()
    better = BlobWriter(Folder(tmp_path / "file" / "contents"), 10_000)
    assert list(contents.move(database, better, None)) == [(ids[0], "file")]
    assert contents.content(database, better.blob_store, ids[0]) == BIG


def test_a_content_that_is_deleted_or_replaced_during_a_move_is_not_written_back(
    database: Database, tmp_path: Path
) -> None:
    ids = _taken_in(database, BlobWriter(), SMALL, BIG, SMALL.replace(b"small", b"other"))
    moving = contents.move(database, BlobWriter(Folder(tmp_path), 0), None)
    assert next(moving) == (ids[0], "file")
    masked = SMALL.replace(b"a@corp", b"erased@corp")

    def delete_and_replace(conn: Connection) -> None:
        conn.execute(update(rows).where(rows.c.id == ids[1]).values(codec=contents.GONE, bytes=b""))
        now = {"sha256": sha256(masked).hexdigest(), "size": len(masked)}
        conn.execute(update(spool).where(spool.c.id == ids[2]).values(**now))
        contents.keep(conn, [contents.Packed(ids[2], "zstd", compress(masked))])

    database.transact(delete_and_replace)
    assert list(moving) == []
    assert [codec for codec, _ in _codecs(database, *ids)] == ["file", contents.GONE, "zstd"]
    assert contents.content(database, None, ids[2]) == masked


def test_a_move_and_a_deletion_do_not_block_each_other(database: Database, tmp_path: Path) -> None:
    [id] = _taken_in(database, BlobWriter(), BIG)
    other = Database(database.url.render_as_string(hide_password=False))
    moving = contents.move(other, BlobWriter(Folder(tmp_path), 0), None)

    def delete(conn: Connection) -> Future[list[tuple[str, str]]]:
        """As retention: it deletes the content before the spool entry."""
        one_at_a_time(conn)
        conn.execute(update(rows).where(rows.c.id == id).values(codec=contents.GONE, bytes=b""))
        moved = crew.submit(list, moving)
        wait_until(lambda: list(Folder(tmp_path).keys()) != [], 10)
        time.sleep(0.5)  # the move waits for this transaction now
        conn.execute(update(spool).where(spool.c.id == id).values(size=0))
        return moved

    with ThreadPoolExecutor() as crew:
        assert database.transact(delete).result() == []
    other.close()


def test_contents_move_to_another_store_and_back_into_the_database(
    database: Database, store: BlobStore, tmp_path: Path
) -> None:
    ids = _taken_in(database, BlobWriter(), SMALL, BIG)
    new = Folder(tmp_path / "new")
    assert list(contents.move(database, BlobWriter(store, 10_000), None)) == [(ids[1], "file")]
    assert list(contents.move(database, BlobWriter(store, 10_000), None)) == []
    assert list(contents.move(database, BlobWriter(new, 10_000), store)) == [(ids[1], "file")]
    assert contents.content(database, new, ids[1]) == BIG
    assert list(contents.move(database, BlobWriter(), new)) == [(ids[1], "zstd")]
    assert [contents.content(database, None, id) for id in ids] == [SMALL, BIG]


def test_missing_changed_and_orphaned_contents_are_named(database: Database, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "contents")
    other = BIG.replace(b"<big", b"<other")
    ids = _taken_in(database, BlobWriter(folder, 10_000), BIG, other)
    key = database.read(lambda conn: contents.stored_content(conn, ids[0])).sha256
    (tmp_path / "contents" / path_of(key)).write_bytes(compress(b"not that mail"))
    assert [id for id, words in contents.check(database, folder) if "is damaged" in words] == [ids[0]]
    folder.remove(key)
    orphan = "ff" * 32
    folder.put(orphan, b"left by a crash")
    later = datetime.now(UTC) + 2 * contents.YOUNG
    assert contents.find_inconsistencies(database, folder, datetime.now(UTC)) == ([ids[0]], [])
    assert contents.find_inconsistencies(database, folder, later) == ([ids[0]], [orphan])
    with pytest.raises(Unavailable, match="sodan contents check"):
        contents.content(database, folder, ids[0])
    assert contents.content(database, folder, ids[1]) == other
    assert list(contents.tidy(database, folder, later)) == [orphan]
    assert contents.find_inconsistencies(database, None, later) == (sorted(ids), [])


def test_who_tidies_looks_again_before_a_file_goes(sqlite: Database, tmp_path: Path) -> None:
    """Between the list and the file's turn, or while rows are searched, the same mail may have come anew."""
    folder = Folder(tmp_path / "contents")
    _taken_in(sqlite, BlobWriter(folder, 10_000), BIG)
    [(named, _)] = folder.keys()
    orphan, now = "0c" * 32, datetime.now(UTC)
    folder.put(orphan, b"left by a crash")
    later = now + 2 * contents.YOUNG

    def arrives(*_: object) -> None:
        folder.put(orphan, b"left by a crash")  # a worker, whose row is not committed yet

    assert not contents.remove_unreferenced(sqlite, folder, named, later)
    assert not contents.remove_unreferenced(sqlite, folder, orphan, now)
    os.utime(tmp_path / "contents" / path_of(orphan), (0, 0))
    with on_statements("after", arrives):
        assert not contents.remove_unreferenced(sqlite, folder, orphan, now)
    assert dict(folder.keys()).keys() == {named, orphan}
    assert contents.remove_unreferenced(sqlite, folder, orphan, later)
    assert dict(folder.keys()).keys() == {named}


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "contents")
    key = "0b" * 32
    (tmp_path / "contents/0b").mkdir(parents=True)
    (tmp_path / "contents" / path_of(key)).symlink_to(tmp_path / "nowhere" / "file")  # a name that leads nowhere
    folder.put(key, b"packed")
    assert folder.get(key) == b"packed"
    assert sorted(os.listdir(tmp_path / "contents/0b")) == [f"{key[2:]}.zst"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_content_outside_is_flushed_before_it_has_its_name_and_the_name_after_it(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    code = "from pathlib import Path; from service.store.blob_store import Folder; import sys; "
    code += "Folder(Path(sys.argv[1])).put('0c' * 32, b'packed')"
    traced = ["strace", "-f", "-y", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", str(calls)]
    command = [*traced, sys.executable, "-B", "-c", code, str(tmp_path / "contents")]
    subprocess.run(command, check=True, timeout=110, cwd=Path(__file__).parents[2])
    lines = [line for line in calls.read_text().splitlines() if "contents" in line]
    [named] = [at for at, line in enumerate(lines) if "rename" in line]
    assert any("sync(" in line and "/.0c0c0c0c." in line for line in lines[:named]), lines
    assert any("sync(" in line and "/0c>" in line for line in lines[named:]), lines
