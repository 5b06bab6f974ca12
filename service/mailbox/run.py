"""Fetches from all mailboxes, with one thread for each, and renews their leases."""

import contextlib
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from service.errors import Unavailable
from service.lease_holders import process_name, release_dead_leases
from service.mailbox.fetcher import Fetcher
from service.mailbox.graph import GraphSource
from service.mailbox.imap import ImapSource
from service.mailbox.oauth import Tokens, TokenStore
from service.mailbox.settings import Mailbox
from service.mailbox.source import Source
from service.process import stop_event
from service.settings import Settings
from service.store import mailboxes, queues, tables
from service.store.database import Database
from service.store.encryption import secret_box

_log = structlog.get_logger("sodan.mailbox")


def run_mailboxes(settings: Settings, configured: Sequence[Mailbox]) -> None:
    """Fetch from the mailboxes until SIGTERM or SIGINT."""
    stop = stop_event()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    database = Database(settings.database_url)
    release_dead_leases(database)
    fetch(settings, configured, database, stop)
    database.close()


def fetch(
    settings: Settings,
    configured: Sequence[Mailbox],
    database: Database,
    stop: threading.Event,
    by: str | None = None,
) -> None:
    """Fetch from the mailboxes until ``stop`` is set. A failure of one does not affect the others."""
    by = by or process_name()
    lease = timedelta(seconds=settings.lease_seconds)
    fetchers = [fetcher_of(mailbox, settings, database, by, stop.wait) for mailbox in configured]
    threads = [threading.Thread(target=each.run, args=(stop,), name=each.name, daemon=True) for each in fetchers]
    for thread in threads:
        thread.start()
    while not stop.wait(settings.lease_seconds / 4):
        _renew(database, [thread.name for thread in threads if thread.is_alive()], by, lease)
    for thread in threads:
        thread.join(settings.stop_seconds / 2)
    if not any(thread.is_alive() for thread in threads):  # a running thread needs its lease
        with contextlib.suppress(Unavailable):
            database.transact(partial(queues.release, table=tables.mailboxes, by=by))


def _renew(database: Database, names: Sequence[str], by: str, lease: timedelta) -> None:
    """Renew the leases of these mailboxes, so that no other process takes them."""
    try:
        database.transact(lambda conn: mailboxes.renew(conn, names, by, now(), lease))
    except Unavailable as error:
        _log.warning("leases were not renewed", reason=str(error))


def fetcher_of(
    mailbox: Mailbox, settings: Settings, database: Database, by: str, pause: Callable[[float], object]
) -> Fetcher:
    """Return the fetcher of a mailbox. ``pause``: waits for seconds, or until the process stops."""
    return Fetcher(
        mailbox,
        source_of(mailbox, settings, database, pause),
        database,
        by=by,
        lease=timedelta(seconds=settings.lease_seconds),
        since=mailbox.since_moment(settings),
        max_bytes=settings.max_message_bytes,
        clock=now,
    )


def source_of(mailbox: Mailbox, settings: Settings, database: Database, pause: Callable[[float], object]) -> Source:
    """Return the source for a mailbox; it does not connect. ``pause``: waits for seconds or until the process stops."""
    store = TokenStore(database, secret_box(settings), mailbox.name)
    if graph := mailbox.graph:
        tokens = Tokens(graph.oauth, "", now, store, graph.ca_file, graph.timeout)
        return GraphSource(graph, mailbox.address, mailbox.after, tokens, settings.max_message_bytes, pause)
    imap = mailbox.imap
    assert imap is not None
    return ImapSource(
        imap, mailbox.after, Tokens(imap.oauth, imap.user, now, store, imap.ca_file) if imap.oauth else None
    )


def now() -> datetime:
    return datetime.now(UTC)
