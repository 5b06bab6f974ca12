"""A backup taken while mail comes in, restored elsewhere, is equal case by case."""

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
from service.settings import Settings
from service.store import outbox, second_readings, spool_view, tables, webhooks
from service.store.archive import FORMAT, Manifest, writing
from service.store.backup import backup, restore
from service.store.blob_store import BlobStore, Folder
from service.store.contents import BlobWriter, content
from service.store.database import Connection, Database
from service.store.encryption import SecretBox
from service.store.migrate import head, revision
from service.store.spool import Envelope
from tests.running import running, take_in
from tests.served import wait_until
from tests.store.test_retention import bucket

ENVELOPE = Envelope("smtp", "aiko@corp.example", ("intake@corp.example",))


def _mails(first: int, count: int) -> list[tuple[Envelope, bytes]]:
    made = []
    for n in range(first, first + count):
        reply = f"In-Reply-To: <m{n - 1}@corp.example>\r\n" if n % 3 else ""
        pad = "log line 0123456789\r\n" * (900 if n % 5 == 0 else 0)
        made.append(
            f"From: 佐藤 <aiko{n % 4}@corp.example>\r\nTo: intake@corp.example\r\nMessage-ID: <m{n}@corp.example>\r\n"
            f"{reply}Subject: Portal {n // 3} does not open\r\nDate: Mon, 02 Mar 2026 09:00:00 +0900\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\n朝から開けません。エラー 0x{n:04X}\r\n{pad}".encode()
        )
    return [(ENVELOPE, mail) for mail in made]


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, not even migrated."""
    on_sqlite = request.param == "sqlite"
    made = Database(f"sqlite:///{tmp_path}/new/sodan.db" if on_sqlite else request.getfixturevalue("new_postgres")())
    yield made
    made.close()


def _shown(database: Database, context: AppContext, settings: Settings) -> dict[str, Any]:
    """All that the API shows: cases, messages, why, raw, spool."""
    with running(database, context, settings) as service:
        service.work()
        shown: dict[str, Any] = {"spool": service.get("/api/spool", limit=200)["items"]}
        for summary in service.get("/api/cases", limit=200)["items"]:
            key = summary["key"]
            timeline = service.get(f"/api/cases/{key}/messages")["items"]
            case = service.get(f"/api/cases/{key}")
            for ticking in ("team", "vendor", "requester", "business"):
                case["clocks"].pop(ticking, None)
            shown[key] = case, timeline
            for message in timeline:
                raw = service.client.get(f"/api/messages/{message['id']}/raw")
                shown[f"raw {message['id']}"] = raw.status_code, raw.content
                shown[f"why {message['id']}"] = service.get(f"/api/messages/{message['id']}/why")
        shown["found"] = [one["key"] for one in service.get("/api/cases", q="開けません", limit=200)["items"]]
        return shown


def test_a_backup_is_equal_case_by_case_on_either_database(
    database: Database, elsewhere: Database, context: AppContext, settings: Settings, tmp_path: Path
) -> None:
    folder = Folder(tmp_path / "contents")
    receive(database, _mails(0, 16), datetime.now(UTC))
    take_in(database, context, blobs=BlobWriter(folder, 10_000))
    with_folder = settings.model_copy(update={"content_store": str(tmp_path / "contents")})
    before = _shown(database, context, with_folder)
    assert len(before["found"]) > 4
    manifest = backup(database, folder, tmp_path / "sodan.backup", datetime.now(UTC))
    assert (manifest.rows["spool"], manifest.missing) == (16, [])
    restored = restore(elsewhere, None, tmp_path / "sodan.backup")
    assert restored.wrong == []
    assert restored.ledger == database.read(spool_view.ledger)
    assert elsewhere.read(revision) == head()
    assert _shown(elsewhere, context, settings) == before
    receive(elsewhere, _mails(100, 3), datetime.now(UTC))  # numbers count on
    take_in(elsewhere, context)
    assert elsewhere.read(spool_view.ledger).taken_in == 19


@pytest.mark.long
def test_a_backup_under_load_is_one_moment(database: Database, context: AppContext, tmp_path: Path) -> None:
    stop = threading.Event()
    sent: list[str] = []

    def send() -> None:
        while not stop.is_set():
            sent.extend(receive(database, _mails(len(sent), 10), datetime.now(UTC)))
            stop.wait(0.05)

    def work() -> None:
        while not stop.is_set():
            take_in(database, context)

    with ThreadPoolExecutor() as crew:
        done = [crew.submit(one) for one in (send, work)]
        try:
            wait_until(lambda: len(sent) >= 50)
            promised = list(sent)
            backup(database, None, tmp_path / "sodan.backup", datetime.now(UTC))
        finally:
            stop.set()
        assert [one.result() for one in done] == [None, None]
    with closing(Database(f"sqlite:///{tmp_path}/elsewhere/sodan.db")) as elsewhere:
        restored = restore(elsewhere, None, tmp_path / "sodan.backup")
        assert (restored.ledger.balanced, restored.wrong) == (True, [])
        assert elsewhere.read(spool_view.done_without_message) == []
        there = {row["id"] for row in elsewhere.read(lambda conn: spool_view.listing(conn, limit=100_000))}
        assert set(promised) <= there <= set(sent)
        take_in(elsewhere, context)
        assert elsewhere.read(spool_view.ledger).taken_in == len(there)
        empty_cases = select(tables.cases.c.id).where(tables.cases.c.id.not_in(select(tables.messages.c.case_id)))
        assert elsewhere.read(lambda conn: conn.execute(empty_cases).all()) == []


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_contents_outside_go_to_the_outside_of_the_new_place(
    sqlite: Database, context: AppContext, tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    def place(name: str) -> BlobStore:
        in_bucket = kind == "s3"
        return bucket(request.getfixturevalue("s3"), tmp_path.name + name) if in_bucket else Folder(tmp_path / name)

    old, new = place("old"), place("new")
    mails = [mail for _, mail in _mails(0, 6)]
    ids = receive(sqlite, _mails(0, 6), datetime.now(UTC))
    take_in(sqlite, context, blobs=BlobWriter(old, 10_000))
    assert len(list(old.keys())) == 2
    backup(sqlite, old, tmp_path / "whole", datetime.now(UTC))
    for number, outside in enumerate((new, None)):
        with closing(Database(f"sqlite:///{tmp_path}/elsewhere{number}/sodan.db")) as elsewhere:
            assert restore(elsewhere, outside, tmp_path / "whole").wrong == []
            assert [content(elsewhere, outside, id) for id in ids] == mails
    assert dict(new.keys()).keys() == dict(old.keys()).keys()
    old.remove(next(old.keys())[0])
    assert len(backup(sqlite, old, tmp_path / "lacking", datetime.now(UTC)).missing) == 1
    with closing(Database(f"sqlite:///{tmp_path}/third/sodan.db")) as third:
        assert len(restore(third, None, tmp_path / "lacking").wrong) == 1


def test_a_backup_overwrites_nothing_and_is_for_its_owner_alone(sqlite: Database, tmp_path: Path) -> None:
    path = tmp_path / "sodan.backup"
    backup(sqlite, None, path, datetime.now(UTC))
    assert path.stat().st_mode & 0o777 == 0o600
    not_there = tmp_path / "no" / "folder"
    for wrong, why in ((path, "exists already"), (not_there, "cannot be written"), (path / "x", "Not a directory")):
        with pytest.raises(Refused, match=why):
            backup(sqlite, None, wrong, datetime.now(UTC))
    assert sorted(one.name for one in tmp_path.iterdir() if one.name.startswith("sodan.b")) == ["sodan.backup"]


def _lost_connection() -> Iterator[list[int]]:
    yield [1]
    raise ConnectionResetError("the database closed the connection")


def test_an_error_of_the_database_is_not_called_an_error_of_the_backup_file(tmp_path: Path) -> None:
    manifest = Manifest(FORMAT, "1", "2026-03-02T00:00:00+00:00", "sodan")
    with pytest.raises(ConnectionResetError), writing(tmp_path / "sodan.backup", manifest) as archive:
        archive.table("spool", ["id"], _lost_connection())
    assert list(tmp_path.iterdir()) == []


def test_a_restore_takes_only_whole_backups_and_only_empty_databases(sqlite: Database, tmp_path: Path) -> None:
    receive(sqlite, _mails(0, 6), datetime.now(UTC))
    path = tmp_path / "sodan.backup"
    backup(sqlite, None, path, datetime.now(UTC))
    with pytest.raises(Refused, match="not empty"):
        restore(sqlite, None, path)
    elsewhere = Database(f"sqlite:///{tmp_path}/elsewhere/sodan.db")
    whole = path.read_bytes()
    at = whole.index(b"tables/spool.jsonl.zst") + 200
    for broken in (whole[:at] + b"XXXX" + whole[at + 4 :], whole[:-50], b"", b"no archive"):
        path.write_bytes(broken)
        with pytest.raises(Refused, match=r"damaged|not a backup"):
            restore(elsewhere, None, path)
    with zipfile.ZipFile(io.BytesIO(whole)) as complete, zipfile.ZipFile(path, "w") as lacking:
        for name in complete.namelist():
            if "spool" not in name:
                lacking.writestr(name, complete.read(name))
    with pytest.raises(Refused, match="damaged in tables/spool"):
        restore(elsewhere, None, path)
    path.write_bytes(whole)
    assert restore(elsewhere, None, path).ledger.waiting == 6
    elsewhere.close()


def test_what_people_set_and_what_points_forward_comes_back_and_days_too(
    database: Database, elsewhere: Database, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    case: dict[str, Any] = {"status": "open", "priority": "P3", "kind": "incident", "vendor_refs": [], "missing": []}
    case |= {"document": {"a": None}, "opened_at": now, "updated_at": now}

    def put(conn: Connection) -> None:
        merged = {"id": 7, "set_by_people": {"title": "題"}, "merged_into": None}
        conn.execute(insert(tables.cases), {**case, **merged})
        conn.execute(insert(tables.cases), {**case, "id": 3, "set_by_people": {}, "merged_into": 7})
        outbox.begin_daily(conn, "digest", now.date())
        second_readings.spend(conn, now.date(), requests=2, seconds=1.5)

    def rows(conn: Connection) -> list[Any]:
        kept = (tables.cases, tables.daily_jobs, tables.model_usage)
        return [tuple(row) for table in kept for row in conn.execute(select(table).order_by(table.c[0]))]

    database.transact(put)
    backup(database, None, tmp_path / "b", now)
    restore(elsewhere, None, tmp_path / "b")
    assert elsewhere.read(rows) == database.read(rows)


def test_a_restored_copy_sends_no_mail_and_tells_no_webhook_until_its_owner_says_so(
    database: Database, elsewhere: Database, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    later = now + timedelta(days=9)
    draft = outbox.Draft("acknowledgement", "aiko@corp.example", "Re: Portal", "We have received your message.")

    def put(conn: Connection) -> None:
        for _ in range(2):
            outbox.write(conn, draft, state="waiting", now=now)
            outbox.claim(conn, "sender of the original", now, timedelta(minutes=5))
        webhooks.create(conn, SecretBox(tmp_path / "key"), "https://hooks.example/a", [], now)
        conn.execute(insert(tables.events), {"kind": "case.opened", "at": now, "data": {}})

    def mail_is_due(conn: Connection) -> bool:
        return outbox.anything_due(conn, later)

    def webhook_is_due(conn: Connection) -> bool:
        return webhooks.any_due(conn, later)

    database.transact(put)
    assert database.read(webhook_is_due)
    backup(database, None, tmp_path / "copy.backup", now)
    restore(elsewhere, None, tmp_path / "copy.backup")
    assert not elsewhere.read(mail_is_due)
    elsewhere.transact(lambda conn: outbox.discard(conn, 2, "mika", now))
    elsewhere.transact(lambda conn: outbox.send_again(conn, 1, "mika", now))
    assert elsewhere.read(mail_is_due)
    assert not elsewhere.read(webhook_is_due)
    assert (elsewhere.read(webhooks.held), database.read(webhooks.held)) == (["https://hooks.example/a"], [])
    assert elsewhere.transact(lambda conn: webhooks.enable_held(conn, later)) == 1
    # what the original told already is not told again, what comes is
    assert not elsewhere.read(webhook_is_due)
    elsewhere.transact(lambda conn: conn.execute(insert(tables.events), {"kind": "x", "at": later, "data": {}}))
    assert elsewhere.read(webhook_is_due)
