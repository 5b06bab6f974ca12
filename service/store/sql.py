"""Helpers for SQL statements: IN lists in chunks, inserts, events, and queues."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Dialect,
    Table,
    Update,
    and_,
    bindparam,
    func,
    insert,
    make_url,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import NotFound
from service.store.database import run_for_each
from service.store.tables import events, to_json

THESE: BindParameter[Any] = bindparam("these", expanding=True)
"""The values of an IN list: ``column.in_(THESE)``; a call gives them as ``{"these": values}``."""
_CHUNK = 400  # values per IN list
NO_LEASE: Mapping[str, None] = {"leased_by": None, "leased_until": None}


class Queue:
    """A table used as a queue. Each process leases waiting rows: first the row that has been due longest.

    A row is free if its state is ``waiting``, it is due, and nobody leases it. SQL statements are built once, because
    building a statement takes longer than running it.
    """

    def __init__(self, table: Table, *columns: Any, longest: timedelta | None = None) -> None:
        """Build the statements. ``columns``: what ``first`` returns.

        ``longest``: the longest delay of a row. A row that is due even later counts as due
        now, because the clock must have been set back.
        """
        self.table, self._longest = table, longest
        now: Any = bindparam("now")
        [key] = table.primary_key.columns
        self.waiting = text(f"{table.name}.state = 'waiting'")
        """The condition of the partial index, word for word, so that the planner uses that index."""
        due = table.c.due_at <= now
        if longest is not None:
            due = or_(due, table.c.due_at > bindparam("too_late"))
        self.free = and_(self.waiting, due, or_(table.c.leased_until.is_(None), table.c.leased_until <= now))
        self._any = select(true()).select_from(table).where(self.free).limit(1)
        self._first = (
            select(*(columns or (table,)))
            .where(self.free)
            .order_by(table.c.due_at, key)
            .limit(bindparam("most"))
            .with_for_update(skip_locked=True)
        )
        leased: dict[str, Any] = {"leased_by": bindparam("by"), "leased_until": bindparam("until")}
        self._lease = update(table).where(key.in_(THESE)).values(attempts=table.c.attempts + 1, **leased)

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

    def counts(self, conn: Connection) -> dict[str, int]:
        """Return state → number of rows."""
        query = select(self.table.c.state, func.count()).group_by(self.table.c.state)
        return {state: int(number) for state, number in conn.execute(query)}


def upsert(conn: Connection, table: Table) -> Any:
    """Return an INSERT that can ignore or update an existing row (ON CONFLICT)."""
    return (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(table)


def write_rows(conn: Connection, to: Table | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows into a table, or run an update for each row, bypassing most of SQLAlchemy.

    All rows have the same names. The rows of an insert also set each column that has a Python default. The update is a
    constant of a module, and all its parameters are in the rows. ``Connection.execute`` takes twice as long for rows
    with many columns.
    """
    if rows:
        run_for_each(conn, *for_driver(conn, to, rows))


def for_driver(conn: Connection, to: Table | Update, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[Any]]:
    """Return the statement in the driver's syntax, and its values as a list of tuples.

    There is one tuple for each row. For an insert on PostgreSQL, there is one tuple with an array for each column.
    """
    kind = conn.dialect.name
    statement, parameters = _for_driver(to, (*rows[0],), kind)
    values = [
        tuple([row[name] if convert is None else convert(row[name]) for name, convert in parameters]) for row in rows
    ]
    if kind == "postgresql" and isinstance(to, Table):
        return insert_of_arrays(to, tuple(name for name, _ in parameters)), [
            tuple(map(list, zip(*values, strict=True)))
        ]
    return statement, values


@cache
def _for_driver(to: Table | Update, names: tuple[str, ...], kind: str) -> tuple[str, list[tuple[str, Any]]]:
    """Return the statement for the driver, and the name and converter of each parameter."""
    dialect = _dialect(kind)
    statement = insert(to) if isinstance(to, Table) else to
    compiled: Any = statement.compile(dialect=dialect, column_keys=names)
    types = [(name, compiled.binds[name].type.dialect_impl(dialect)) for name in compiled.positiontup]
    return str(compiled), [(name, its.bind_processor(dialect)) for name, its in types]


@cache
def insert_of_arrays(table: Table, names: tuple[str, ...], before: int = 0) -> str:
    """Return PostgreSQL's fastest INSERT of many rows: one array per column.

    ``before``: number of earlier parameters.
    """
    types = {name: table.c[name].type.compile(_dialect("postgresql")).partition("(")[0] for name in names}
    # an array of jsonb cannot be bound as strings: it is sent as text and cast row by row
    arrays = (
        f"${place}::{'TEXT' if types[name] == 'JSONB' else types[name]}[]"
        for place, name in enumerate(names, before + 1)
    )
    values = (f'"{name}"::JSONB' if types[name] == "JSONB" else f'"{name}"' for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {', '.join(values)} "  # noqa: S608 - names of our tables
        f"FROM unnest({', '.join(arrays)}) AS given({columns})"
    )


@cache
def _dialect(kind: str) -> Dialect:
    make: Callable[..., Dialect] = make_url("sqlite://" if kind == "sqlite" else "postgresql+asyncpg://").get_dialect()
    return make(json_serializer=to_json)


def one_row(conn: Connection, query: Any, missing: str) -> Any:
    """Return the only row of a query. Raises NotFound with the text ``missing`` if there is none."""
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(missing)
    return row


def exists(conn: Connection, query: Any) -> bool:
    return conn.execute(query.limit(1)).first() is not None


def chunks(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[i : i + _CHUNK] for i in range(0, len(values), _CHUNK))


def in_chunks(conn: Connection, query: Any, these: Sequence[Any]) -> Iterator[Any]:
    """Yield the rows of a query with the IN list ``THESE``. The list may have any number of values."""
    for chunk in chunks(these):
        yield from conn.execute(query, {"these": chunk}).all()


def ids_within(rows: Sequence[Any], max_bytes: int) -> list[str]:
    """Return the ids of the first rows whose total size is at most ``max_bytes``. Returns at least one."""
    total = [*accumulate(row.size for row in rows)]
    return [row.id for number, row in enumerate(rows) if number == 0 or total[number] <= max_bytes]


def write_event(
    conn: Connection, kind: str, now: datetime, data: Mapping[str, Any], *, case: int | None = None, who: str = ""
) -> int:
    """Insert an event and return its id. Call ``one_at_a_time`` before, so that ids are in the order of commits."""
    event = insert(events).values(case_id=case, kind=kind, who=who, at=now, data=dict(data))
    return int(conn.execute(event.returning(events.c.id)).scalar_one())
