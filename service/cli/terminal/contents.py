"""`sodan contents`: prints one line per raw mail or file."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime

from service.store import contents
from service.store.blob_store import BlobStore
from service.store.contents import BlobWriter
from service.store.database import Database

FOUND_WRONG = 1


def check_contents(database: Database, outside: BlobStore | None, now: datetime) -> int:
    """Check all raw mails; return status 1 if one is missing or changed.

    Files without a mail are only listed.
    """
    wrong = 0
    for id, words in contents.check(database, outside):
        wrong += 1
        print(f"{id}  {words}")
    for key in contents.find_inconsistencies(database, outside, now)[1]:
        print(f"{key}  belongs to no mail; `sodan contents tidy` deletes it")
    found = (
        f"{wrong} raw mails are missing or changed; restore them from a backup"
        if wrong
        else "all raw mails are complete"
    )
    print(f"sodan: {found}", file=sys.stderr)
    return FOUND_WRONG if wrong else 0


def move_contents(database: Database, outside: BlobStore | None, from_bytes: int, before: BlobStore | None) -> int:
    """Move all raw mails; print their ids to stdout."""
    moved: Counter[str] = Counter()
    for id, codec in contents.move(database, BlobWriter(outside, from_bytes), before):
        moved[codec] += 1
        print(f"{id}  {'outside' if codec == 'file' else 'in the database'}")
    print(f"sodan: moved {moved['file']} outside, {moved['zstd']} into the database", file=sys.stderr)
    return 0


def tidy_contents(database: Database, outside: BlobStore | None, now: datetime) -> int:
    """Delete files that belong to no mail."""
    count = 0
    for key in contents.tidy(database, outside, now) if outside is not None else ():
        print(key)
        count += 1
    print(f"sodan: deleted {count} files that belonged to no mail", file=sys.stderr)
    return 0
