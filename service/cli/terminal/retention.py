"""`sodan retention`: what the retention settings allow to be deleted, case by case, and what was deleted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from service.cli.terminal.tables import print_rows
from service.store import compaction
from service.store.blob_store import BlobStore
from service.store.compaction import Remains
from service.store.database import Database
from service.store.retention import Due, Gone, Terms, due, remove_due

FOUND_WRONG = 1
COLUMNS = ("case", "status", "since", "goes", "messages", "mails", "bytes")


def retire(
    database: Database,
    outside: BlobStore | None,
    terms: Terms,
    prefix: str,
    now: datetime,
    *,
    apply: bool,
    compact: bool,
    as_json: bool,
) -> int:
    """Show what would be deleted, or delete it; print the cases to stdout."""
    if terms.raw is None and terms.cases is None:
        _say("nothing is ever deleted: set SODAN_RETENTION_RAW_DAYS or SODAN_RETENTION_CASES_DAYS to change that")
        return 0
    gone = Gone()

    def rows() -> Iterator[dict[str, Any]]:
        for some in due(database, terms, now):
            for one in some:
                gone.add(remove_due(database, outside, one, terms, now) if apply else _would(one))
                yield _row(one, prefix)

    print_rows(rows(), COLUMNS, as_json=as_json)
    counted = f"{gone.cases} cases with {gone.messages} messages, {gone.mails} raw mails"
    if not apply:
        _say(f"would be deleted: {counted}; nothing was changed, --apply deletes permanently")
        return 0
    remains = compaction.compact(database) if compact else Remains()
    _say(f"deleted: {counted}")
    for words in (*remains.here, *remains.elsewhere):
        _say(f"deleted text may remain in {words}")
    return FOUND_WRONG if remains.here else 0


def _would(one: Due) -> Gone:
    return Gone(int(one.whole), one.messages if one.whole else 0, one.mails)


def _row(one: Due, prefix: str) -> dict[str, Any]:
    return {
        "case": f"{prefix}-{one.case_id}",
        "status": one.status,
        "since": one.since,
        "goes": "the case" if one.whole else "raw mails",
        "messages": one.messages,
        "mails": one.mails,
        "bytes": one.size,
    }


def _say(words: str) -> None:
    print(f"sodan: {words}", file=sys.stderr)
