"""A Dovecot for each test, and a fetcher that runs in a thread."""

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select, update

from service.mailbox import fetcher
from service.mailbox.run import fetch
from service.mailbox.settings import Mailbox
from service.mailbox.source import now
from service.settings import Settings, load
from service.store import mailboxes
from service.store.database import Database
from service.store.tables import mailbox_mails, spool
from tests.mailbox.dovecot import BINARY, CERTIFICATE, PASSWORD, Dovecot
from tests.served import wait_until

MAIL = (
    b"Return-Path: <aiko@corp.example>\r\nFrom: Aiko <aiko@corp.example>\r\nTo: support@corp.example\r\n"
    b"Subject: VPN %d\r\nMessage-ID: <%d@corp.example>\r\n\r\nIt does not connect.\r\n"
)


def mail(number: int) -> bytes:
    return MAIL % (number, number)


@contextmanager
def a_dovecot(settings: str = "") -> Iterator[Dovecot]:
    """Run a Dovecot in a folder that its user may read, and in which the paths of sockets are short."""
    if BINARY is None and not os.environ.get("CI"):
        pytest.skip("needs Debian's dovecot-imapd")
    folder = Path(tempfile.mkdtemp(prefix="sodan-dovecot-"))
    server = Dovecot(folder, settings)
    try:
        yield server.start()
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def dovecot(request: pytest.FixtureRequest) -> Iterator[Dovecot]:
    """A server for one test. The parameter contains more configuration."""
    with a_dovecot(getattr(request, "param", "")) as server:
        yield server


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(fetcher, "LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(fetcher, "LONGEST_PAUSE_REFUSED", 0.2)


@pytest.fixture
def own_settings(sqlite: Database, tmp_path: Path) -> Settings:
    """Settings with the database of the test."""
    return load(
        intake="support@corp.example",
        database_url=f"sqlite:///{sqlite.url.database}",
        key_file=tmp_path / "installation.key",
        lease_seconds=10,
    )


def section(server: Dovecot, password: Path, **given: Any) -> dict[str, Any]:
    """Return the section of a mailbox in the file of SODAN_MAILBOXES, with TLS. ``given``: other keys."""
    password.write_text(PASSWORD + "\n")
    imap = {
        "host": "localhost", "port": server.tls_port, "user": "support", "password": {"file": str(password)},
        "ca_file": str(CERTIFICATE), "timeout": 20, **given.pop("imap", {}),
    }  # fmt: skip
    return {"address": "support@corp.example", "since": "all", "poll": 1, "imap": imap, **given}


@contextmanager
def fetching(settings: Settings, database: Database, *configured: Mailbox) -> Iterator[None]:
    """Fetch in a thread until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(target=fetch, args=(settings, configured, database, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


@dataclass
class Box:
    """A mailbox on a Dovecot, and the installation that fetches from it."""

    server: Dovecot
    settings: Settings
    database: Database
    folder: Path  # for the password and other files

    def mailbox(self, **given: Any) -> Mailbox:
        return Mailbox.model_validate({"name": "support", **section(self.server, self.folder / "password", **given)})

    def write(self, **given: Any) -> Path:
        """Write the file of SODAN_MAILBOXES."""
        document = {"mailboxes": {"support": section(self.server, self.folder / "password", **given)}}
        (self.folder / "mailboxes.yaml").write_text(yaml.safe_dump(document))
        return self.folder / "mailboxes.yaml"

    def fetching(self, configured: Mailbox | None = None, **given: Any) -> AbstractContextManager[None]:
        """Fetch from ``configured``, or from this mailbox with the keys ``given``."""
        return fetching(self.settings, self.database, configured or self.mailbox(**given))

    def deliver(self, *contents: bytes, **given: str) -> None:
        self.server.deliver(*contents, **given)

    @property
    def kept(self) -> list[dict[str, Any]]:
        return kept(self.database)

    def has(self, *of: str, mails: int | None = None) -> None:
        """Wait until the mails are in these states, or until so many are stored."""
        if of:
            wait_until(lambda: sorted(states(self.database)) == sorted(of))
        else:
            wait_until(lambda: len(self.kept) == mails)

    def minutes_pass(self) -> None:
        """Make all retries due."""
        self.database.transact(lambda conn: conn.execute(update(mailbox_mails).values(due_at=now())))

    def is_well(self) -> None:
        """Wait until a round succeeded."""
        wait_until(lambda: succeeded(self.database))

    def not_moved(self, mails: int) -> list[str]:
        """Wait until so many mails wait to be flagged or moved; return their reasons."""
        waiting = partial(mailboxes.problem_mails, name="support")
        wait_until(lambda: len(self.database.read(waiting)) == mails)
        return [str(mail["reason"]) for mail in self.database.read(waiting)]

    def fails(self, cause: str) -> mailboxes.Status:
        """Wait until fetching fails with this cause."""
        wait_until(lambda: any(cause in str(one.cause) for one in self.database.read(mailboxes.statuses)))
        return status(self.database)


@pytest.fixture
def box(dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path) -> Box:
    return Box(dovecot, own_settings, sqlite, tmp_path)


def kept(database: Database) -> list[dict[str, Any]]:
    """Return the fetched mails in the spool, oldest first."""
    query = select(spool).where(spool.c.channel == "mailbox").order_by(spool.c.id)
    return database.read(lambda conn: [dict(row._mapping) for row in conn.execute(query)])


def states(database: Database) -> list[str]:
    query = select(mailbox_mails.c.state).order_by(mailbox_mails.c.place)
    return database.read(lambda conn: [str(state) for state in conn.execute(query).scalars()])


def status(database: Database) -> mailboxes.Status:
    return database.read(mailboxes.statuses)[0]


def succeeded(database: Database) -> bool:
    found = database.read(mailboxes.statuses)
    return bool(found) and found[0].last_success_at is not None and found[0].failing_since is None
