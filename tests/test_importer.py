"""The import of files: single mails, mbox, Maildir, folders. A second run changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.errors import Refused
from service.importer import Imported, find, import_files, mails
from service.store import spool, spool_insert, spool_view
from service.store.contents import content as content_of
from service.store.database import Database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAX = 1000
ONE = b"From: a@example.org\r\nSubject: one\r\n\r\nFrom the beginning, it failed.\r\n"
SEPARATOR = b"From a@example.org Mon Mar  2 09:00:00 2026\n"
CRLF = SEPARATOR.replace(b"\n", b"\r\n")
TWO = b"From: b@example.org\nSubject: two\n\nFrom me\n\nFrom nowhere\n"


def contents(database: Database) -> list[bytes]:
    rows = database.read(lambda conn: spool_view.listing(conn, limit=1000))
    return [content_of(database, None, row["id"]) for row in reversed(rows)]


def run(database: Database, *paths: Path) -> Imported:
    return import_files(database, find(paths), NOW, MAX)


def test_a_file_is_imported_unchanged(database: Database, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(ONE)
    assert run(database, tmp_path / "one.eml") == Imported(files=1, mails=1, received=1, known=0)
    assert contents(database) == [ONE]
    [entry] = database.read(spool_view.listing)
    assert (entry["channel"], entry["source"], entry["state"]) == ("import", str(tmp_path / "one.eml"), "waiting")


def test_a_second_run_changes_nothing(database: Database, tmp_path: Path) -> None:
    for number in range(450):
        (tmp_path / f"{number}.eml").write_bytes(ONE + b"%d" % number)
    progress: list[Imported] = []
    first = import_files(database, find([tmp_path]), NOW, MAX, progress.append)
    assert first == Imported(files=450, mails=450, received=450, known=0)
    assert [state.received for state in progress] == [200, 400, 450]
    assert run(database, tmp_path) == Imported(files=450, mails=450, received=0, known=450)
    assert database.read(spool_view.ledger).accepted == 450


def test_equal_mails_are_imported_once_even_if_one_arrived_by_smtp(sqlite: Database, tmp_path: Path) -> None:
    entry = spool.new_entry(spool.Envelope("smtp", "a@example.org", ("help@x",)), ONE, NOW)
    sqlite.transact(lambda conn: spool_insert.insert_entries(conn, [entry]))
    for name in ("a.eml", "b.eml"):
        (tmp_path / name).write_bytes(ONE)
    assert run(sqlite, tmp_path) == Imported(files=2, mails=2, received=1, known=1)


@pytest.mark.parametrize("name", ["archive.mbox", "archive", "mail104.box"])
def test_a_file_with_a_from_line_is_an_mbox(sqlite: Database, tmp_path: Path, name: str) -> None:
    written = TWO.replace(b"\nFrom ", b"\n>From ")
    (tmp_path / name).write_bytes(SEPARATOR + written + b"\nFrom - Tue Mar  3 10:00:00 2026 +0900\n" + written)
    assert [content for _, content in mails(tmp_path / name, MAX)] == [TWO, TWO]
    assert [source for source, _ in mails(tmp_path / name, MAX)] == [f"{tmp_path / name}#1", f"{tmp_path / name}#2"]
    assert run(sqlite, tmp_path) == Imported(files=1, mails=2, received=1, known=1)


@pytest.mark.parametrize(
    ("box", "found"),
    [(SEPARATOR + TWO, [TWO]), (CRLF + ONE + b"\r\n" + CRLF + ONE, [ONE, ONE])],
    ids=["a line in a body that begins with From", "line ends of Windows"],
)
def test_only_separators_divide_an_mbox(tmp_path: Path, box: bytes, found: list[bytes]) -> None:
    (tmp_path / "m").write_bytes(box)
    assert [content for _, content in mails(tmp_path / "m", MAX)] == found


def test_a_large_mail_is_skipped_and_reported(sqlite: Database, tmp_path: Path) -> None:
    exact, large = (b"Subject: x\n\n" + b"x" * (size - 13) + b"\n" for size in (MAX, MAX + 1))
    (tmp_path / "box").write_bytes(SEPARATOR + large + b"\n" + SEPARATOR + exact + b"\n" + SEPARATOR + ONE)
    (tmp_path / "large.eml").write_bytes(large)
    (tmp_path / "small.eml").write_bytes(TWO)
    found = run(sqlite, tmp_path)
    assert found == Imported(2 + 1, 5, 3, 0, (f"{tmp_path}/box#1", f"{tmp_path}/large.eml"))
    assert contents(sqlite) == [exact, ONE, TWO]


def test_folders_and_maildirs_are_searched_for_files_with_mail(sqlite: Database, tmp_path: Path) -> None:
    files = {
        "2026/march/a.eml": ONE,
        "2026/b.txt": TWO,
        "2026/empty.eml": b"",
        "box/cur/1.host:2,S": ONE + b"1",
        "box/new/2.host": ONE + b"2",
        "box/.Sent/cur/4.host": ONE + b"3",
    }
    box = ("tmp/3.host", "dovecot.index.log")
    others = (*(f"box/{one}" for one in box), "notes.md", "picture.PNG", "data.json", ".hidden")
    for name, content in (files | dict.fromkeys(others, b"no mail")).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert run(sqlite, tmp_path) == Imported(files=6, mails=6, received=6, known=0)
    with pytest.raises(Refused, match=r"gone\.eml does not exist"):
        run(sqlite, tmp_path / "gone.eml")
