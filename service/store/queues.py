"""Leases, and tables that are used as queues: the spool, the outbox, and the jobs of the language model.

A row of a queue is *waiting* until its work is done or given up. A process claims a row before it begins: this counts
an attempt, and gives the process the lease of the row until ``leased_until``. After that, any process may claim the
row. So a row whose work kills its process is detected.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, and_, bindparam, func, or_, select, text, true, update

from service.store.sql import THESE
from service.store.tables import mailboxes, second_readings, spool

RELEASED = (spool, mailboxes, second_readings)
"""The tables whose leases are released when their process has died.

Not the outbox: if two machines have the same host name, a live sender of the other machine looks dead, and a mail would
be sent twice.
"""
NO_LEASE: Mapping[str, None] = {"leased_by": None, "leased_until": None}


class Queue:
    """A table used as a queue. Each process leases waiting rows: first the row that has been due longest.

    A row is free if its state is ``waiting``, it is due, and nobody leases it. SQL statements are built once, because
    building a statement takes longer than running it.
    """

    def __init__(
        self, table: Table, delays: Sequence[timedelta], *columns: Any, longest: timedelta | None = None
    ) -> None:
        """Build the statements. ``columns``: what ``first`` returns.

        ``delays``: delay after the first, second … failed attempt; the failure after the last delay is the last one.
        ``longest``: the longest delay of a row. A row that is due even later counts as due now, because the clock must
        have been set back.
        """
        self.table, self._delays, self._longest = table, delays, longest
        self.max_attempts = len(delays) + 1
        now: Any = bindparam("now")
        [self._key] = table.primary_key.columns
        self.waiting = _waiting(table)
        due = table.c.due_at <= now
        if longest is not None:
            due = or_(due, table.c.due_at > bindparam("too_late"))
        self.free = and_(self.waiting, due, or_(table.c.leased_until.is_(None), table.c.leased_until <= now))
        self._any = select(true()).select_from(table).where(self.free).limit(1)
        self._first = (
            select(*(columns or (table,)))
            .where(self.free)
            .order_by(table.c.due_at, self._key)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
        leased: dict[str, Any] = {"leased_by": bindparam("by"), "leased_until": bindparam("until")}
        self._lease = update(table).where(self._key.in_(THESE)).values(attempts=table.c.attempts + 1, **leased)

    def at(self, now: datetime) -> dict[str, datetime]:
        """Return the parameters of the condition ``free``."""
        return {"now": now} if self._longest is None else {"now": now, "too_late": now + self._longest}

    def anything_due(self, conn: Connection, now: datetime) -> bool:
        """Return whether a row is free. It is cheap enough to call twenty times a second."""
        return conn.execute(self._any, self.at(now)).first() is not None

    def first(self, conn: Connection, now: datetime, most: int = 1, *conditions: Any) -> Sequence[Any]:
        """Return up to ``most`` free rows that meet the conditions, locked until the commit."""
        query = self._first.where(*conditions) if conditions else self._first
        return conn.execute(query, self.at(now) | {"most": most}).all()

    def lease(self, conn: Connection, ids: Sequence[Any], by: str, until: datetime) -> None:
        """Give the process ``by`` the lease of these rows, and count an attempt of each."""
        conn.execute(self._lease, {"these": ids, "by": by, "until": until})

    def held(self, by: Any, *conditions: Any) -> Any:
        """Return the SQL condition for the waiting rows that the process ``by`` leases."""
        return and_(self.table.c.leased_by == by, self.table.c.state == "waiting", *conditions)

    def settle(self, conn: Connection, *which: Any, **values: Any) -> int:
        """Update the rows that meet the conditions ``which``, and end their lease. Returns their number."""
        return conn.execute(update(self.table).where(*which).values(**values, **NO_LEASE)).rowcount

    def back_off(
        self, conn: Connection, id: Any, by: str, now: datetime, *, delay: timedelta | None = None,
        counted: bool = True, **values: Any,
    ) -> bool:  # fmt: skip
        """Let a row wait after a failed attempt, for ``delay`` or the usual delay. Returns False after the last one.

        Then the caller must give the row up. If ``by`` lost the lease, nothing is changed. ``counted``: whether the
        attempt counts; ``values``: columns to set.
        """
        held = self.held(by, self._key == id)
        attempts = conn.execute(select(self.table.c.attempts).where(held).with_for_update()).scalar()
        if attempts is None:
            return True
        if counted and attempts >= self.max_attempts:
            return False
        if delay is None:
            delay = self._delays[min(attempts, len(self._delays)) - 1]
        self.settle(conn, held, due_at=now + delay, attempts=attempts - (not counted), **values)
        return True

    def counts(self, conn: Connection) -> dict[str, int]:
        """Return state → number of rows."""
        query = select(self.table.c.state, func.count()).group_by(self.table.c.state)
        return {state: int(number) for state, number in conn.execute(query)}


def holders(conn: Connection, table: Table) -> set[str]:
    """Return the names of the processes that hold leases of rows of a table."""
    query = select(table.c.leased_by).distinct().where(table.c.leased_by.is_not(None), _waiting(table))
    return {str(by) for by in conn.execute(query).scalars()}


def release(conn: Connection, table: Table, by: str) -> None:
    """Release all leases of the dead process ``by`` in a table. Attempts stay counted."""
    conn.execute(update(table).where(table.c.leased_by == by, _waiting(table)).values(**NO_LEASE))


def _waiting(table: Table) -> Any:
    """Return the condition of the partial index, word for word, so that the planner uses that index."""
    return text(f"{table.name}.state = 'waiting'") if "state" in table.c else true()
