"""A mailbox that cannot be read is reported on the page, in the metrics, and by one event."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.mailbox.source import now
from service.store import mailboxes
from service.store.database import Database
from service.store.tables import events
from tests.running import Running

LEASE = timedelta(seconds=60)


def event_kinds(database: Database) -> list[str]:
    return database.read(lambda conn: list(conn.execute(select(events.c.kind).order_by(events.c.id)).scalars()))


def record_failures(database: Database, minutes: float) -> None:
    """Record failures that began so many minutes ago."""
    began = now() - timedelta(minutes=minutes)
    database.transact(lambda conn: mailboxes.acquire(conn, "support", "a", began, LEASE))
    database.transact(lambda conn: mailboxes.record_success(conn, "support", "a", began))
    for when in (began, now(), now()):
        database.transact(
            lambda conn, when=when: mailboxes.record_failure(conn, "support", "a", "sign-in refused", "renew", when)  # type: ignore[misc]
        )


@pytest.mark.parametrize(("minutes", "seen"), [(3, False), (12, True)])
def test_a_long_failure_is_on_the_page_and_in_one_event(embedded: Running, minutes: float, seen: bool) -> None:
    record_failures(embedded.database, minutes)
    page = embedded.client.get("/?lang=en").text
    assert ("Mailbox support has not been read for 12 min" in page) is seen
    assert ("sign-in refused" in page) is seen
    assert event_kinds(embedded.database) == (["mailbox.away"] if seen else [])


def test_metrics_report_each_mailbox_and_an_event_its_recovery(embedded: Running) -> None:
    record_failures(embedded.database, 12)
    lines = embedded.client.get("/metrics").text.splitlines()
    assert 'sodan_mailbox_failing{mailbox="support"} 1.0' in lines
    assert 'sodan_mailbox_errors_total{mailbox="support"} 3.0' in lines
    assert any(line.startswith('sodan_mailbox_last_success_seconds{mailbox="support"} ') for line in lines)
    for _ in range(2):
        embedded.database.transact(lambda conn: mailboxes.record_success(conn, "support", "a", now()))
    assert event_kinds(embedded.database) == ["mailbox.away", "mailbox.back"]
    assert "has not been read" not in embedded.client.get("/?lang=en").text
