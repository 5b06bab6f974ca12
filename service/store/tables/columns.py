"""Column types that behave alike on SQLite and PostgreSQL, and how tables and partial indexes are written."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, DateTime, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import JSON, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, metadata, *columns)


def only(condition: str) -> dict[str, Any]:
    """Return the arguments of an index of the rows with this condition only."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Instant(TypeDecorator[datetime]):
    """Timestamp: aware in Python, ``timestamptz`` on PostgreSQL, UTC text that sorts by time on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def storable(words: str) -> str:
    """Replace what no database text can hold: NUL, and surrogates that represent undecoded bytes."""
    if "\x00" in words:
        words = words.replace("\x00", "\ufffd")
    try:
        words.encode()
    except UnicodeEncodeError:
        words = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return words


class Words(TypeDecorator[str]):
    """Text of any length; ``storable`` is applied when it is written."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def _storable_values(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _storable_values(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable_values(inner) for inner in value]
    return value


def to_json(value: Any) -> str:
    """Return ``value`` as compact, storable JSON without escaping Japanese. Serializer for ``Data`` columns."""
    try:
        written = msgspec.json.encode(value)
    except UnicodeEncodeError:
        written = b"\\u0000"
    if b"\\u0000" in written:
        written = msgspec.json.encode(_storable_values(msgspec.to_builtins(value, str_keys=True)))
    return written.decode()


Data = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")
"""Row ids: 64 bits on both databases (SQLite assigns ids only to a primary key of type INTEGER)."""
