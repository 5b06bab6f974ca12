"""Assembles the processes. Each ``run_`` function connects settings, store, rules and services, and runs one process.

If only one process needs a large module, such as the web framework, its function imports the module.
"""

import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event, Thread
from typing import Any

import structlog

from service import memory
from service.errors import Refused, SodanError, Unavailable
from service.intake import After, AppContext
from service.lease_holders import process_name, release_dead_leases
from service.process import stop_event
from service.rule_reloader import RuleReloader
from service.settings import Settings
from service.store import keys, webhooks
from service.store.blob_store import blob_store_of
from service.store.contents import BlobWriter
from service.store.database import WORKER_CACHE_MB, Database
from service.store.encryption import secret_box
from service.store.retention import RetentionJob, Terms
from service.worker import Worker

Clock = Callable[[], datetime]
RETRY_SECONDS = 2.0  # pause between two attempts while the database is unreachable
POLL_SECONDS = 1.0  # pause between two checks of the outbox; the reader of the language model waits half as long


def run_worker(settings: Settings) -> None:
    """Process received mail until SIGTERM or SIGINT. Raises Refused if packs or settings are invalid."""
    reload = Event()
    stop = stop_event(SIGHUP=reload.set)
    context = AppContext.of(settings)  # first, so that invalid packs are reported before anything else
    database = Database(settings.database_url, WORKER_CACHE_MB)
    context = replace(context, ingest=replace(context.ingest, secret=_case_key(database, stop)))
    reloader = RuleReloader(settings, context)
    memory.freeze_after_loading()
    terms = Terms.of_days(settings.retention_raw_days, settings.retention_cases_days)
    retention = RetentionJob(database, blob_store_of(settings), terms, clock=lambda: datetime.now(UTC))

    def between() -> None:
        if reload.is_set():
            reload.clear()
            reloader.request_reload()
        reloader.check()
        retention.run_next_step()

    blobs = BlobWriter(blob_store_of(settings), settings.content_store_from_bytes)
    after = after_judging(settings, context)
    worker = worker_of(settings, database, context, blobs=blobs, before_batch=between, after=after)
    release_dead_leases(database)
    worker.run(stop)
    database.close()


def worker_of(settings: Settings, database: Database, context: AppContext, **given: Any) -> Worker:
    """Return a worker of this process. ``given``: further arguments of ``Worker``."""
    lease, clock = timedelta(seconds=settings.lease_seconds), lambda: datetime.now(UTC)
    return Worker(database, context, by=process_name(), batch=settings.batch, lease=lease, clock=clock, **given)


def _case_key(database: Database, stop: Event) -> bytes:
    """Return the key that signs case tokens. Waits until the database is reachable; empty if ``stop`` is set before."""
    while not stop.is_set():
        try:
            return database.transact(lambda conn: keys.key(conn, "case", datetime.now(UTC)))
        except Unavailable as error:
            structlog.get_logger("sodan.store").warning("waiting for the database", reason=str(error))
            stop.wait(RETRY_SECONDS)
    return b""


def after_judging(settings: Settings, context: AppContext) -> list[After]:
    """Return functions that queue outgoing mail and second readings. Raises Refused if a setting is wrong."""
    from service import model_reader
    from service.outbound import setup

    return [step for step in (setup.after_judging(settings, context), model_reader.after_judging(settings)) if step]


def run_sender(settings: Settings, clock: Clock) -> None:
    """Send the due mails of the outbox until SIGTERM or SIGINT. Raises Refused if a setting is invalid."""
    from service.outbound import setup
    from service.outbound.due_mail import DueMail

    stop = stop_event()
    notifier = setup.notifier_of(settings)
    database = Database(settings.database_url)
    context = AppContext.of(settings, key=_case_key(database, stop))
    sender = setup.sender_of(settings, database, context, clock)
    sender.outbound.templates.check()
    due_mail = DueMail(database, context, sender.outbound, notifier)

    def step() -> bool:
        due_mail.write(clock())
        return sender.step()

    _run_steps(step, stop, POLL_SECONDS)
    database.close()


def run_reader(settings: Settings, clock: Clock) -> None:
    """Let the language model read messages until SIGTERM or SIGINT. Raises Refused if no model is configured."""
    from service.model_reader import ModelReader, model_of

    if not settings.model_url:
        raise Refused("SODAN_MODEL_URL: not set; set it and SODAN_MODEL to use a language model")
    stop = stop_event()
    database = Database(settings.database_url)
    reader = ModelReader(database, AppContext.of(settings), model_of(settings), settings, clock)
    release_dead_leases(database)
    steps = [partial(reader.step, process_name()) for _ in range(settings.model_concurrency)]
    threads = [Thread(target=_run_steps, args=(step, stop, POLL_SECONDS / 2), daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()


def _run_steps(step: Callable[[], bool], stop: Event, pause: float) -> None:
    """Call ``step`` until ``stop`` is set. If there was nothing to do or the database failed, pause before the next."""
    while not stop.is_set():
        try:
            if step():
                continue
        except Unavailable as error:
            structlog.get_logger("sodan.store").warning("waiting for the database", reason=str(error))
        memory.free_if_above()
        stop.wait(pause)


def run_api(settings: Settings, database: Database, clock: Clock) -> None:
    """Serve HTTP. Raises Refused if other machines could connect and no token exists, or if a template has an error."""
    from service.api.app import make_app
    from service.api.serving import bind, must_be_safe, serve
    from service.desk import Desk
    from service.outbound.setup import templates_of
    from service.web.page_rendering import PageRenderer
    from service.web.pages import ROUTERS

    templates_of(settings.templates).check()
    must_be_safe(settings.http_listen, database, clock())
    encrypt_secrets(settings, database)
    listening = bind(settings.http_listen)
    context = AppContext.of(settings)
    reloader, stop = RuleReloader(settings, context), Event()
    memory.freeze_after_loading()
    # the handler only sets a flag, because a signal handler must not take a lock
    signal.signal(signal.SIGHUP, lambda *_: reloader.request_reload())
    Thread(target=reloader.run, args=(stop,), daemon=True).start()
    desk = Desk(settings, database, lambda: context, clock)
    renderer = PageRenderer(desk)
    open_to_loopback = settings.http_listen.loopback and settings.trust_loopback
    http_app = make_app(desk, ROUTERS, renderer.error_page, open_to_loopback=open_to_loopback)
    http_app.state.renderer = renderer
    serve(http_app, listening, stop_seconds=settings.stop_seconds)
    stop.set()
    database.close()


def encrypt_secrets(settings: Settings, database: Database) -> None:
    """Encrypt the webhook secrets that earlier versions stored without encryption. A failure is only logged."""
    box = secret_box(settings)
    try:
        database.transact(lambda conn: webhooks.encrypt_stored(conn, box))
    except SodanError as error:
        structlog.get_logger("sodan.webhooks").warning("webhook secrets stay unencrypted", reason=str(error))
