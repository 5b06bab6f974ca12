"""`sodan backup`, `restore` and `webhooks` (which a restore disables)."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from service.cli import start
from service.store import backup as archive
from service.store import contents, spool_view
from service.store import webhooks as hooks
from service.store.blob_store import blob_store_of


def backup(file: Path) -> int:
    """Write all data (mails, cases, manual changes, tokens) to one new file. sodan can run meanwhile.

    The file is as confidential as the mails. If a raw mail is missing in SODAN_CONTENT_STORE, the exit status is 1.

    Args:
        file: The file to write. It must not exist. If it is a folder, a file named after the current time is written
            there.
    """
    settings = start.settings()
    if file.is_dir():
        file = file / f"sodan-{start.now():%Y-%m-%d-%H%M%S}.backup"
    manifest = archive.backup(start.database(settings), blob_store_of(settings), file, start.now())
    mails, cases = start.counted(manifest.rows["spool"], "mail"), start.counted(manifest.rows["cases"], "case")
    start.say(f"{file}: {mails}, {cases}, {file.stat().st_size} bytes")
    for key in manifest.missing:
        start.say(f"this raw mail is missing in SODAN_CONTENT_STORE, so the backup does not contain it: {key}")
    return start.FOUND_WRONG if manifest.missing else 0


def restore(file: Annotated[Path, Parameter(help="A file that `sodan backup` wrote.")]) -> int:
    """Restore a backup into an empty database (SQLite or PostgreSQL), and check every mail."""
    settings = start.settings()
    database, store = start.database(settings, make=True), blob_store_of(settings)
    manifest = archive.restore(database, store, file)
    ledger, wrong = database.read(spool_view.ledger), list(contents.check(database, store))
    start.say(
        f"restored as of {manifest.made_at}: accepted {ledger.accepted} = taken in {ledger.taken_in}"
        f" + waiting {ledger.waiting} + shunted {ledger.shunted}, "
        f"{start.counted(manifest.rows['cases'], 'case')}"
    )
    for id, problem in wrong:
        start.say(f"{id}: {problem}")
    if manifest.rows.get("webhooks"):
        start.say(
            "webhooks are disabled, because the original installation may still send their events: see `sodan webhooks`"
        )
    return start.FOUND_WRONG if wrong or not ledger.balanced else 0


_RELEASE = "Enable them, for events from now on. Before that, stop the original installation."


def webhooks(*, release: Annotated[bool, Parameter(help=_RELEASE)] = False) -> None:
    """List the webhooks that are disabled after a restore, or enable them."""
    database = start.database(start.settings())
    if release:
        count = database.transact(lambda conn: hooks.enable_held(conn, start.now()))
        start.say(f"{start.counted(count, 'webhook is', 'webhooks are')} enabled")
        return
    for url in database.read(hooks.held):
        print(url)
