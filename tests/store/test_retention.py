"""What is kept no longer goes, whole; what stands beside it, waits, or is shared stays, whole."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text, update

from service import intake
from service.cli.deletion import run_retention
from service.errors import Conflict, NotFound, Unavailable
from service.intake import AppContext, receive
from service.settings import Settings, load
from service.store import case_deletion, compaction, contents, corrections, spool_view, undo
from service.store.blob_store import BlobStore, Folder, blob_store_of, path_of
from service.store.contents import BlobWriter
from service.store.database import Connection, Database
from service.store.retention import DAY_SECONDS, FIRST_SECONDS, DeletedCounts, RetentionJob, Terms, due, remove_due
from service.store.tables import case_links, cases, events, messages, metadata, spool
from service.store.tables import contents as raw
from tests.postgres import Postgres
from tests.running import running, take_in
from tests.store.desk import FROM_INSIDE, holding, on_statements

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
    """A database with a worker and a place for big mails (a folder), on a day that the test chooses."""

    def __init__(self, database: Database, context: AppContext, folder: Path, outside: BlobStore | None = None) -> None:
        self.database, self.context, self.today = database, context, THEN
        self.outside: BlobStore = outside or Folder(folder / "contents")
        self.shelf = BlobWriter(self.outside, 10_000)

    def give(self, *mails: bytes) -> list[str]:
        return receive(self.database, [(FROM_INSIDE, mail) for mail in mails], self.today)

    def work(self) -> None:
        take_in(self.database, self.context, self.today, blobs=self.shelf)

    def take(self, *mails: bytes) -> list[str]:
        ids = self.give(*mails)
        self.work()
        return ids

    def correct(self, correction: Callable[..., Any], **given: Any) -> Any:
        """What a person does by hand; the changed cases are judged again."""

        def correct(conn: Connection) -> Any:
            done = correction(conn, **given, who="rin", now=self.today)
            event = done[0] if isinstance(done, tuple) else done
            intake.rejudge(conn, corrections.changed_cases(conn, event), self.context, now=self.today)
            return done

        return self.database.transact(correct)

    def close(self, *numbers: int) -> None:
        for number in numbers:
            self.correct(corrections.set_by_person, number=number, wanted={"status": "closed"})

    def merge(self, number: int, into: int) -> None:
        self.correct(corrections.merge, number=number, into=into)

    def case_of(self, number: int) -> int:
        query = select(messages.c.case_id).where(messages.c.message_id == f"<keep{number}@corp.example>")
        return int(self.database.read(lambda conn: conn.execute(query).scalar_one()))

    def go(self, terms: Terms, now: datetime = LATER) -> DeletedCounts:
        gone = DeletedCounts()
        for some in due(self.database, terms, now):
            for one in some:
                gone.add(remove_due(self.database, self.outside, one, now))
        return gone

    def kept(self, id: str) -> bool:
        try:
            return bool(contents.content(self.database, self.outside, id))
        except NotFound:
            return False

    def sound(self) -> bool:
        now = LATER + timedelta(days=1)
        return (
            self.database.read(spool_view.ledger).balanced
            and list(contents.check(self.database, self.outside)) == []
            and contents.find_inconsistencies(self.database, self.outside, now) == ([], [])
            and self.database.read(spool_view.done_without_message) == []
        )

    def move_attached_out(self, number: int) -> int:
        """The attached mail of ``_with_attached(number)`` gets a case of its own: one raw mail, two cases."""
        query = select(messages.c.id).where(messages.c.message_id == f"<keep{number + 1}@corp.example>")
        message = self.database.read(lambda conn: conn.execute(query).scalar_one())
        return int(self.correct(corrections.move, message=message, to=None)[1])


@pytest.fixture
def site(request: pytest.FixtureRequest, database: Database, context: AppContext, tmp_path: Path) -> Site:
    """``s3`` as parameter: big mails are in a bucket, not in a folder."""
    in_bucket = getattr(request, "param", "folder") == "s3"
    outside = bucket(request.getfixturevalue("s3"), tmp_path.name) if in_bucket else None
    return Site(database, context, tmp_path, outside)


def bucket(endpoint: str, place: str) -> BlobStore:
    keys = {"s3_access_key": "k", "s3_secret_key": "s"}
    made = blob_store_of(load(content_store=f"s3://mails/{place}", s3_endpoint=endpoint, **keys))
    assert made is not None
    return made


IN_BOTH = pytest.mark.parametrize("site", ["folder", "s3"], indirect=True)


@IN_BOTH
def test_raw_mails_of_settled_cases_go_and_their_words_stay(site: Site, settings: Settings) -> None:
    mails = (_mail(1, LONG), _mail(2, "The quokka jams."), _mail(3, "The lift stands."), _mail(1, LONG))
    big, small, still_open, again = site.take(*mails)
    site.close(site.case_of(1), site.case_of(2))
    [waits] = site.give(_mail(1, LONG))
    assert site.go(RAW, THEN + timedelta(days=29)) == DeletedCounts()
    assert site.go(RAW) == DeletedCounts(mails=3)
    assert [site.kept(id) for id in (big, again, small, still_open, waits)] == [False, False, False, True, True]
    assert list(site.outside.keys()) == []
    assert site.sound()
    assert site.go(RAW) == DeletedCounts()
    told = site.database.read(lambda conn: conn.execute(select(events.c.kind, events.c.data)).all())
    assert sum(row.data["mails"] for row in told if row.kind == "contents.removed") == 3
    with running(site.database, site.context, settings) as service:
        [message] = service.get("/api/messages", message_id="<keep2@corp.example>")["items"]
        assert "quokka jams" in message["text"]
        assert service.client.get(f"/api/messages/{message['id']}/raw").status_code == 404
        assert len(service.get("/api/cases", q="quokka")["items"]) == 2
    site.work()  # the copy that waited brings its content anew, and stays
    assert site.kept(waits)
    assert site.sound()


def test_a_raw_mail_that_a_case_not_at_rest_shares_stays(site: Site) -> None:
    [id] = site.take(_with_attached(5))
    other = site.move_attached_out(5)
    first = site.case_of(5)
    assert other != first
    site.take(_mail(9, "The lift stands."))
    site.close(first)
    assert site.go(RAW) == DeletedCounts()
    assert site.go(WHOLE).cases == 1
    assert site.kept(id)
    assert site.case_of(6) == other
    assert site.sound()
    undone = select(events.c.id).where(events.c.kind == "message.moved")
    with pytest.raises(Conflict, match="was deleted"):
        site.database.transact(lambda c: undo.undo(c, c.execute(undone).scalar_one(), "rin", LATER))
    site.close(other)
    assert site.go(RAW) == DeletedCounts(mails=1)
    assert not site.kept(id)
    assert site.sound()


@IN_BOTH
def test_what_was_broken_off_is_done_by_the_next_time(site: Site, tmp_path: Path) -> None:
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    site.take(_mail(2, "The lift stands."))
    outside = site.outside
    for terms in (RAW, WHOLE):  # its storage is not configured
        [[one]] = due(site.database, terms, LATER)
        assert remove_due(site.database, None, one, LATER) == DeletedCounts()
    (tmp_path / "file").write_text("no folder")
    site.outside = Folder(tmp_path / "file") if isinstance(outside, Folder) else bucket("http://127.0.0.1:1", "nowhere")
    for terms in (RAW, WHOLE):
        with pytest.raises(Unavailable):
            site.go(terms)
        assert not site.kept(id)
    site.outside = outside
    assert len(list(outside.keys())) == 1
    assert site.go(WHOLE) == DeletedCounts(1, 1, 1)
    assert list(outside.keys()) == []
    assert site.sound()


@pytest.mark.parametrize("kept_by", ["a row", "its age"])
def test_a_file_that_another_mail_names_or_is_about_to_stays(site: Site, tmp_path: Path, kept_by: str) -> None:
    """The same bytes came twice: one file, under one key."""
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    site.take(_mail(2, "The lift stands."))
    [(key, _)] = site.outside.keys()
    if kept_by == "a row":
        site.database.transact(partial(_again, id=id))
    else:
        os.utime(tmp_path / "contents" / path_of(key), (LATER.timestamp(), LATER.timestamp()))
    site.go(RAW)
    assert [name for name, _ in list(site.outside.keys())] == [key]
    assert (site.kept(id), kept_by == "a row" and site.kept("twin")) == (False, kept_by == "a row")


def _again(conn: Connection, id: str) -> None:
    for table in (metadata.tables["spool"], metadata.tables["contents"]):
        row = conn.execute(select(table).where(table.c.id == id)).mappings().one()
        conn.execute(table.insert().values({**row, "id": "twin"}))


def test_no_byte_of_a_case_that_went_is_left(site: Site, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    database, folder = site.database, tmp_path
    if database.postgresql:
        server: Postgres = request.getfixturevalue("postgres")
        query = text("SELECT oid FROM pg_database WHERE datname = current_database()")
        folder = server.data / "base" / str(database.read(lambda conn: conn.execute(query).scalar()))

    def is_held(word: bytes) -> bool:
        if database.postgresql:
            database.transact_alone(lambda conn: conn.execute(text("CHECKPOINT")))
        return holding(folder, word) + holding(tmp_path, word) != []

    words = (LONG, "A numbat broke the scanner.", "The lift stands.", "Lift, numbat too.")
    site.take(*(_mail(number, text) for number, text in enumerate(words, start=1)))
    one, part, lift, last = map(site.case_of, (1, 2, 3, 4))
    site.close(part)
    site.merge(part, one)
    assert site.go(Terms.of_days(1, 1)) == DeletedCounts()  # an open case, and what was merged into it, stays
    site.close(one, lift, last)  # the last has the highest number, and stays whoever asks
    assert database.transact(lambda conn: case_deletion.remove(conn, last, LATER)) is None
    assert is_held(b"quokka")
    listed = [(o.case_id, o.whole, o.messages, o.mails) for some in due(database, WHOLE, LATER) for o in some]
    assert listed == [(one, True, 2, 2), (lift, True, 1, 1)]
    assert site.go(WHOLE) == DeletedCounts(2, 3, 3)
    assert site.sound()
    compaction.compact(database)
    assert not is_held(b"quokka")
    assert not is_held(b"keep2@corp")
    left = database.read(lambda conn: [str(conn.execute(select(table)).all()) for table in metadata.sorted_tables])
    assert not any("keep1@" in rows or "Trouble 2" in rows for rows in left)
    assert database.read(lambda conn: conn.execute(select(cases.c.id)).scalars().all()) == [last]
    site.take(_mail(8, "A new one, the door squeaks."))
    assert site.case_of(8) > last
    with running(database, site.context, request.getfixturevalue("settings")) as service:
        assert [service.client.get(f"/api/cases/SD-{gone}").status_code for gone in (one, part)] == [404, 404]
        assert not service.get("/api/cases", q="quokka")["items"]
        assert [case["key"] for case in service.get("/api/cases", q="numbat")["items"]] == [f"SD-{last}"]
        kinds = [event.kind for event in database.read(lambda conn: conn.execute(select(events.c.kind)).all())]
        assert kinds.count("case.removed") == 2


@pytest.mark.soak
def test_a_case_of_very_many_mails_goes_too(site: Site) -> None:
    """More than a statement may have parameters (32,767 on PostgreSQL)."""
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
    columns = [column for column in messages.c if column.name != "id"]
    newest = insert(messages).from_select(
        [column.name for column in columns], select(*columns).where(messages.c.spool_id == other)
    )
    site.database.transact(lambda conn: conn.execute(newest))
    assert site.go(Terms.of_days(0, 1)) == DeletedCounts(1, 2**15, 2**15)
    assert [site.kept(id), site.kept(other)] == [False, True]


def _damage(conn: Connection) -> None:
    conn.execute(insert(case_links).values(case_id=3, other_id=1, why="test"))
    conn.execute(update(cases).where(cases.c.id == 3).values(document={"related": ["damaged"]}))


@pytest.mark.parametrize("error", ["of the data", "of the database"])
def test_a_case_that_cannot_be_deleted_stops_no_other(
    sqlite: Database, context: AppContext, tmp_path: Path, error: str
) -> None:
    site = Site(sqlite, context, tmp_path)
    ids = site.take(*(_mail(number, f"Matter {number}.") for number in (1, 2, 3)))
    site.close(1, 2)
    if error == "of the data":
        sqlite.transact(_damage)

    def exceed_the_time_limit(_conn: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if error == "of the database" and statement.startswith("DELETE FROM cases") and values == (1,):
            raise TimeoutError

    steady = 0.0
    job = RetentionJob(sqlite, None, WHOLE, clock=lambda: LATER + timedelta(seconds=steady), monotonic=lambda: steady)
    with on_statements("before", exceed_the_time_limit):
        for _ in range(9):
            steady += FIRST_SECONDS
            job.look()
    assert [site.kept(id) for id in ids[1:]] == [False, True]
    numbers = sqlite.read(lambda conn: conn.execute(select(cases.c.id).order_by(cases.c.id)).scalars().all())
    assert list(numbers) == [1, 3]


def test_the_worker_lets_go_once_a_day_and_not_by_a_clock_that_was_set(
    sqlite: Database, context: AppContext, tmp_path: Path
) -> None:
    site = Site(sqlite, context, tmp_path)
    [id] = site.take(_mail(1, LONG))
    site.close(1)
    wrong, steady = timedelta(), 0.0
    clock = lambda: THEN + timedelta(seconds=steady) + wrong  # noqa: E731
    retiring = RetentionJob(sqlite, site.outside, RAW, clock=clock, monotonic=lambda: steady)

    def pass_by(seconds: float) -> None:
        nonlocal steady
        steady += seconds
        for _ in range(20):
            retiring.look()
            steady += 1

    pass_by(FIRST_SECONDS - 60)
    wrong = timedelta(days=400)
    pass_by(60)
    assert site.kept(id)  # a day on which the clock was set
    wrong = timedelta()
    pass_by(DAY_SECONDS)
    assert site.kept(id)
    for _ in range(32):
        pass_by(DAY_SECONDS)
    assert not site.kept(id)


def test_the_command_shows_first_and_does_it_when_told(
    sqlite: Database, context: AppContext, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    site = Site(sqlite, context, tmp_path)
    [id] = site.take(_mail(1, "The quokka jams."))
    site.close(1)
    capfd.readouterr()

    def run(raw_days: int, *, apply: bool, as_json: bool) -> tuple[str, str]:
        settings = load(content_store=str(tmp_path / "contents"), retention_raw_days=raw_days)
        assert run_retention(settings, sqlite, LATER, apply=apply, compact=apply, as_json=as_json) == 0
        told = capfd.readouterr()
        return told.out, told.err

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
