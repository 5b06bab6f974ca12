"""Queries about the spool for people and for monitoring."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text

from service.store.spool import RECIPIENTS, ROW, WAITING, recipients_of
from service.store.sql import one_row
from service.store.tables import contents, deliveries, events, spool

_SHOWN = (*(column for column in ROW if not column.name.startswith("leased")), RECIPIENTS)
_NOT_DONE = text("spool.state <> 'done'")  # exactly the condition of the partial index


@dataclass(frozen=True, slots=True)
class Ledger:
    """Counts of accepted mail: ``accepted = taken_in + waiting + shunted``. See docs/design.md, Principles."""

    accepted: int
    taken_in: int
    waiting: int
    shunted: int

    @property
    def balanced(self) -> bool:
        return self.accepted == self.taken_in + self.waiting + self.shunted


def listing(
    conn: Connection, state: str | None = None, limit: int = 100, before: str | None = None
) -> list[dict[str, Any]]:
    """Return a page of entries without their raw mails, newest first. ``before``: the last id of the previous page."""
    query = select(*_SHOWN).order_by(spool.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(spool.c.state == state)
    if state not in (None, "done"):
        query = query.where(_NOT_DONE)
    if before is not None:
        query = query.where(spool.c.id < before)
    return [_described(row) for row in conn.execute(query)]


def entry(conn: Connection, id: str) -> dict[str, Any]:
    """Return one entry without its raw mail. Raises NotFound."""
    query = select(*_SHOWN).where(spool.c.id == id)
    return _described(one_row(conn, query, f"there is no received mail {id}"))


def _described(row: Any) -> dict[str, Any]:
    """Return the columns of an entry. If its recipients cannot be decoded, they are an empty list."""
    described = dict(row._mapping)
    try:
        described["rcpt_tos"] = recipients_of(described.pop("recipients"))
    except ValueError:
        described["rcpt_tos"] = []
    return described


def ledger(conn: Connection) -> Ledger:
    """Return exact counts, read from indexes. ``accepted`` counts raw mails; the others count entries by state."""
    by_state = counts_not_done(conn)
    entries, raw_mails = (
        int(conn.execute(select(func.count()).select_from(table)).scalar_one()) for table in (spool, contents)
    )
    taken_in = entries - sum(by_state.values())
    return Ledger(raw_mails, taken_in, by_state.get("waiting", 0), by_state.get("shunted", 0))


def counts_not_done(conn: Connection) -> dict[str, int]:
    """Return state → number of entries, without the state *done*. It reads only the partial index."""
    query = select(spool.c.state, func.count()).where(_NOT_DONE).group_by(spool.c.state)
    return {state: int(number) for state, number in conn.execute(query)}


def last_shunted(conn: Connection) -> int | None:
    """Return the id of the event of the last mail that was shunted, or None."""
    query = select(events.c.id).where(events.c.case_id.is_(None), events.c.kind == "spool.shunted")
    return conn.execute(query.order_by(events.c.id.desc()).limit(1)).scalar()


def done_without_message(conn: Connection) -> list[str]:
    """Return the ids of up to ten entries that are done but have no message. There should be none."""
    query = select(spool.c.id).outerjoin(deliveries, deliveries.c.spool_id == spool.c.id)
    query = query.where(spool.c.state == "done", deliveries.c.spool_id.is_(None)).limit(10)
    return [str(id) for id in conn.execute(query).scalars()]


def oldest_waiting(conn: Connection) -> datetime | None:
    """Return the time of receipt of the mail that has waited longest, or None."""
    return conn.execute(select(func.min(spool.c.received_at)).where(WAITING)).scalar()


def newest(conn: Connection) -> datetime | None:
    """Return the time of receipt of the newest mail, or None."""
    return conn.execute(select(spool.c.received_at).order_by(spool.c.id.desc()).limit(1)).scalar()
