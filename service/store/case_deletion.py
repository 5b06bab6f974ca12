"""Deletes a case, and the cases merged into it, from all tables and the search index.

A mail that also belongs to another case stays there, with its raw bytes. Ids must not be reused. But SQLite continues
from the highest existing id. Therefore the case, message and event with the highest id stay until there is a higher id.
Case ids may remain in the events of corrections and in the evidence of other mails.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, func, select, union, update

from service.store import links, search, spool
from service.store.cases import survivor
from service.store.contents import GOING, HEADS, OUTSIDE
from service.store.sql import THESE, chunks, in_chunks, write_event
from service.store.tables import attachments, case_links, cases, deliveries, events, messages, thread_keys
from service.store.tables import spool as spool_table


def remove(conn: Connection, case_id: int, now: datetime) -> tuple[int, int] | None:
    """Delete a case and return how many messages and mails it had; None if it must stay.

    Call ``one_at_a_time`` before.
    """
    parts = [case_id, *links.merged_into(conn, case_id)]
    if case_id in newest(conn):
        return None
    mails = _exclusive_mails(conn, parts)
    if mails is None:
        return None
    numbers = list(conn.execute(select(messages.c.id).where(messages.c.case_id.in_(parts))).scalars())
    # written before events are deleted: otherwise SQLite would reuse the id of the last event, which readers know
    write_event(conn, "case.removed", now, {"number": case_id, "messages": len(numbers), "mails": len(mails)})
    _unrelate(conn, parts)
    search.remove(conn, numbers)
    ids = select(messages.c.id).where(messages.c.case_id.in_(parts))  # too many for a list of parameters
    for statement in (
        update(messages).where(messages.c.found_in.in_(ids)).values(found_in=None),
        delete(thread_keys).where(thread_keys.c.message_id.in_(ids)),
        delete(deliveries).where(deliveries.c.message_id.in_(ids)),
        delete(attachments).where(attachments.c.message_id.in_(ids)),
        delete(messages).where(messages.c.case_id.in_(parts)),
    ):
        conn.execute(statement)
    shunted = (events.c.case_id.is_(None), events.c.kind == "spool.shunted")
    for chunk in chunks(mails):
        conn.execute(delete(events).where(*shunted, events.c.data["spool"].as_string().in_(chunk)))
        spool.delete_entries(conn, chunk)
    conn.execute(delete(cases).where(cases.c.id.in_(parts)))  # dependent rows are deleted by cascade
    return len(numbers), len(mails)


def newest(conn: Connection) -> set[int]:
    """Return the cases with the highest case id and message id. After a deletion, SQLite would use these ids again."""
    highest = conn.execute(select(func.max(cases.c.id))).scalar()
    last = conn.execute(select(messages.c.case_id).order_by(messages.c.id.desc()).limit(1)).scalar()
    return {survivor(conn, number) for number in (highest, last) if number is not None}


_DELIVERED = (
    select(deliveries.c.spool_id, messages.c.case_id)
    .join(messages, messages.c.id == deliveries.c.message_id)
    .where(deliveries.c.spool_id.in_(THESE))
)
_FOUND = select(messages.c.spool_id, messages.c.case_id).where(messages.c.spool_id.in_(THESE))


def cases_of(conn: Connection, mails: Sequence[str]) -> set[tuple[str, int]]:
    """Return (spool id, case) of every case that has a message from one of these mails."""
    return {(id, case) for query in (_DELIVERED, _FOUND) for id, case in in_chunks(conn, query, mails)}


def _exclusive_mails(conn: Connection, parts: Sequence[int]) -> list[str] | None:
    """Return the spool ids of mails that only these cases contain. None if one is still in external storage."""
    delivered = select(deliveries.c.spool_id).join(messages, messages.c.id == deliveries.c.message_id)
    found = select(messages.c.spool_id).where(messages.c.spool_id.is_not(None))
    both = (query.where(messages.c.case_id.in_(parts)) for query in (delivered, found))
    mails = set(conn.execute(union(*both)).scalars())
    mails -= {id for id, case in cases_of(conn, sorted(mails)) if case not in parts}
    rows = list(in_chunks(conn, HEADS.where(spool_table.c.id.in_(THESE), spool_table.c.state == "done"), sorted(mails)))
    return None if any(row.codec in (OUTSIDE, GOING) for row in rows) else sorted(row.id for row in rows)


def _unrelate(conn: Connection, parts: Sequence[int]) -> None:
    """Remove the cases ``parts`` from the related cases of all other cases."""
    linked = select(case_links.c.case_id).where(case_links.c.other_id.in_(parts), case_links.c.case_id.not_in(parts))
    for row in conn.execute(select(cases.c.id, cases.c.document).where(cases.c.id.in_(linked))).all():
        related = [key for key in row.document.get("related", ()) if int(key.rpartition("-")[2]) not in parts]
        document = {**row.document, "related": related}
        conn.execute(update(cases).where(cases.c.id == row.id).values(document=document, version=cases.c.version + 1))
