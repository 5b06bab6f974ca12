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

from sqlalchemy import Connection, func, insert, select, update

from service.store import case_deletion, contents, links
from service.store.blob_store import BlobStore
from service.store.cases import survivor
from service.store.database import Database, one_at_a_time
from service.store.tables import cases, deliveries, events, messages
from service.store.tables import contents as content_table
from service.store.tables import spool as spool_table

_CASES = 200
"""Cases examined in one transaction."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a case must have been inactive; None: kept for ever."""

    raw: timedelta | None
    """Until its raw mails are deleted."""
    cases: timedelta | None
    """Until the case is deleted."""

    @classmethod
    def of_days(cls, raw: int, cases: int) -> Terms:
        """Return the terms for a number of days, as in the settings; 0: kept for ever."""
        return cls(timedelta(days=raw) if raw else None, timedelta(days=cases) if cases else None)


@dataclass(frozen=True, slots=True)
class Due:
    """A case of which something can be deleted."""

    case_id: int
    status: str
    since: datetime
    """When it was last changed."""
    whole: bool
    """True: the case itself; False: its raw mails only."""
    messages: int
    mails: int
    """Number of raw mails to delete."""
    size: int
    """Their total size in bytes, as received."""


@dataclass(slots=True)
class Gone:
    """Numbers of what was deleted."""

    cases: int = 0
    messages: int = 0
    mails: int = 0
    """Raw mails deleted; of some the time of receipt and the SHA-256 remain."""

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
        if key and outside is not None and not database.read(partial(contents.named, key=key)):
            # no row refers to it; if a row is about to, its file was just written and is young
            written = outside.written(key)
            if written is not None and now - written > contents.YOUNG:
                outside.remove(key)
        database.transact(partial(_gone, id=id))
    if one.whole:
        removed = database.transact(partial(_removed, case_id=one.case_id, until=until, now=now))
        return removed or Gone(mails=len(marked))
    if marked:
        database.transact(partial(_tell, mails=len(marked), now=now))
    return Gone(mails=len(marked))


# ── look ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


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
    for row in rows:
        if row.id not in whole and row.id not in raw:
            continue
        until = now - (terms.cases if row.id in whole else terms.raw)  # type: ignore[operator]
        mails = _may_go(conn, row.id, extracted[row.id], until, whole=row.id in whole)
        if not mails and row.id not in whole:
            continue
        count = conn.execute(
            select(func.count()).select_from(messages).where(messages.c.case_id == row.id)
        ).scalar_one()
        size = sum(extracted[row.id][id] for id in mails)
        found.append(Due(row.id, row.status, row.updated_at, row.id in whole, int(count), len(mails), size))
    return found, rows[-1].id


def _at_rest(until: datetime) -> tuple[Any, ...]:
    return (cases.c.status.in_(("resolved", "closed")), cases.c.merged_into.is_(None), cases.c.updated_at <= until)


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
    elsewhere: dict[str, set[int]] = defaultdict(set)
    by_way = (
        select(deliveries.c.spool_id, messages.c.case_id)
        .join(messages, messages.c.id == deliveries.c.message_id)
        .where(deliveries.c.spool_id.in_(mails))
    )
    by_words = select(messages.c.spool_id, messages.c.case_id).where(messages.c.spool_id.in_(mails))
    for query in (by_way, by_words):
        for id, case in conn.execute(query):
            if case != case_id:
                elsewhere[id].add(case)
    resting = {}
    for case in sorted(set().union(*elsewhere.values())):
        end = survivor(conn, case)
        asked = select(cases.c.id).where(cases.c.id == end, *_at_rest(until))
        resting[case] = end == case_id or (not whole and conn.execute(asked).first() is not None)
    return sorted(id for id in mails if all(resting[case] for case in elsewhere[id]))


# ── raw mails ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _mark(conn: Connection, case_id: int, until: datetime, whole: bool) -> list[tuple[str, str]]:
    """Empty the raw mails in rows, mark those in external storage; returns (spool id, key of the file or "")."""
    one_at_a_time(conn)
    if conn.execute(select(cases.c.id).where(cases.c.id == case_id, *_at_rest(until))).first() is None:
        return []
    parts = [case_id, *links.merged_into(conn, case_id)]
    there = [id for mails in _brought(conn, parts).values() for id in mails]
    mails = _may_go(conn, case_id, there, until, whole=whole)
    query = (
        select(spool_table.c.id, spool_table.c.sha256, content_table.c.codec)
        .join(content_table, content_table.c.id == spool_table.c.id)
        .where(spool_table.c.id.in_(mails))
        .order_by(spool_table.c.id)
    )
    outside = {contents.OUTSIDE, contents.GOING}
    found = [(row.id, row.sha256 if row.codec in outside else "") for row in conn.execute(query)]
    for codec, ids in (
        (contents.GONE, [id for id, key in found if not key]),
        (contents.GOING, [id for id, key in found if key]),
    ):
        conn.execute(update(content_table).where(content_table.c.id.in_(ids)).values(codec=codec, bytes=b""))
    return found


def _gone(conn: Connection, id: str) -> None:
    going = (content_table.c.id == id, content_table.c.codec == contents.GOING)
    conn.execute(update(content_table).where(*going).values(codec=contents.GONE))


def _removed(conn: Connection, case_id: int, until: datetime, now: datetime) -> Gone | None:
    """Delete a case; None if it is no longer inactive, or must stay for now."""
    one_at_a_time(conn)
    if conn.execute(select(cases.c.id).where(cases.c.id == case_id, *_at_rest(until))).first() is None:
        return None
    numbers = case_deletion.remove(conn, case_id, now)
    return Gone(1, *numbers) if numbers else None


def _tell(conn: Connection, mails: int, now: datetime) -> None:
    one_at_a_time(conn)
    conn.execute(insert(events).values(kind="contents.removed", at=now, data={"mails": mails}))
