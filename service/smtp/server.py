"""The SMTP server: stores mail for the intake addresses durably before it replies 250."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import uvloop

from service.errors import Refused
from service.process import announce, report, return_freed_memory
from service.rate import Rate
from service.settings import Listen, Settings
from service.smtp.addresses import Intake
from service.smtp.backpressure import CHECK_SECONDS, Backpressure
from service.smtp.committer import Committer
from service.smtp.limits import FAILED_LOGINS, Budget, Rates
from service.smtp.listener import Listener
from service.smtp.passwords import Passwords
from service.smtp.protocol import Lmtp, Protocol
from service.smtp.tls import ServerTls
from service.store.database import Database


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The addresses where a running server listens, and the object that reloads its certificate."""

    smtp: Listen
    lmtp: Listen | None
    renew_certificate: Callable[[], object]


def run_smtp(settings: Settings) -> None:
    """Run the server until SIGTERM or SIGINT. Raises Refused if an address is in use or a setting is missing."""
    settings.require_smtp()
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with serving(settings) as server:
        loop.add_signal_handler(signal.SIGHUP, server.renew_certificate)
        lmtp_text = f", LMTP on {server.lmtp}" if server.lmtp else ""
        announce(f"SMTP on {server.smtp}{lmtp_text}")
        while not stopped.is_set():
            report()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), 1)


@contextlib.asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[RunningServer]:
    """Run the server inside a ``with`` block in a running event loop."""
    loop = asyncio.get_running_loop()
    certificate = settings.smtp_tls_certificate
    tls = ServerTls(certificate, settings.smtp_tls_key or certificate) if certificate else None
    database = Database(settings.database_url)
    committer = Committer(database, lambda: datetime.now(UTC))
    return_freed_memory()
    backpressure = Backpressure(database, min_free_bytes=settings.min_free_bytes, max_waiting=settings.max_waiting)
    make_listener = partial(
        Listener,
        settings=settings,
        intake=Intake(settings.intake, settings.hostname),
        committer=committer,
        backpressure=backpressure,
        rates=Rates(settings.sender_rate, settings.network_rate),
        tls=tls,
        passwords=Passwords(settings.smtp_passwords) if settings.smtp_passwords else None,
        folder=spill_folder(database.folder),
        budget=Budget(settings.smtp_max_bytes_at_once),
        failed_logins_of=Rate(FAILED_LOGINS),
    )
    smtp, lmtp = make_listener(Protocol), make_listener(Lmtp)
    try:
        address = await smtp.listen("SODAN_SMTP_LISTEN", settings.smtp_listen)
        lmtp_address = await lmtp.listen("SODAN_LMTP_LISTEN", settings.lmtp_listen) if settings.lmtp_listen else None
    except Refused:
        await smtp.stop(0)
        raise
    committer.start()
    backpressure_task = loop.create_task(backpressure.watch())  # it may create the database file
    try:
        yield RunningServer(address, lmtp_address, tls.reload if tls else lambda: None)
    finally:
        await asyncio.gather(smtp.stop(settings.stop_seconds), lmtp.stop(settings.stop_seconds))
        backpressure.stopped.set()
        await loop.run_in_executor(None, committer.stop)
        await asyncio.wait({backpressure_task}, timeout=CHECK_SECONDS)  # a check of a database that hangs takes longer
        await loop.run_in_executor(None, database.close)
        await backpressure_task


def spill_folder(database_folder: Path | None) -> Path | None:
    """Return a writable folder for large messages, or None. It is that of the SQLite file, or `/var/tmp`."""
    for folder in filter(None, (database_folder, Path("/var/tmp"))):  # noqa: S108 - no name, and mode 0600
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
    return None
