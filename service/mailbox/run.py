"""Fetches from all mailboxes, with one thread for each, and renews their leases."""

import contextlib
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from service.errors import Unavailable
from service.lease_holders import process_name, release_dead_leases
from service.mailbox.fetcher import Fetcher
from service.mailbox.graph import GraphSource
from service.mailbox.imap import ImapSource
from service.mailbox.oauth import Tokens, TokenStore
from service.mailbox.settings import Mailbox
from service.mailbox.source import Source, now
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


def fetch(settings: Settings, configured: Sequence[Mailbox], database: Database, stop: threading.Event) -> None:
    """Fetch from the mailboxes until ``stop`` is set. A failure of one does not affect the others."""
    by, lease = process_name(), timedelta(seconds=settings.lease_seconds)
    threads = []
    for mailbox in configured:
        fetcher = Fetcher(mailbox, source_of(mailbox, settings, database, stop.wait), database, settings, by)
        threads.append(threading.Thread(target=fetcher.run, args=(stop,), name=mailbox.name, daemon=True))
        threads[-1].start()
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


def source_of(mailbox: Mailbox, settings: Settings, database: Database, pause: Callable[[float], object]) -> Source:
    """Return the source for a mailbox; it does not connect. ``pause``: waits for seconds or until the process stops."""
    store = TokenStore(database, secret_box(settings), mailbox.name)
    if graph := mailbox.graph:
        tokens = Tokens(graph.oauth, "", store, graph.ca_file, graph.timeout)
        return GraphSource(graph, mailbox.address, mailbox.after, tokens, settings.max_message_bytes, pause)
    imap = mailbox.imap
    assert imap is not None
    return ImapSource(imap, mailbox.after, Tokens(imap.oauth, imap.user, store, imap.ca_file) if imap.oauth else None)
