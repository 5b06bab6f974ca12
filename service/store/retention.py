"""Deletes old data according to the settings: raw mails first, whole cases later.

A case is inactive while it is resolved or closed, not merged into another, and unchanged. After the first period its
raw mails are deleted (the extracted text stays); after the second, the case and everything merged into it. A mail is
kept if it also belongs to a case that has not been inactive for that long, and if it was never processed.

Each case is handled in transactions of its own and checked again inside each, so mail may arrive meanwhile and an
interrupted run can be repeated. A raw mail in external storage is marked as ``going``, its file is deleted, then it is
marked as ``gone``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select, update

from service.store import case_deletion, contents, links
from service.store.blob_store import BlobStore
from service.store.cases import survivor
from service.store.database import Database, one_at_a_time
from service.store.statements import exists, tell
from service.store.tables import cases, deliveries, messages
from service.store.tables import contents as content_table
from service.store.tables import spool as spool_table

_CASES = 200  # cases examined in one transaction


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a case must have been inactive; None: kept for ever."""

    raw: timedelta | None  # until its raw mails are deleted
    cases: timedelta | None  # until the case is deleted

    @classmethod
    def of_days(cls, raw: int, cases: int) -> Terms:
        """Return the terms for a number of days, as in the settings; 0: kept for ever."""
        return cls(timedelta(days=raw) if raw else None, timedelta(days=cases) if cases else None)


@dataclass(frozen=True, slots=True)
class Due:
    """A case of which something can be deleted."""

    case_id: int
    status: str
    since: datetime  # when it was last changed
    whole: bool  # True: the case itself; False: its raw mails only
    messages: int
    mails: int  # number of raw mails to delete
    size: int  # their total size in bytes, as received


@dataclass(slots=True)
class Gone:
    """Numbers of what was deleted."""

    cases: int = 0
    messages: int = 0
    mails: int = 0  # raw mails deleted; of some the time of receipt and the SHA-256 remain

    def add(self, other: Gone) -> None:
        self.cases += other.cases
        self.messages += other.messages
        self.mails += other.mails


def due(database: Database, terms: Terms, now: datetime) -> Iterator[list[Due]]:
    """Yield lists of cases that are due, one transaction per list; a list may be empty."""
    after = 0
    while True:
        found, last = database.read(partial(_window, terms=terms, now=now, after=after))
        if last is None:
            return
        yield found
        after = last


def remove_due(database: Database, outside: BlobStore | None, one: Due, terms: Terms, now: datetime) -> Gone:
    """Delete what is due of a case, if it is still due. Raises Unavailable; a repeated call then does the rest."""
    term = terms.cases if one.whole else terms.raw
    assert term is not None
    until = now - term
    marked = database.transact(partial(_mark, case_id=one.case_id, until=until, whole=one.whole))
    for id, key in marked:
        if key and outside is not None:
            contents.remove_unnamed(database, outside, key, now)
        database.transact(partial(_gone, id=id))
    if one.whole:
        removed = database.transact(partial(_removed, case_id=one.case_id, until=until, now=now))
        return removed or Gone(mails=len(marked))
    if marked:
        database.transact(partial(_tell, mails=len(marked), now=now))
    return Gone(mails=len(marked))


def _window(conn: Connection, terms: Terms, now: datetime, after: int) -> tuple[list[Due], int | None]:
    """Return what is due among the next inactive cases, and the id of the last one; None if there are no more."""
    shortest = min(term for term in (terms.raw, terms.cases) if term is not None)
    rows = conn.execute(
        select(cases.c.id, cases.c.status, cases.c.updated_at)
        .where(cases.c.id > after, *_at_rest(now - shortest))
        .order_by(cases.c.id)
        .limit(_CASES)
    ).all()
    if not rows:
        return [], None
    whole = {row.id for row in rows if terms.cases is not None and row.updated_at <= now - terms.cases}
    whole -= case_deletion.newest(conn)
    raw = {row.id for row in rows} - whole if terms.raw is not None else set()
    extracted = _brought(conn, sorted(whole | raw))
    found = []
    for id, status, since in rows:
        if id in whole | raw:
            until = now - (terms.cases if id in whole else terms.raw)  # type: ignore[operator]
            mails = _may_go(conn, id, extracted[id], until, whole=id in whole)
            if mails or id in whole:
                count = select(func.count()).select_from(messages).where(messages.c.case_id == id)
                size = sum(extracted[id][mail] for mail in mails)
                number = conn.execute(count).scalar_one()
                found.append(Due(id, status, since, id in whole, number, len(mails), size))
    return found, rows[-1].id


def _at_rest(until: datetime) -> tuple[Any, ...]:
    return (cases.c.status.in_(("resolved", "closed")), cases.c.merged_into.is_(None), cases.c.updated_at <= until)


def _rests(conn: Connection, case_id: int, until: datetime) -> bool:
    return exists(conn, select(cases.c.id).where(cases.c.id == case_id, *_at_rest(until)))


def _brought(conn: Connection, numbers: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return, by case, the mails that brought its messages and are not deleted: spool id → size in bytes."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    query = (
        select(messages.c.case_id, spool_table.c.id, spool_table.c.size)
        .join_from(messages, deliveries, deliveries.c.message_id == messages.c.id)
        .join(spool_table, spool_table.c.id == deliveries.c.spool_id)
        .join(content_table, content_table.c.id == spool_table.c.id)
        .where(messages.c.case_id.in_(numbers), spool_table.c.state == "done", content_table.c.codec != contents.GONE)
    )
    for case, id, size in conn.execute(query):
        found[case][id] = size
    return found


def _may_go(conn: Connection, case_id: int, mails: Collection[str], until: datetime, *, whole: bool) -> list[str]:
    """Return those of the mails that no other case still needs.

    All their other cases must be part of ``case_id`` or, unless ``whole``, have been inactive since ``until``.
    """
    if not mails:
        return []
    brought = select(deliveries.c.spool_id, messages.c.case_id).join(messages, messages.c.id == deliveries.c.message_id)
    queries = (
        brought.where(deliveries.c.spool_id.in_(mails)),
        select(messages.c.spool_id, messages.c.case_id).where(messages.c.spool_id.in_(mails)),
    )
    others = {(id, case) for query in queries for id, case in conn.execute(query) if case != case_id}
    needing = set()
    for case in sorted({case for _, case in others}):
        end = survivor(conn, case)
        if end != case_id and (whole or not _rests(conn, end, until)):
            needing.add(case)
    return sorted(set(mails) - {id for id, case in others if case in needing})


def _mark(conn: Connection, case_id: int, until: datetime, whole: bool) -> list[tuple[str, str]]:
    """Empty the raw mails in rows, mark those in external storage; returns (spool id, key of the file or "")."""
    one_at_a_time(conn)
    if not _rests(conn, case_id, until):
        return []
    parts = [case_id, *links.merged_into(conn, case_id)]
    there = [id for mails in _brought(conn, parts).values() for id in mails]
    mails = _may_go(conn, case_id, there, until, whole=whole)
    rows = conn.execute(contents.HEADS.where(spool_table.c.id.in_(mails)).order_by(spool_table.c.id)).all()
    outside = [row.id for row in rows if row.codec in (contents.OUTSIDE, contents.GOING)]
    for codec, ids in ((contents.GOING, outside), (contents.GONE, [row.id for row in rows if row.id not in outside])):
        conn.execute(update(content_table).where(content_table.c.id.in_(ids)).values(codec=codec, bytes=b""))
    return [(row.id, row.sha256 if row.id in outside else "") for row in rows]


def _gone(conn: Connection, id: str) -> None:
    going = (content_table.c.id == id, content_table.c.codec == contents.GOING)
    conn.execute(update(content_table).where(*going).values(codec=contents.GONE))


def _removed(conn: Connection, case_id: int, until: datetime, now: datetime) -> Gone | None:
    """Delete a case; None if it is no longer inactive, or must stay for now."""
    one_at_a_time(conn)
    numbers = case_deletion.remove(conn, case_id, now) if _rests(conn, case_id, until) else None
    return Gone(1, *numbers) if numbers else None


def _tell(conn: Connection, mails: int, now: datetime) -> None:
    one_at_a_time(conn)
    tell(conn, "contents.removed", now, {"mails": mails})
