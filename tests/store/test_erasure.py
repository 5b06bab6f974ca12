"""A person who was erased is in no table, file or index: looked for in the bytes of everything on the disk."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.header import Header
from pathlib import Path

import pytest
from sqlalchemy import text

from service.intake import House, receive
from service.mail.masking import Mask
from service.settings import Settings
from service.store import contents, search, spool
from service.store.contents import Shelf
from service.store.database import Database
from service.store.erasure import erase, names_of
from service.store.outside import Folder
from service.store.packing import unpack
from service.store.spool import Envelope
from service.terminal.erasing import erase_person
from service.worker import Worker
from tests.postgres import Postgres
from tests.running import running

ADDRESS = "wakana.ebisu@corp.example"
TRACES = ("wakana", "ebisu", "恵比寿", "若菜")
"""No part of the person may be found anywhere: not in UTF-8, not in UTF-16, not as terms of the index."""


def _mail(number: int, sender: str, text: str, *more: str) -> bytes:
    head = [
        f"From: {sender}",
        "To: intake@corp.example",
        f"Message-ID: <erase{number}@corp.example>",
        f"Date: Mon, 02 Mar 2026 09:0{number}:00 +0900",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        *more,
    ]
    return "\r\n".join([*head, "", base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")]).encode()


def _mails() -> list[bytes]:
    person = f"{Header('恵比寿 若菜', 'iso-2022-jp').encode()} <{ADDRESS}>"
    subject = f"Subject: {Header('恵比寿若菜の VPN が切れます', 'utf-8').encode()}"
    long = "ログ 0123456789\n" * 2000
    return [
        _mail(1, person, f"恵比寿です。VPN が切れます。エラー 0x80070005\n\n恵比寿　若菜\n{ADDRESS}\n{long}", subject),
        _mail(
            2,
            "IT <it@corp.example>",
            f"恵比寿 若菜 様\n\nログをください。\n\n> From: {ADDRESS}",
            f"Cc: {person}",
            "In-Reply-To: <erase1@corp.example>",
            "Subject: Re: VPN",
        ),
        _mail(3, "Boss <boss@corp.example>", "Wakana Ebisu cannot work. Please hurry.", "Subject: VPN"),
        _mail(4, "Other <other@corp.example>", "プリンターが動きません。", "Subject: printer"),
        _mail(
            5,
            "IT <it@corp.example>",
            f"対応します。\n\nOn Mon, 2 Mar 2026 at 09:01, 恵比寿 若菜 <{ADDRESS}> wrote:\n"
            "> 恵比寿です。VPN が切れます。エラー 0x80070005\n> Asked by Wakana Ebisu of Sales\n",
            "Subject: about the VPN",
        ),
    ]


def _fill(database: Database, house: House, shelf: Shelf) -> list[str]:
    envelope = Envelope("smtp", ADDRESS, ("intake@corp.example",), "192.0.2.1", "pc.corp.example")
    ids = receive(database, [(envelope, mail) for mail in _mails()], datetime.now(UTC))
    worker = Worker(
        database, house, by="w", batch=9, lease=timedelta(seconds=60), clock=lambda: datetime.now(UTC), shelf=shelf
    )
    while worker.step():
        pass
    while search.index_pending(database):
        pass
    return ids


def _found(folder: Path) -> list[str]:
    """Where on the disk a trace is."""
    needles = [trace.encode(name) for trace in TRACES for name in ("utf-8", "utf-16-le", "cp932", "euc_jp")]
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and "pg_wal" not in path.parts:
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                continue  # the server drops and renames files while we look
            packed = [unpack(raw)] if path.suffix == ".zst" else []
            found += [f"{path.name}: {n!r}" for n in needles for b in (raw, *packed) if n in b.lower()]
    return found


def _mask() -> Mask:
    return Mask(ADDRESS, ["恵比寿 若菜", "Wakana Ebisu", "恵比寿"], "x9q4")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_byte_of_an_erased_person_is_left(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, house: House, settings: Settings
) -> None:
    if kind == "sqlite":
        database: Database = request.getfixturevalue("sqlite")
        folder = tmp_path
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = f"erase_{tmp_path.name[-20:]}_{id(request)}"
        database = Database(server.create(name, template=request.getfixturevalue("template")))
        number = database.read(
            lambda conn: conn.execute(text("SELECT oid FROM pg_database WHERE datname = :n"), {"n": name}).scalar()
        )
        folder = server.data / "base" / str(number)
    outside = Folder(tmp_path / "contents")
    shelf = Shelf(outside, 10_000)
    ids = _fill(database, house, shelf)
    if kind == "postgresql":
        database.transact_alone(lambda conn: conn.execute(text("CHECKPOINT")))
    assert len(_found(folder)) >= 4
    assert names_of(database, ADDRESS) == ["恵比寿 若菜"]

    looked = erase(database, shelf, _mask(), apply=False)
    assert (len(looked.mails), looked.rows["spool.mail_from"]) == (4, 5)
    assert len(_found(folder)) >= 4

    erased = erase(database, shelf, _mask(), apply=True)
    assert (len(erased.mails), erased.left) == (4, 0)
    if kind == "postgresql":
        database.transact_alone(lambda conn: conn.execute(text("CHECKPOINT")))
    assert _found(tmp_path) == []
    assert _found(folder) == []

    assert database.read(spool.ledger).balanced
    assert list(contents.check(database, outside)) == []
    assert contents.astray(database, outside, datetime.now(UTC) + 2 * contents.YOUNG) == ([], [])
    assert contents.content(database, outside, ids[3]) == _mails()[3]
    with running(database, house, settings) as service:
        cases = service.get("/api/cases")["items"]
        assert len(cases) >= 2
        assert service.get("/api/cases", q="0x80070005")["items"]
        assert not service.get("/api/cases", q="若菜")["items"]
        assert service.get("/api/cases", q="プリンター")["items"]
    database.close()
    if kind == "postgresql":
        server.drop(name)


def test_the_certificate_names_nobody_and_counts_everything(
    sqlite: Database, house: House, settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    _fill(sqlite, house, Shelf())
    capfd.readouterr()  # what the worker logged
    look = erase_person(settings, sqlite, ADDRESS, (), ("恵比寿", "Wakana Ebisu"), apply=False, now=datetime.now(UTC))
    assert look == 0
    assert json.loads(capfd.readouterr().out)["done"] is False
    assert (
        erase_person(settings, sqlite, ADDRESS, (), ("恵比寿", "Wakana Ebisu"), apply=True, now=datetime.now(UTC)) == 0
    )
    written = capfd.readouterr().out
    certificate = json.loads(written)
    assert (certificate["done"], certificate["left"], len(certificate["mails"])) == (True, 0, 4)
    assert certificate["rows"]["messages.author_address"] >= 1
    assert not any(trace in written for trace in TRACES)
    erase_person(settings, sqlite, ADDRESS, ("恵比寿 若菜",), (), apply=False, now=datetime.now(UTC))
    assert json.loads(capfd.readouterr().out)["rows"] == {}
