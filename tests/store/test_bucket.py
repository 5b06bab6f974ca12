"""Big mails in a bucket: what is kept no longer goes there too, and an erased person; a backup brings it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from service.errors import Unavailable
from service.intake import AppContext
from service.settings import load
from service.store import contents, spool_view, tables
from service.store.backup import backup, restore
from service.store.blob_store import BlobStore, Folder, blob_store_of
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.erasure import erase
from service.store.packing import unpack
from service.store.retention import DeletedCounts
from tests.running import take_in
from tests.store.test_erasure import TRACES, _fill, _mails, _mask
from tests.store.test_retention import LATER, LONG, RAW, THEN, WHOLE, Site, _mail


def bucket(endpoint: str, place: str) -> BlobStore:
    made = blob_store_of(
        load(content_store=f"s3://mails/{place}", s3_endpoint=endpoint, s3_access_key="k", s3_secret_key="s")
    )
    assert made is not None
    return made


@pytest.fixture
def kept(s3: str, tmp_path: Path) -> BlobStore:
    return bucket(s3, tmp_path.name)


@pytest.fixture
def site(database: Database, context: AppContext, tmp_path: Path, kept: BlobStore) -> Site:
    return Site(database, context, tmp_path, kept)


def test_raw_mails_go_from_the_bucket_and_a_copy_that_is_needed_stays(site: Site) -> None:
    big, other, small, still_open = site.give(
        _mail(1, LONG), _mail(2, LONG), _mail(3, "The quokka jams."), _mail(4, "The lift stands.")
    )
    again = site.give(_mail(1, LONG))[0]
    site.work()
    assert len(list(site.outside.keys())) == 2
    site.close(site.case_of("<keep1@corp.example>"), site.case_of("<keep3@corp.example>"))
    assert site.go(RAW, THEN + timedelta(days=29)) == DeletedCounts()
    assert site.go(RAW) == DeletedCounts(mails=3)
    assert [site.kept(id) for id in (big, again, small, other, still_open)] == [False, False, False, True, True]
    assert len(list(site.outside.keys())) == 1
    assert site.sound()
    assert site.go(RAW) == DeletedCounts()


def test_whole_cases_go_with_what_is_in_the_bucket(site: Site) -> None:
    site.give(_mail(1, LONG), _mail(2, LONG), _mail(3, "The lift stands."))
    site.work()
    site.close(site.case_of("<keep1@corp.example>"), site.case_of("<keep2@corp.example>"))
    assert site.go(WHOLE) == DeletedCounts(2, 2, 2)
    assert list(site.outside.keys()) == []
    assert site.sound()


def test_a_bucket_that_does_not_answer_is_asked_again_the_next_time(site: Site, kept: BlobStore) -> None:
    [id] = site.give(_mail(1, LONG))
    site.work()
    site.close(1)
    site.give(_mail(2, "The lift stands."))
    site.work()
    site.outside = bucket("http://127.0.0.1:1", "nowhere")
    for terms in (RAW, WHOLE):
        with pytest.raises(Unavailable):
            site.go(terms)
    assert len(list(kept.keys())) == 1
    site.outside = kept
    assert not site.kept(id)
    assert site.go(WHOLE) == DeletedCounts(1, 1, 1)
    assert list(kept.keys()) == []
    assert site.sound()


def test_no_object_of_an_erased_person_is_left_in_the_bucket(
    database: Database, context: AppContext, kept: BlobStore, s3: str, tmp_path: Path
) -> None:
    shelf = BlobWriter(kept, 10_000)
    ids = _fill(database, context, shelf)
    needles = [trace.encode(name) for trace in TRACES for name in ("utf-8", "utf-16-le", "cp932", "iso2022_jp")]

    def found() -> list[bytes]:
        """In every object under every name, as it is and unpacked, and in what the rows hold."""
        keys = sorted(dict(kept.keys()))
        raw = [content for key in keys if (content := kept.get(key)) is not None]
        inside = select(tables.contents.c.bytes)
        rows = database.read(lambda conn: [bytes(one) for one in conn.execute(inside).scalars()])
        packed = [unpack(one) for one in (*raw, *rows) if one]
        return [needle for needle in needles for one in (*raw, *packed) if needle in one.lower()]

    before = sorted(dict(kept.keys()))
    assert before
    assert found()
    assert erase(database, shelf, _mask(), datetime.now(UTC), apply=True).left == 0
    assert found() == []
    after = sorted(dict(kept.keys()))
    assert len(after) == len(before)
    assert not set(after) & set(before)
    listing = httpx.get(f"{s3}/mails", params={"list-type": "2", "prefix": tmp_path.name}).text
    assert not any(key[2:] in listing for key in before)
    assert list(contents.check(database, kept)) == []
    assert contents.find_inconsistencies(database, kept, datetime.now(UTC) + 2 * contents.YOUNG) == ([], [])
    assert contents.content(database, kept, ids[3]) == _mails()[3]


@pytest.mark.parametrize("to", ["bucket", "folder", "database"])
def test_a_backup_of_a_bucket_is_restored_anywhere(
    database: Database, context: AppContext, kept: BlobStore, s3: str, tmp_path: Path, to: str
) -> None:
    site = Site(database, context, tmp_path, kept)
    mails = [_mail(n, LONG if n % 2 else "The lift stands.") for n in range(6)]
    ids = site.give(*mails)
    site.work()
    [waits] = site.give(_mail(9, LONG))
    assert len(list(kept.keys())) == 3
    manifest = backup(database, kept, tmp_path / "whole", THEN)
    assert (manifest.rows["spool"], manifest.missing) == (7, [])
    new: BlobStore | None = None
    if to != "database":
        new = bucket(s3, f"{tmp_path.name}-new") if to == "bucket" else Folder(tmp_path / "new")
    elsewhere = Database(f"sqlite:///{tmp_path}/elsewhere/sodan.db")
    assert restore(elsewhere, new, tmp_path / "whole").wrong == []
    assert [contents.content(elsewhere, new, id) for id in ids] == mails
    assert set(dict(new.keys() if new else ())) == (set(dict(kept.keys())) if new else set())
    assert list(contents.check(elsewhere, new)) == []
    take_in(elsewhere, context, LATER, blobs=BlobWriter(new, 10_000))
    assert contents.content(elsewhere, new, waits) == _mail(9, LONG)
    assert elsewhere.read(spool_view.ledger).taken_in == 7
    elsewhere.close()
