"""Helpers for SQL statements: IN lists in chunks, inserts, events."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import accumulate
from typing import Any

from sqlalchemy import BindParameter, Connection, Dialect, Table, Update, bindparam, insert, make_url
from sqlalchemy.dialects import postgresql, sqlite

from service.errors import NotFound
from service.store.database import run_for_each
from service.store.tables import events, to_json

THESE: BindParameter[Any] = bindparam("these", expanding=True)
"""The values of an IN list: ``column.in_(THESE)``; a call gives them as ``{"these": values}``."""
_CHUNK = 400  # values per IN list


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
    """Yield the rows of a query with the IN list ``THESE``. The list can have any number of values."""
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
