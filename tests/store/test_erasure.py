"""A person who was erased is in no table, file or index: looked for in the bytes of everything on the disk."""

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
from service.store import compaction, contents, spool, spool_view, tables
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
from tests.store.desk import holding, on_statements
from tests.store.test_retention import bucket

ADDRESS = "wakana.ebisu@corp.example"
NAMES = ("恵比寿 若菜", "恵比寿", "Wakana Ebisu")
MASK = Mask(ADDRESS, NAMES, "x9q4")
TRACES = ("wakana", "ebisu", "恵比寿", "若菜")
NEEDLES = [trace.encode(name) for trace in TRACES for name in ("utf-8", "utf-16-le", "cp932", "euc_jp", "iso2022_jp")]
"""No part of the person may be found anywhere: in no charset, and not as terms of the index."""


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


def _fill(database: Database, context: AppContext, shelf: BlobWriter) -> list[str]:
    envelope = Envelope("smtp", ADDRESS, ("intake@corp.example",), "192.0.2.1", "pc.corp.example")
    ids = receive(database, [(envelope, mail) for mail in _mails()], datetime.now(UTC))
    take_in(database, context, blobs=shelf)
    return ids


def _found(folder: Path) -> list[str]:
    """Where on the disk a trace is."""
    return holding(folder, *NEEDLES)


def _erase(database: Database, shelf: BlobWriter | None = None, *, apply: bool = True) -> ErasureResult:
    return erase(database, shelf or BlobWriter(), MASK, datetime.now(UTC), apply=apply)


def _is_sound(database: Database, outside: BlobStore, ids: list[str]) -> None:
    """Nothing is missing, changed or left over, and the mail that names nobody is as it was."""
    assert list(contents.check(database, outside)) == []
    assert contents.find_inconsistencies(database, outside, datetime.now(UTC) + 2 * contents.YOUNG) == ([], [])
    assert contents.content(database, outside, ids[3]) == _mails()[3]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Postgres]:
    """One of its own, since all its files are looked through; the parameter are lines of its configuration."""
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
    """What lies outside the database, unpacked, in small letters."""
    return {key: decompress(store.get(key) or b"").lower() for key in dict(store.keys())}


def _erased_everywhere(
    database: Database, folder: Path, outside: BlobStore, context: AppContext, settings: Settings
) -> None:
    shelf = BlobWriter(outside, 10_000)
    ids = _fill(database, context, shelf)
    if database.postgresql:
        _sql(database, "ANALYZE", "CHECKPOINT")  # so the planner knows the person too
    keys = {key for key, content in _outside(outside).items() if any(needle in content for needle in NEEDLES)}
    places = _found(folder)
    assert keys
    assert len(places) >= 4
    assert any(re.match(r"[0-9A-F]{24}:|sodan\.db-wal:", place) for place in places), "the log tells too"
    assert database.read(partial(names_of, address=ADDRESS)) == ["恵比寿 若菜"]
    if database.postgresql:
        _sql(database, "SELECT pg_switch_wal()", "CHECKPOINT")  # segments that name the person become later ones

    looked = _erase(database, shelf, apply=False)
    assert (len(looked.mails), looked.rows["spool.mail_from"]) == (4, 5)
    assert len(_found(folder)) >= 4

    erased = _erase(database, shelf)
    assert (len(erased.mails), erased.left, erased.remains) == (4, 0, Remains())
    assert _found(folder) == []
    assert not _outside(outside).keys() & keys
    assert not any(needle in content for needle in NEEDLES for content in _outside(outside).values())

    assert database.read(spool_view.ledger).balanced
    _is_sound(database, outside, ids)
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
def test_no_byte_of_an_erased_person_is_left_on_a_server(
    server: Postgres, tmp_path: Path, context: AppContext, settings: Settings
) -> None:
    """In no file of the whole server: neither under ``base`` nor in the write-ahead log nor in what it said itself."""
    database = Database(server.create("erase"))
    migrate(database)
    _erased_everywhere(database, server.folder, Folder(tmp_path), context, settings)
    database.close()


@pytest.mark.long
def test_who_has_to_do_what_about_the_log_is_said(
    server: Postgres, context: AppContext, settings: Settings, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """A role that may not; then it may, but a reader of the log is away; then nobody reads it."""
    administrator = Database(server.create("erase"))
    _sql(administrator, "CREATE ROLE intake LOGIN", "ALTER DATABASE erase OWNER TO intake")
    database = Database(server.url("erase").replace("postgres@", "intake@"))
    migrate(database)
    _fill(database, context, BlobWriter())

    def erased() -> tuple[int, dict[str, Any], str]:
        capfd.readouterr()
        status = erase_person(settings, database, ADDRESS, NAMES, (), apply=True)
        told = capfd.readouterr()
        return status, json.loads(told.out), told.err

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


def test_the_certificate_names_nobody_and_counts_everything(
    sqlite: Database, context: AppContext, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    _fill(sqlite, context, BlobWriter())
    capfd.readouterr()  # what the worker logged
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
    """Placing changes cases, then messages. It begins after the first message was erased, before its case is marked."""
    _fill(database, context, BlobWriter())
    other = Database(database.url.render_as_string(hide_password=False))
    begun: list[Future[None]] = []
    changed = threading.Event()

    def place(conn: Connection) -> None:
        one_at_a_time(conn)
        conn.execute(update(tables.cases).values(version=tables.cases.c.version + 1))
        changed.set()
        conn.execute(update(tables.messages).values(deliveries=tables.messages.c.deliveries + 1))

    with ThreadPoolExecutor() as crew:

        def begin(_conn: object, _cursor: object, statement: str, *_: object) -> None:
            if re.match('UPDATE messages SET "?indexed', statement) and not begun:
                begun.append(crew.submit(other.transact, place))
                changed.wait(1)

        with on_statements("after", begin):
            assert _erase(database).left == 0
    other.close()
    assert [one.result() for one in begun] == [None]


def test_a_mail_in_a_workers_hand_is_left_to_it_and_found_by_the_next_time(
    database: Database, context: AppContext
) -> None:
    """Replaced beneath the worker, it would be taken in as it was, with another checksum than its own."""
    envelope = Envelope("smtp", "boss@corp.example", ("intake@corp.example",), peer="127.0.0.1")
    [id] = receive(database, [(envelope, _mails()[2])], datetime.now(UTC))
    assert database.transact(lambda conn: spool.claim(conn, "w", datetime.now(UTC), timedelta(seconds=60), 9)) != []
    erased = _erase(database)
    assert (erased.mails, erased.left) == ([], 1)
    assert contents.content(database, None, id) == _mails()[2]
    database.transact(lambda conn: spool.release(conn, "w"))
    take_in(database, context)
    erased = _erase(database)
    assert (len(erased.mails), erased.left) == (1, 0)
    assert b"Wakana" not in contents.content(database, None, id)
