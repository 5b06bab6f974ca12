"""`sodan contents`: where raw mails are stored."""

from collections import Counter

from cyclopts import App

from service.cli import start
from service.store import contents as stored
from service.store.blob_store import blob_store_of

contents = App(name="contents", help="Raw mails: check, move, tidy.")


@contents.command
def check() -> int:
    """Read every raw mail and check that it is unchanged. Exit status 1: a mail is missing or changed."""
    settings = start.settings()
    database, store, wrong = start.database(settings), blob_store_of(settings), 0
    for id, problem in stored.check(database, store):
        wrong += 1
        print(f"{id}  {problem}")
    for key in stored.find_inconsistencies(database, store, start.now())[1]:
        print(f"{key}  belongs to no mail; `sodan contents tidy` deletes it")
    if not wrong:
        start.say("all raw mails are complete")
        return 0
    start.say(f"{start.counted(wrong, 'raw mail is', 'raw mails are')} missing or changed; restore from a backup")
    return start.FOUND_WRONG


@contents.command
def move(*, before: str | None = None) -> None:
    """Move raw mails to the place that SODAN_CONTENT_STORE names. sodan can keep running.

    Args:
        before: The previous value of SODAN_CONTENT_STORE, if it was a folder or a bucket. Nothing is deleted there.
    """
    settings = start.settings()
    old = blob_store_of(start.settings(content_store=before)) if before is not None else None
    writer = stored.BlobWriter(blob_store_of(settings), settings.content_store_from_bytes)
    moved: Counter[str] = Counter()
    for id, codec in stored.move(start.database(settings), writer, old):
        moved[codec] += 1
        print(f"{id}  {'outside' if codec == 'file' else 'in the database'}")
    start.say(f"moved {moved['file']} outside, {moved['zstd']} into the database")


@contents.command
def tidy() -> None:
    """Delete files in SODAN_CONTENT_STORE that belong to no mail, such as files left by a crash."""
    settings, count = start.settings(), 0
    store = blob_store_of(settings)
    for key in stored.tidy(start.database(settings), store, start.now()) if store is not None else ():
        print(key)
        count += 1
    start.say(f"deleted {start.counted(count, 'file')} that belonged to no mail")
