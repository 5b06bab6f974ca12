"""`sodan import`: receives and processes mail from files, with a progress bar."""

from dataclasses import replace
from pathlib import Path
from time import sleep
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.app import worker_of
from service.cli import start
from service.importer import Imported, find, import_files
from service.intake import AppContext
from service.settings import Settings
from service.store import keys, migrate, search, spool_view
from service.store.database import Database


def import_(
    paths: Annotated[tuple[Path, ...], Parameter(help=".eml files, mbox files, Maildirs, or folders of them.")],
) -> int:
    """Import mail from files. Importing the same mail again changes nothing."""
    settings = start.settings()
    database = start.database(settings, make=True)
    files = find(paths)
    context = AppContext.of(settings)
    migrate.migrate(database)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=False) as progress:
        bar = progress.add_task("receive", total=len(files))

        def show_progress(state: Imported) -> None:
            progress.update(bar, completed=state.files)

        result = import_files(database, files, start.now(), settings.max_message_bytes, show_progress)
        _take_in(settings, database, context, progress)
    ledger = database.read(spool_view.ledger)
    start.say(
        f"{start.counted(result.mails, 'mail')} in {start.counted(result.files, 'file')}: {result.received} new, "
        f"{result.known} known already; accepted "
        f"{ledger.accepted} = taken in {ledger.taken_in} + waiting {ledger.waiting} + shunted {ledger.shunted}"
    )
    for source in result.too_large:
        start.say(f"not imported: {source} is larger than SODAN_MAX_MESSAGE_BYTES ({settings.max_message_bytes})")
    return start.FOUND_WRONG if ledger.shunted or result.too_large else 0


def _take_in(settings: Settings, database: Database, context: AppContext, progress: Progress) -> None:
    """Process mail like a worker until none is waiting."""
    key = database.transact(lambda conn: keys.key(conn, "case", start.now()))
    worker = worker_of(settings, database, replace(context, ingest=replace(context.ingest, secret=key)))
    waiting = database.read(spool_view.counts_not_done).get("waiting", 0)
    bar = progress.add_task("process", total=waiting)
    while waiting:
        if not worker.step():
            sleep(0.05)  # the waiting mails are leased to other workers, or not due yet
        still_waiting = database.read(spool_view.counts_not_done).get("waiting", 0)
        progress.update(bar, advance=max(0, waiting - still_waiting))
        waiting = still_waiting
    while database.transact(search.index_pending):
        pass
