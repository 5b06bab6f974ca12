"""Column types that are alike on SQLite and PostgreSQL, and helpers that define tables."""

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


def table(name: str, *columns: Column[Any], **options: Any) -> Table:
    return Table(name, metadata, *columns, **options)


def only(condition: str) -> dict[str, Any]:
    """Return the arguments of ``Index`` for a partial index of the rows that meet a condition."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Instant(TypeDecorator[datetime]):
    """A time with a zone in Python, ``timestamptz`` on PostgreSQL, UTC text on SQLite. The text sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def storable(value: str) -> str:
    """Replace the characters that a database cannot store: NUL, and surrogates."""
    if "\x00" in value:
        value = value.replace("\x00", "\ufffd")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


class Words(TypeDecorator[str]):
    """Text of any length. Characters that a database cannot store are replaced (``storable``)."""

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
    """Return ``value`` as compact JSON for a ``Data`` column, with Japanese unescaped.

    Other characters are made storable.
    """
    if isinstance(value, msgspec.Raw):  # already made by this function
        return bytes(value).decode()
    try:
        encoded = msgspec.json.encode(value)
    except UnicodeEncodeError:
        encoded = b"\\u0000"
    if b"\\u0000" in encoded:
        encoded = msgspec.json.encode(_storable_values(msgspec.to_builtins(value, str_keys=True)))
    return encoded.decode()


Data = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")  # row ids; SQLite assigns ids only to INTEGER keys
