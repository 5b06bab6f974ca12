"""Fetches from all mailboxes, with one thread for each, and renews their leases."""

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from service.errors import Refused, Unavailable
from service.leases import process_name, release_dead_leases
from service.mailbox.fetcher import BACK_OFF, BackOff, Fetcher
from service.mailbox.file import Mailbox
from service.mailbox.graph import GraphSource
from service.mailbox.imap import ImapSource
from service.mailbox.oauth import Tokens
from service.mailbox.source import Source, TokenStore
from service.process import on_signals
from service.settings import Settings
from service.store import mailboxes
from service.store.database import Database
from service.store.encryption import secret_box

_log = structlog.get_logger("sodan.mailbox")


def run_mailboxes(settings: Settings, configured: Sequence[Mailbox]) -> None:
    """Fetch from the mailboxes until SIGTERM or SIGINT."""
    stop = threading.Event()
    on_signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set})
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    database = Database(settings.database_url)
    with contextlib.suppress(Unavailable):
        release_dead_leases(database)
    fetch(settings, configured, database, stop)
    database.close()


def fetch(
    settings: Settings,
    configured: Sequence[Mailbox],
    database: Database,
    stop: threading.Event,
    *,
    by: str | None = None,
    back_off: BackOff = BACK_OFF,
) -> None:
    """Fetch from the mailboxes until ``stop`` is set; a failure of one does not affect the others."""
    by = by or process_name()
    lease = timedelta(seconds=settings.lease_seconds)
    fetchers = [fetcher_of(mailbox, settings, database, by, stop.wait, back_off) for mailbox in configured]
    threads = [threading.Thread(target=each.run, args=(stop,), name=each.name, daemon=True) for each in fetchers]
    for thread in threads:
        thread.start()
    while not stop.wait(settings.lease_seconds / 4):
        _renew(database, [thread.name for thread in threads if thread.is_alive()], by, lease)
    for thread in threads:
        thread.join(settings.stop_seconds / 2)
    if not any(thread.is_alive() for thread in threads):  # a running thread needs its lease
        with contextlib.suppress(Unavailable):
            database.transact(partial(mailboxes.release, by=by))


def _renew(database: Database, names: Sequence[str], by: str, lease: timedelta) -> None:
    """Renew the leases of the mailboxes ``names``, so that no other process takes them during a slow fetch."""
    try:
        database.transact(lambda conn: mailboxes.renew(conn, names, by, now(), lease))
    except Unavailable as error:
        _log.warning("leases were not renewed", reason=str(error))


def fetcher_of(
    mailbox: Mailbox, settings: Settings, database: Database, by: str, pause: Callable[[float], object],
    back_off: BackOff,
) -> Fetcher:  # fmt: skip
    """Return what fetches from a mailbox. ``pause``: waits for a number of seconds, or until the process stops."""
    return Fetcher(
        mailbox,
        source_of(mailbox, settings, stored_tokens(settings, database, mailbox.name), pause),
        database,
        by=by,
        lease=timedelta(seconds=settings.lease_seconds),
        since=mailbox.since_moment(settings),
        max_bytes=settings.max_message_bytes,
        clock=now,
        back_off=back_off,
    )


def source_of(mailbox: Mailbox, settings: Settings, store: TokenStore, pause: Callable[[float], object]) -> Source:
    """Return the source for a mailbox; it does not connect. ``pause``: waits for seconds or until the process stops."""
    if graph := mailbox.graph:
        tokens = Tokens(graph.oauth, "", now, store, graph.ca_file, graph.timeout)
        return GraphSource(graph, mailbox.address, mailbox.after, tokens, settings.max_message_bytes, pause)
    imap = mailbox.imap
    assert imap is not None
    return ImapSource(
        imap, mailbox.after, Tokens(imap.oauth, imap.user, now, store, imap.ca_file) if imap.oauth else None
    )


def stored_tokens(settings: Settings, database: Database, name: str) -> TokenStore:
    """Return functions that read and store the tokens of a mailbox, encrypted with the key of the installation."""
    box = secret_box(settings)

    def read() -> dict[str, str]:
        stored = database.read(lambda conn: mailboxes.stored_tokens(conn, name))
        if stored is None:
            return {}
        try:
            return dict(json.loads(box.decrypt(stored)))
        except Refused as error:  # the key is wrong or missing: sign in with the configured credentials
            _log.warning("kept tokens cannot be read", mailbox=name, reason=str(error))
            return {}

    def keep(tokens: dict[str, str]) -> None:
        encrypted = box.encrypt(json.dumps(tokens))
        database.transact(lambda conn: mailboxes.save_tokens(conn, name, encrypted))

    return TokenStore(read, keep)


def now() -> datetime:
    return datetime.now(UTC)
