"""Only one machine fetches from a mailbox. If it dies, another continues, and no mail is stored twice."""

import signal
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from service.mailbox.source import now
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Database
from service.store.spool import Envelope, LostLease, new_entry
from tests.mailbox.conftest import Box, fetching, kept, mail, status
from tests.mailbox.dovecot import Dovecot
from tests.served import Served, started

pytestmark = pytest.mark.both_databases

LEASE = timedelta(seconds=60)


def test_one_process_has_a_mailbox_until_its_lease_ends(database: Database) -> None:
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


def test_a_process_that_lost_its_lease_stores_no_mail(database: Database) -> None:
    start = now()
    database.transact(lambda conn: mailboxes.acquire(conn, "m", "a", start, LEASE))
    database.transact(lambda conn: mailboxes.acquire(conn, "m", "b", start + LEASE * 2, LEASE))
    envelope = Envelope(channel="mailbox", rcpt_tos=("support@corp.example",), source="m")
    entry = new_entry(envelope, mail(1), start)
    fetched = [mailboxes.Fetched("7;1;INBOX", "INBOX", start, entry)]
    for by, count in (("a", 0), ("b", 1), ("a", 1)):
        with nullcontext() if by == "b" else pytest.raises(LostLease):
            database.transact(partial(mailboxes.store_new, name="m", by=by, fetched=fetched, mark=False, now=start))
        assert len(kept(database)) == count


@pytest.mark.long
def test_another_machine_continues_within_the_lease_after_a_kill(
    dovecot: Dovecot, own_settings: Settings, database: Database, database_url: str, tmp_path: Path
) -> None:
    box = Box(dovecot, own_settings, database, tmp_path)
    given = {"mailboxes": str(box.write(after={"flag": "seen"})), "database_url": database_url, "lease_seconds": "4"}
    box.deliver(*(mail(n) for n in range(20)))
    with started("mailbox", "run", cwd=tmp_path, intake="support@corp.example", **given) as first:
        box.has(mails=20)
        holder = status(database).leased_by
        with fetching(own_settings, database, box.mailbox()):
            box.deliver(*(mail(n) for n in range(20, 30)))
            box.has(mails=30)
            assert status(database).leased_by == holder, "the second machine waits"
            first.send_signal(signal.SIGKILL)
            first.wait()
            box.deliver(*(mail(n) for n in range(30, 40)))
            box.has(mails=40)
            box.is_well()
            assert status(database).leased_by not in (holder, None)
    assert len({row["sha256"] for row in box.kept}) == 40


def test_a_mail_in_a_mailbox_opens_a_case(box: Box, tmp_path: Path) -> None:
    printers = [mail(n).replace(b"does not connect", b"does not connect to printer %d" % n) for n in (1, 2)]
    box.deliver(printers[0])  # exists before the start; the second one is reported by IDLE
    served = Served(tmp_path, mailboxes=str(box.write(poll=3600)), intake="support@corp.example")
    try:
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 1)
        box.deliver(printers[1])
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 2)
    finally:
        served.stop()
