"""Deletes a case, and the cases merged into it, from all tables and the search index.

A mail that also belongs to another case stays there, with its raw bytes. Ids must not be reused. But SQLite continues
from the highest existing id. Therefore the case, message and event with the highest id stay until there is a higher id.
Case ids may remain in the events of corrections and in the evidence of other mails.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from service.store import links, search, spool
from service.store.cases import survivor
from service.store.contents import GOING, OUTSIDE
from service.store.sql import THESE, chunks, in_chunks, write_event
from service.store.tables import attachments, case_links, cases, contents, deliveries, events, messages, thread_keys
from service.store.tables import spool as spool_table


def remove(conn: Connection, case_id: int, now: datetime) -> tuple[int, int] | None:
    """Delete a case and return how many messages and mails it had; None if it must stay.

    It also stays while one of its raw mails is in external storage. Call ``one_at_a_time`` before.
    """
    if case_id in newest(conn):
        return None
    mails = exclusive(conn, case_id, mails_of(conn, [case_id])[case_id])
    if any(mail.codec in (OUTSIDE, GOING) for mail in mails):
        return None
    numbers = list(conn.execute(select(messages.c.id).where(messages.c.case_id == case_id)).scalars())
    # written before events are deleted: otherwise SQLite would reuse the id of the last event, which readers know
    write_event(conn, "case.removed", now, {"number": case_id, "messages": len(numbers), "mails": len(mails)})
    parts = [case_id, *links.merged_into(conn, case_id)]
    _unrelate(conn, parts)
    search.remove(conn, numbers)
    ids = select(messages.c.id).where(messages.c.case_id == case_id)  # too many for a list of parameters
    for statement in (
        update(messages).where(messages.c.found_in.in_(ids)).values(found_in=None),
        delete(thread_keys).where(thread_keys.c.message_id.in_(ids)),
        delete(deliveries).where(deliveries.c.message_id.in_(ids)),
        delete(attachments).where(attachments.c.message_id.in_(ids)),
        delete(messages).where(messages.c.case_id == case_id),
    ):
        conn.execute(statement)
    shunted = (events.c.case_id.is_(None), events.c.kind == "spool.shunted")
    for chunk in chunks([mail.id for mail in mails]):
        conn.execute(delete(events).where(*shunted, events.c.data["spool"].as_string().in_(chunk)))
        spool.delete_entries(conn, chunk)
    conn.execute(delete(cases).where(cases.c.id.in_(parts)))  # dependent rows are deleted by cascade
    return len(numbers), len(mails)


def newest(conn: Connection) -> set[int]:
    """Return the cases with the highest case id and message id. After a deletion, SQLite would use these ids again."""
    highest = conn.execute(select(func.max(cases.c.id))).scalar()
    last = conn.execute(select(messages.c.case_id).order_by(messages.c.id.desc()).limit(1)).scalar()
    return {survivor(conn, number) for number in (highest, last) if number is not None}


_MAILS = (
    select(messages.c.case_id, spool_table.c.id, spool_table.c.size, spool_table.c.sha256, contents.c.codec)
    .distinct()
    .join_from(messages, deliveries, deliveries.c.message_id == messages.c.id)
    .join(spool_table, spool_table.c.id == deliveries.c.spool_id)
    .join(contents, contents.c.id == spool_table.c.id)
    .where(messages.c.case_id.in_(THESE), spool_table.c.state == "done")
)
_CASES = (
    select(deliveries.c.spool_id, messages.c.case_id)
    .join(messages, messages.c.id == deliveries.c.message_id)
    .where(deliveries.c.spool_id.in_(THESE))
)


def mails_of(conn: Connection, case_ids: Sequence[int], *which: Any) -> dict[int, list[Any]]:
    """Return case → its processed mails that meet the conditions, as rows with id, size, sha256 and codec."""
    mails: dict[int, list[Any]] = defaultdict(list)
    for mail in in_chunks(conn, _MAILS.where(*which), case_ids):
        mails[mail.case_id].append(mail)
    return mails


def exclusive(
    conn: Connection, case_id: int, mails: Sequence[Any], needs: Callable[[int], bool] = lambda case: True
) -> list[Any]:
    """Return those of the mails of a case that no other case needs.

    ``needs``: whether another case, which has a message of such a mail, needs the mail.
    """
    users = {(id, case) for id, case in in_chunks(conn, _CASES, [mail.id for mail in mails]) if case != case_id}
    needing = {case for case in {case for _, case in users} if needs(case)}
    needed = {id for id, case in users if case in needing}
    return [mail for mail in mails if mail.id not in needed]


def _unrelate(conn: Connection, parts: Sequence[int]) -> None:
    """Remove the cases ``parts`` from the related cases of all other cases."""
    linked = select(case_links.c.case_id).where(case_links.c.other_id.in_(parts), case_links.c.case_id.not_in(parts))
    for row in conn.execute(select(cases.c.id, cases.c.document).where(cases.c.id.in_(linked))).all():
        related = [key for key in row.document.get("related", ()) if int(key.rpartition("-")[2]) not in parts]
        document = {**row.document, "related": related}
        conn.execute(update(cases).where(cases.c.id == row.id).values(document=document, version=cases.c.version + 1))
