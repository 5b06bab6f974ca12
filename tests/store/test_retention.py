"""Retention: what is deleted with an inactive case, and what must stay."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from service import intake
from service.cli.deletion import run_retention
from service.errors import Conflict, NotFound, Unavailable
from service.intake import AppContext
from service.settings import Settings, load
from service.store import compaction, contents, corrections, spool_view, undo
from service.store.blob_store import BlobStore, Folder, blob_store_of, path_of
from service.store.contents import BlobWriter
from service.store.database import Connection, Database
from service.store.retention import (
    DAY_SECONDS,
    FIRST_SECONDS,
    Deleted,
    RetentionJob,
    Terms,
    due,
    remove_case,
    remove_due,
)
from service.store.tables import cases, deliveries, events, messages, metadata, spool
from service.store.tables import contents as raw
from tests.postgres import Postgres
from tests.running import running, take_in
from tests.store.desk import FROM_INSIDE, deliver, files_with, on_statements

THEN = datetime.now(UTC)
LATER = THEN + timedelta(days=40)
RAW = Terms.of_days(30, 0)
WHOLE = Terms.of_days(0, 30)
LONG = "quokka 0123456789\r\n" * 3000


SUBJECTS = "Anything|Scanner|Lamp|Lift|Door|Gate|Crane|Pump|Fan|Boiler|Ramp".split("|")  # without words in common


def _mail(number: int, words: str, *more: str) -> bytes:
    head = f"From: Ines <ines{number}@corp.example>\r\nTo: intake@corp.example\r\nSubject: {SUBJECTS[number]}"
    return "\r\n".join([head, f"Message-ID: <keep{number}@corp.example>", *more, "", words, ""]).encode()


def _with_attached(number: int) -> bytes:
    inner = _mail(number + 1, "The scanner hums since Monday.").decode()
    kind = "Content-Type: multipart/mixed; boundary=b"
    parts = f"--b\r\n\r\nSee there.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--"
    return _mail(number, parts, "MIME-Version: 1.0", kind)


class Site:
    """A database with a worker and external storage for large mails, at a time that the test chooses."""

    def __init__(self, database: Database, context: AppContext, folder: Path, outside: BlobStore | None = None) -> None:
        self.database, self.context, self.today = database, context, THEN
        self.outside: BlobStore = outside or Folder(folder / "contents")
        self.writer = BlobWriter(self.outside, 10_000)

    def receive(self, *mails: bytes) -> list[str]:
        return intake.receive(self.database, [(FROM_INSIDE, mail) for mail in mails], self.today)

    def work(self) -> None:
        take_in(self.database, self.context, self.today, blobs=self.writer)

    def take(self, *mails: bytes) -> list[str]:
        return deliver(self.database, self.context, *mails, at=self.today, blobs=self.writer)

    def correct(self, correction: Callable[..., Any], **given: Any) -> Any:
        """Make a correction and judge the changed cases again."""

        def correct(conn: Connection) -> Any:
            done = correction(conn, **given, who="rin", now=self.today)
            event = done[0] if isinstance(done, tuple) else done
            intake.rejudge(conn, corrections.changed_cases(conn, event), self.context, now=self.today)
            return done

        return self.database.transact(correct)

    def close(self, *numbers: int) -> None:
        for number in numbers:
            self.correct(corrections.set_by_person, number=number, wanted={"status": "closed"})

    def case_of(self, number: int) -> int:
        query = select(messages.c.case_id).where(messages.c.message_id == f"<keep{number}@corp.example>")
        return int(self.database.read(lambda conn: conn.execute(query).scalar_one()))

    def delete_due(self, terms: Terms, now: datetime = LATER) -> Deleted:
        deleted = Deleted()
        for some in due(self.database, terms, now):
            for one in some:
                deleted.update(remove_due(self.database, self.outside, one, now))
        return deleted

    def kept(self, id: str) -> bool:
        try:
            return bool(contents.content(self.database, self.outside, id))
        except NotFound:
            return False

    def is_consistent(self) -> bool:
        now = LATER + timedelta(days=1)
        return (
            self.database.read(spool_view.ledger).balanced
            and list(contents.check(self.database, self.outside)) == []
            and contents.find_inconsistencies(self.database, self.outside, now) == ([], [])
            and self.database.read(spool_view.done_without_message) == []
        )

    def move_attached_out(self, number: int) -> int:
        """Move the attached mail of ``_with_attached(number)`` to a new case: one raw mail, two cases."""
        query = select(messages.c.id).where(messages.c.message_id == f"<keep{number + 1}@corp.example>")
        message = self.database.read(lambda conn: conn.execute(query).scalar_one())
        return int(self.correct(corrections.move, message=message, to=None)[1])


@pytest.fixture
def site(request: pytest.FixtureRequest, database: Database, context: AppContext, tmp_path: Path) -> Site:
    """Parameter ``s3``: large mails are in a bucket, not in a folder."""
    in_bucket = getattr(request, "param", "folder") == "s3"
    outside = bucket(request.getfixturevalue("s3"), tmp_path.name) if in_bucket else None
    return Site(database, context, tmp_path, outside)


def bucket(endpoint: str, place: str, name: str = "mails") -> BlobStore:
    keys = {"s3_access_key": "k", "s3_secret_key": "s"}
    made = blob_store_of(load(content_store=f"s3://{name}/{place}", s3_endpoint=endpoint, **keys))
    assert made is not None
    return made


IN_BOTH = pytest.mark.parametrize("site", ["folder", "s3"], indirect=True)


@IN_BOTH
def test_raw_mails_of_closed_cases_are_deleted_and_their_text_stays(site: Site, settings: Settings) -> None:
    mails = (_mail(1, LONG), _mail(2, "The quokka jams."), _mail(3, "The lift stands."), _mail(1, LONG))
    big, small, still_open, again = site.take(*mails)
    site.close(site.case_of(1), site.case_of(2))
    [waits] = site.receive(_mail(1, LONG))
    assert site.delete_due(RAW, THEN + timedelta(days=29)) == Deleted()
    assert site.delete_due(RAW) == Deleted(mails=3)
    assert [site.kept(id) for id in (big, again, small, still_open, waits)] == [False, False, False, True, True]
    assert list(site.outside.keys()) == []
    assert site.is_consistent()
    assert site.delete_due(RAW) == Deleted()
    found = site.database.read(lambda conn: conn.execute(select(events.c.kind, events.c.data)).all())
    assert sum(row.data["mails"] for row in found if row.kind == "contents.removed") == 3
    with running(site.database, site.context, settings) as service:
        [message] = service.get("/api/messages", message_id="<keep2@corp.example>")["items"]
        assert "quokka jams" in message["text"]
        assert service.client.get(f"/api/messages/{message['id']}/raw").status_code == 404
        assert len(service.get("/api/cases", q="quokka")["items"]) == 2
    site.work()  # the waiting copy is a new raw mail, which stays
    assert site.kept(waits)
    assert site.is_consistent()


def test_a_raw_mail_that_also_belongs_to_an_open_case_stays(site: Site) -> None:
    [id] = site.take(_with_attached(5))
    other = site.move_attached_out(5)
    first = site.case_of(5)
    assert other != first
    site.take(_mail(9, "The lift stands."))
    site.close(first)
    assert site.delete_due(RAW) == Deleted()
    assert site.delete_due(WHOLE)["cases"] == 1
    assert site.kept(id)
    assert site.case_of(6) == other
    assert site.is_consistent()
    undone = select(events.c.id).where(events.c.kind == "message.moved")
    with pytest.raises(Conflict, match="was deleted"):
        site.database.transact(lambda c: undo.undo(c, c.execute(undone).scalar_one(), "rin", LATER))
    site.close(other)
    assert site.delete_due(RAW) == Deleted(mails=1)
    assert not site.kept(id)
    assert site.is_consistent()


@IN_BOTH
def test_an_interrupted_deletion_is_completed_by_the_next_run(site: Site, tmp_path: Path) -> None:
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    site.take(_mail(2, "The lift stands."))
    outside = site.outside
    for terms in (RAW, WHOLE):  # the external storage is not configured
        [[one]] = due(site.database, terms, LATER)
        assert remove_due(site.database, None, one, LATER) == Deleted()
    (tmp_path / "file").write_text("no folder")
    site.outside = Folder(tmp_path / "file") if isinstance(outside, Folder) else bucket("http://127.0.0.1:1", "nowhere")
    for terms in (RAW, WHOLE):
        with pytest.raises(Unavailable):
            site.delete_due(terms)
        assert not site.kept(id)
    site.outside = outside
    assert len(list(outside.keys())) == 1
    assert site.delete_due(WHOLE) == Deleted(cases=1, messages=1, mails=1)
    assert list(outside.keys()) == []
    assert site.is_consistent()


@pytest.mark.parametrize("kept_by", ["a row", "its age"])
def test_a_file_that_another_mail_uses_or_is_about_to_use_stays(site: Site, tmp_path: Path, kept_by: str) -> None:
    """The same bytes arrived twice. They are one file."""
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    site.take(_mail(2, "The lift stands."))
    [(key, _)] = site.outside.keys()
    if kept_by == "a row":
        site.database.transact(partial(_again, id=id))
    else:
        os.utime(tmp_path / "contents" / path_of(key), (LATER.timestamp(), LATER.timestamp()))
    site.delete_due(RAW)
    assert [name for name, _ in list(site.outside.keys())] == [key]
    assert (site.kept(id), kept_by == "a row" and site.kept("twin")) == (False, kept_by == "a row")


def _again(conn: Connection, id: str) -> None:
    for table in (metadata.tables["spool"], metadata.tables["contents"]):
        row = conn.execute(select(table).where(table.c.id == id)).mappings().one()
        conn.execute(table.insert().values({**row, "id": "twin"}))


def test_no_byte_of_a_deleted_case_is_left(site: Site, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database, folder = site.database, tmp_path
    if database.postgresql:
        server: Postgres = request.getfixturevalue("postgres")
        query = text("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = server.data / "base" / str(database.read(lambda conn: conn.execute(query).scalar()))

    def is_stored(word: bytes) -> bool:
        if database.postgresql:
            database.transact_alone(lambda conn: conn.execute(text("CHECKPOINT")))
        return files_with(folder, word) + files_with(tmp_path, word) != []

    words = (LONG, "A numbat broke the scanner.", "The lift stands.", "Lift, numbat too.")
    site.take(*(_mail(number, text) for number, text in enumerate(words, start=1)))
    one, part, lift, last = map(site.case_of, (1, 2, 3, 4))
    site.close(part)
    site.correct(corrections.merge, number=part, into=one)
    assert site.delete_due(Terms.of_days(1, 1)) == Deleted()  # an open case stays, with the cases merged into it
    site.close(one, lift, last)  # the case with the highest id stays
    assert database.transact(lambda conn: remove_case(conn, last, LATER)) is None
    assert is_stored(b"quokka")
    listed = [(o.case_id, o.whole, o.messages, o.mails) for some in due(database, WHOLE, LATER) for o in some]
    assert listed == [(one, True, 2, 2), (lift, True, 1, 1)]
    assert site.delete_due(WHOLE) == Deleted(cases=2, messages=3, mails=3)
    assert site.is_consistent()
    compaction.compact(database)
    assert not is_stored(b"quokka")
    assert not is_stored(b"keep2@corp")
    left = database.read(lambda conn: [str(conn.execute(select(table)).all()) for table in metadata.sorted_tables])
    assert not any("keep1@" in rows or "Trouble 2" in rows for rows in left)
    assert database.read(lambda conn: conn.execute(select(cases.c.id)).scalars().all()) == [last]
    site.take(_mail(8, "A new one, the door squeaks."))
    assert site.case_of(8) > last
    with running(database, site.context, request.getfixturevalue("settings")) as service:
        assert [service.client.get(f"/api/cases/SD-{deleted}").status_code for deleted in (one, part)] == [404, 404]
        assert not service.get("/api/cases", q="quokka")["items"]
        assert [case["key"] for case in service.get("/api/cases", q="numbat")["items"]] == [f"SD-{last}"]
        kinds = [event.kind for event in database.read(lambda conn: conn.execute(select(events.c.kind)).all())]
        assert kinds.count("case.removed") == 2


@pytest.mark.soak
def test_a_case_of_32768_mails_is_deleted(site: Site) -> None:
    """A statement of PostgreSQL has at most 32,767 parameters."""
    [id, other] = site.take(_mail(1, "The scanner hums."), _mail(2, "Another matter."))
    site.close(1)

    def double(conn: Connection, place: int) -> None:
        """Copy all rows of the first mail, with another character at one place of the id."""
        for table, key in ((spool, spool.c.id), (raw, raw.c.id), (messages, messages.c.spool_id)):
            new = func.substr(key, 1, place) + "z" + func.substr(key, place + 2)
            columns = [column for column in table.c if column is not messages.c.id]
            copied = select(*(new if column is key else column for column in columns)).where(key != other)
            conn.execute(insert(table).from_select([column.name for column in columns], copied))

    for place in range(15):
        site.database.transact(partial(double, place=place))
    delivered = (messages.c.spool_id, messages.c.id, messages.c.origin, messages.c.received_at)
    copies = select(*delivered).where(messages.c.id.not_in(select(deliveries.c.message_id)))
    names = ["spool_id", "message_id", "way", "received_at"]
    site.database.transact(lambda conn: conn.execute(insert(deliveries).from_select(names, copies)))
    columns = [column for column in messages.c if column.name != "id"]
    newest = insert(messages).from_select(
        [column.name for column in columns], select(*columns).where(messages.c.spool_id == other)
    )
    site.database.transact(lambda conn: conn.execute(newest))
    assert site.delete_due(Terms.of_days(0, 1)) == Deleted(cases=1, messages=2**15, mails=2**15)
    assert [site.kept(id), site.kept(other)] == [False, True]


@pytest.mark.parametrize("error", [ValueError, TimeoutError])
def test_a_case_that_cannot_be_deleted_does_not_prevent_the_deletion_of_others(
    sqlite: Database, context: AppContext, tmp_path: Path, error: type[Exception]
) -> None:
    site = Site(sqlite, context, tmp_path)
    ids = site.take(*(_mail(number, f"Matter {number}.") for number in (1, 2, 3)))
    site.close(1, 2)

    def fail(_conn: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if statement.startswith("DELETE FROM cases") and values == (1,):
            raise error

    steady = 0.0
    job = RetentionJob(sqlite, None, WHOLE, clock=lambda: LATER + timedelta(seconds=steady), monotonic=lambda: steady)
    with on_statements("before", fail):
        for _ in range(9):
            steady += FIRST_SECONDS
            job.run_next_step()
    assert [site.kept(id) for id in ids[1:]] == [False, True]
    numbers = sqlite.read(lambda conn: conn.execute(select(cases.c.id).order_by(cases.c.id)).scalars().all())
    assert list(numbers) == [1, 3]


def test_the_worker_deletes_once_a_day_but_not_after_the_clock_was_set(
    sqlite: Database, context: AppContext, tmp_path: Path
) -> None:
    site = Site(sqlite, context, tmp_path)
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    wrong, steady = timedelta(), 0.0
    clock = lambda: THEN + timedelta(seconds=steady) + wrong  # noqa: E731
    job = RetentionJob(sqlite, site.outside, RAW, clock=clock, monotonic=lambda: steady)

    def pass_by(seconds: float) -> None:
        nonlocal steady
        steady += seconds
        for _ in range(20):
            job.run_next_step()
            steady += 1

    pass_by(FIRST_SECONDS - 60)
    wrong = timedelta(days=400)
    pass_by(60)
    assert site.kept(id)  # nothing is deleted on the day on which the clock was set
    wrong = timedelta()
    pass_by(DAY_SECONDS)
    assert site.kept(id)
    for _ in range(32):
        pass_by(DAY_SECONDS)
    assert not site.kept(id)


def test_the_command_lists_old_data_and_deletes_it_with_apply(
    sqlite: Database, context: AppContext, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    site = Site(sqlite, context, tmp_path)
    [id] = site.take(_mail(1, "The quokka jams."))
    site.close(1)
    capfd.readouterr()

    def run(raw_days: int, *, apply: bool, as_json: bool) -> tuple[str, str]:
        settings = load(content_store=str(tmp_path / "contents"), retention_raw_days=raw_days)
        assert run_retention(settings, sqlite, LATER, apply=apply, compact=apply, as_json=as_json) == 0
        printed = capfd.readouterr()
        return printed.out, printed.err

    assert "nothing is ever deleted" in run(0, apply=True, as_json=False)[1]
    out, err = run(30, apply=False, as_json=True)
    row = json.loads(out)
    assert (row["case"], row["goes"], row["mails"]) == ("SD-1", "raw mails", 1)
    assert "would be deleted: 0 cases with 0 messages, 1 raw mail" in err
    assert site.kept(id)
    out, err = run(30, apply=True, as_json=False)
    assert "SD-1" in out
    assert "deleted: 0 cases with 0 messages, 1 raw mail" in err
    assert not site.kept(id)
