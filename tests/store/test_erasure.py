"""Erasure of a person: afterwards, no file on the disk contains the person's address or names."""

import base64
import json
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.header import Header
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from service.cli.deletion import erase_person
from service.intake import AppContext, receive
from service.mail.masking import Mask
from service.settings import Settings
from service.store import compaction, contents, queues, spool, spool_view, tables
from service.store.blob_store import BlobStore, Folder
from service.store.compaction import Remains
from service.store.compression import decompress
from service.store.contents import BlobWriter
from service.store.database import Connection, Database, one_at_a_time
from service.store.erasure import ErasureResult, erase, names_of
from service.store.migrate import migrate
from service.store.spool import Envelope
from tests.postgres import Postgres
from tests.running import running, take_in
from tests.store.desk import deliver, files_with, on_statements
from tests.store.test_retention import bucket

ADDRESS = "wakana.ebisu@corp.example"
NAMES = ("恵比寿 若菜", "恵比寿", "Wakana Ebisu")
MASK = Mask(ADDRESS, NAMES, "x9q4")
TRACES = ("wakana", "ebisu", "恵比寿", "若菜")
NEEDLES = [trace.encode(name) for trace in TRACES for name in ("utf-8", "utf-16-le", "cp932", "euc_jp", "iso2022_jp")]
"""Bytes that must not be found afterwards: the traces in each charset."""


def _mail(number: int, sender: str, text: str, *more: str) -> bytes:
    head = (
        f"From: {sender}\nTo: intake@corp.example\nMessage-ID: <erase{number}@corp.example>\n"
        f"Date: Mon, 02 Mar 2026 09:0{number}:00 +0900\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64"
    )
    return "\n".join([head, *more, "", base64.encodebytes(text.encode()).decode()]).replace("\n", "\r\n").encode()


def _mails() -> list[bytes]:
    person = f"{Header('恵比寿 若菜', 'iso-2022-jp').encode()} <{ADDRESS}>"
    subject = f"Subject: {Header('恵比寿若菜の VPN が切れます', 'utf-8').encode()}"
    report = f"恵比寿です。VPN が切れます。エラー 0x80070005\n\n恵比寿　若菜\n{ADDRESS}\n" + "ログ 0123456789\n" * 2000
    ask = f"恵比寿 若菜 様\n\nログをください。\n\n> From: {ADDRESS}"
    quoting = (
        f"対応します。\n\nOn Mon, 2 Mar 2026 at 09:01, 恵比寿 若菜 <{ADDRESS}> wrote:\n"
        "> 恵比寿です。VPN が切れます。エラー 0x80070005\n> Asked by Wakana Ebisu of Sales\n"
    )
    reply = ("In-Reply-To: <erase1@corp.example>", "Subject: Re: VPN")
    return [
        _mail(1, person, report, subject),
        _mail(2, "IT <it@corp.example>", ask, f"Cc: {person}", *reply),
        _mail(3, "Boss <boss@corp.example>", "Wakana Ebisu cannot work. Please hurry.", "Subject: VPN"),
        _mail(4, "Other <other@corp.example>", "プリンターが動きません。", "Subject: printer"),
        _mail(5, "IT <it@corp.example>", quoting, "Subject: about the VPN"),
    ]


def _fill(database: Database, context: AppContext, writer: BlobWriter) -> list[str]:
    envelope = Envelope("smtp", ADDRESS, ("intake@corp.example",), "192.0.2.1", "pc.corp.example")
    return deliver(database, context, *_mails(), at=datetime.now(UTC), envelope=envelope, blobs=writer)


def _found(folder: Path) -> list[str]:
    """Return the files that contain a trace."""
    return files_with(folder, *NEEDLES)


def _erase(database: Database, writer: BlobWriter | None = None, *, apply: bool = True) -> ErasureResult:
    return erase(database, writer or BlobWriter(), MASK, datetime.now(UTC), apply=apply)


def _check_consistency(database: Database, outside: BlobStore, ids: list[str]) -> None:
    """No raw mail is missing or damaged, and the mail of another person is unchanged."""
    assert list(contents.check(database, outside)) == []
    assert contents.find_inconsistencies(database, outside, datetime.now(UTC) + 2 * contents.YOUNG) == ([], [])
    assert contents.content(database, outside, ids[3]) == _mails()[3]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """A separate server, because all its files are searched. The parameter: lines of its configuration."""
    own = Postgres(Path(tempfile.mkdtemp(prefix="sodan-erase-")) / "pg", settings=getattr(request, "param", ""))
    own.folder.parent.chmod(0o755)
    own.start()
    yield own
    own.stop()
    shutil.rmtree(own.folder.parent)


def _sql(database: Database, *statements: str) -> None:
    for statement in statements:
        database.transact_alone(lambda conn, statement=statement: conn.execute(text(statement)))  # type: ignore[misc]


def _outside(store: BlobStore) -> dict[str, bytes]:
    """Return key → mail in external storage, decompressed, in lower case."""
    return {key: decompress(store.get(key) or b"").lower() for key in dict(store.keys())}


def _erased_everywhere(
    database: Database, folder: Path, outside: BlobStore, context: AppContext, settings: Settings
) -> None:
    writer = BlobWriter(outside, 10_000)
    ids = _fill(database, context, writer)
    if database.postgresql:
        _sql(database, "ANALYZE", "CHECKPOINT")  # so that the planner statistics contain the person
    keys = {key for key, content in _outside(outside).items() if any(needle in content for needle in NEEDLES)}
    places = _found(folder)
    assert keys
    assert len(places) >= 4
    assert any(re.match(r"[0-9A-F]{24}:|sodan\.db-wal:", place) for place in places), (
        "the write-ahead log contains the person"
    )
    assert database.read(partial(names_of, address=ADDRESS)) == ["恵比寿 若菜"]
    if database.postgresql:
        _sql(database, "SELECT pg_switch_wal()", "CHECKPOINT")  # so that segments with the person are renamed

    searched = _erase(database, writer, apply=False)
    assert (len(searched.mails), searched.rows["spool.mail_from"]) == (4, 5)
    assert len(_found(folder)) >= 4

    erased = _erase(database, writer)
    assert (len(erased.mails), erased.left, erased.remains) == (4, 0, Remains())
    assert _found(folder) == []
    assert not _outside(outside).keys() & keys
    assert not any(needle in content for needle in NEEDLES for content in _outside(outside).values())

    assert database.read(spool_view.ledger).balanced
    _check_consistency(database, outside, ids)
    with running(database, context, settings) as service:
        cases = service.get("/api/cases")["items"]
        assert len(cases) >= 2
        assert service.get("/api/cases", q="0x80070005")["items"]
        assert not service.get("/api/cases", q="若菜")["items"]
        assert service.get("/api/cases", q="プリンター")["items"]


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_no_byte_of_an_erased_person_is_left(
    sqlite: Database, tmp_path: Path, context: AppContext, settings: Settings, request: pytest.FixtureRequest, kind: str
) -> None:
    in_bucket = kind == "s3"
    outside = bucket(request.getfixturevalue("s3"), tmp_path.name) if in_bucket else Folder(tmp_path / "contents")
    _erased_everywhere(sqlite, tmp_path, outside, context, settings)


@pytest.mark.long
@pytest.mark.parametrize(
    "server",
    ["", *(pytest.param(line, marks=pytest.mark.soak) for line in ("wal_recycle = off", "wal_keep_size = 48MB"))],
    indirect=True,
)
def test_no_byte_of_an_erased_person_is_left_on_a_postgresql_server(
    server: Postgres, tmp_path: Path, context: AppContext, settings: Settings
) -> None:
    """Search all files of the server, also the write-ahead log and its own log."""
    database = Database(server.create("erase"))
    migrate(database)
    _erased_everywhere(database, server.folder, Folder(tmp_path), context, settings)
    database.close()


@pytest.mark.long
def test_the_certificate_says_what_to_do_if_the_write_ahead_log_stays(
    server: Postgres, context: AppContext, settings: Settings, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """First the role lacks a permission, then a replication slot keeps the log, then nothing keeps it."""
    administrator = Database(server.create("erase"))
    _sql(administrator, "CREATE ROLE intake LOGIN", "ALTER DATABASE erase OWNER TO intake")
    database = Database(server.url("erase").replace("postgres@", "intake@"))
    migrate(database)
    _fill(database, context, BlobWriter())

    def erased() -> tuple[int, dict[str, Any], str]:
        capfd.readouterr()
        status = erase_person(settings, database, ADDRESS, NAMES, (), apply=True)
        printed = capfd.readouterr()
        return status, json.loads(printed.out), printed.err

    status, certificate, said = erased()
    [remains] = certificate["remains"]
    assert (status, certificate["left"]) == (1, 0)
    assert "pg_wal" in remains
    assert remains in said
    assert _found(server.data / "base") == []
    assert _found(server.data / "pg_wal") != []
    grants = re.findall(r"GRANT .*?;", remains)
    assert len(grants) == 2

    _sql(administrator, *grants, "SELECT pg_create_physical_replication_slot('standby', true)")
    monkeypatch.setattr(compaction, "BUSY_SECONDS", 0.1)
    status, certificate, said = erased()
    [remains] = certificate["remains"]
    assert (status, "replication slot standby" in remains) == (1, True)
    assert _found(server.data / "pg_wal") != []

    _sql(administrator, "SELECT pg_drop_replication_slot('standby')")
    monkeypatch.undo()
    status, certificate, said = erased()
    assert (status, certificate["remains"], "may remain in" in said) == (0, [], False)
    assert _found(server.folder) == []

    for one in (database, administrator):
        one.close()


def test_the_certificate_contains_counts_but_no_name(
    sqlite: Database, context: AppContext, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    _fill(sqlite, context, BlobWriter())
    capfd.readouterr()  # discard the log of the worker
    assert erase_person(settings, sqlite, ADDRESS, NAMES, (), apply=False) == 0
    assert json.loads(capfd.readouterr().out)["done"] is False
    assert erase_person(settings, sqlite, ADDRESS, NAMES, (), apply=True) == 0
    written = capfd.readouterr().out
    certificate = json.loads(written)
    assert (certificate["done"], certificate["left"], len(certificate["mails"])) == (True, 0, 4)
    assert certificate["rows"]["messages.author_address"] >= 1
    assert not any(trace in written for trace in TRACES)
    erase_person(settings, sqlite, ADDRESS, ("恵比寿 若菜",), (), apply=False)
    assert json.loads(capfd.readouterr().out)["rows"] == {}


def test_erasing_and_placing_do_not_block_each_other(database: Database, context: AppContext) -> None:
    """Placing updates cases, then messages. It begins after the first message was erased."""
    _fill(database, context, BlobWriter())
    other = Database(database.url.render_as_string(hide_password=False))
    begun: list[Future[None]] = []
    changed = threading.Event()

    def place(conn: Connection) -> None:
        one_at_a_time(conn)
        conn.execute(update(tables.cases).values(version=tables.cases.c.version + 1))
        changed.set()
        conn.execute(update(tables.messages).values(deliveries=tables.messages.c.deliveries + 1))

    with ThreadPoolExecutor() as threads:

        def begin(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            if re.match('UPDATE messages SET "?indexed', statement) and not begun:
                begun.append(threads.submit(other.transact, place))
                changed.wait(1)

        with on_statements("after", begin):
            assert _erase(database).left == 0
    other.close()
    assert [one.result() for one in begun] == [None]


def test_a_mail_that_a_worker_leases_is_erased_by_the_next_run(database: Database, context: AppContext) -> None:
    """Otherwise the worker would store the old mail with the checksum of the new one."""
    envelope = Envelope("smtp", "boss@corp.example", ("intake@corp.example",), peer="127.0.0.1")
    [id] = receive(database, [(envelope, _mails()[2])], datetime.now(UTC))
    assert database.transact(lambda conn: spool.claim(conn, "w", datetime.now(UTC), timedelta(seconds=60), 9)) != []
    erased = _erase(database)
    assert (erased.mails, erased.left) == ([], 1)
    assert contents.content(database, None, id) == _mails()[2]
    database.transact(lambda conn: queues.release(conn, tables.spool, "w"))
    take_in(database, context)
    erased = _erase(database)
    assert (len(erased.mails), erased.left) == (1, 0)
    assert b"Wakana" not in contents.content(database, None, id)
