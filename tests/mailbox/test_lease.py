"""One fetcher a mailbox over all machines; when it dies another goes on, and nothing comes twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from service.mailbox.run import now
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Database
from service.store.spool import Envelope, LostLease, new_entry
from tests.mailbox.conftest import fetching, kept, mail, mailbox, status, succeeded, wait_until
from tests.mailbox.dovecot import PASSWORD, Dovecot
from tests.served import environment

pytestmark = pytest.mark.both_databases

LEASE = timedelta(seconds=60)


def test_only_one_has_it_until_its_lease_ends(database: Database) -> None:
    start = now()
    for by, when, has in [
        ("a", start, True),
        ("b", start, False),
        ("a", start + LEASE / 2, True),
        ("b", start + LEASE, False),
        ("b", start + LEASE * 2, True),
        ("a", start + LEASE * 2, False),
    ]:
        got = database.transact(lambda conn, by=by, when=when: mailboxes.acquire(conn, "m", by, when, LEASE))  # type: ignore[misc]
        assert got is has, (by, when - start)


def test_whoever_lost_the_lease_keeps_nothing(database: Database) -> None:
    start = now()
    database.transact(lambda conn: mailboxes.acquire(conn, "m", "a", start, LEASE))
    database.transact(lambda conn: mailboxes.acquire(conn, "m", "b", start + LEASE * 2, LEASE))
    entry = new_entry(_envelope(), mail(1), start)
    fetched = [mailboxes.Fetched("7;1;INBOX", "INBOX", start, entry)]
    for by, keeps in (("a", False), ("b", True), ("a", False)):
        try:
            database.transact(lambda conn, by=by: mailboxes.take(conn, "m", by, fetched, mark=False, now=start))  # type: ignore[misc]
            kept_it = True
        except LostLease:
            kept_it = False
        assert kept_it is keeps
    assert len(kept(database)) == 1


def _envelope() -> Envelope:
    return Envelope(channel="mailbox", rcpt_tos=("support@corp.example",), source="m")


def test_two_machines_one_killed_the_other_goes_on_within_the_lease(
    dovecot: Dovecot, own_settings: Settings, database: Database, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    imap = {
        "host": "localhost", "port": dovecot.tls_port, "user": "support", "ca_file": str(dovecot.certificate),
        "password": {"file": str(tmp_path / "password")},
    }  # fmt: skip
    document = {"address": "support@corp.example", "since": "all", "poll": 1, "after": {"flag": "seen"}, "imap": imap}
    (tmp_path / "mailboxes.yaml").write_text(yaml.safe_dump({"mailboxes": {"support": document}}))
    given = environment(
        mailboxes=str(tmp_path / "mailboxes.yaml"), intake="support@corp.example", database_url=database_url,
        lease_seconds="4",
    )  # fmt: skip
    dovecot.deliver(*(mail(n) for n in range(20)))
    command = [sys.executable, "-m", "service", "mailbox", "run"]
    first = subprocess.Popen(command, env=given, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: len(kept(database)) == 20, 120)
        holder = status(database).leased_by
        with fetching(own_settings, database, mailbox(dovecot, tmp_path / "password"), by="another-host/1/x"):
            dovecot.deliver(*(mail(n) for n in range(20, 30)))
            wait_until(lambda: len(kept(database)) == 30, 60)
            assert status(database).leased_by == holder, "the second one waits"
            first.send_signal(signal.SIGKILL)
            first.wait()
            dovecot.deliver(*(mail(n) for n in range(30, 40)))
            wait_until(lambda: len(kept(database)) == 40, 60)
            wait_until(lambda: succeeded(database))
            assert status(database).leased_by == "another-host/1/x"
    finally:
        if first.poll() is None:
            first.kill()
            first.wait()
    assert len({row["sha256"] for row in kept(database)}) == 40
