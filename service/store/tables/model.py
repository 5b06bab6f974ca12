"""Tables of what the language model read, and of its token usage."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    text,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

second_readings = Table(
    "second_readings",
    metadata,
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("state", String(8), nullable=False, comment="waiting, done, refused, failed"),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("reason", Words, comment="why it waits, or was not read"),
    Column("model", Words, comment="as the endpoint names it"),
    Column("request_version", String(16), comment="of the instruction and the catalogue"),
    Column("answer", Words, comment="as it came back: it is never asked for twice"),
    Column("dropped", Data, comment="reason: how many statements were dropped"),
    Column("done_at", Instant),
)
Index(
    "ix_second_readings_due_at_message_id",
    second_readings.c.due_at,
    second_readings.c.message_id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

model_usage = Table(
    "model_usage",
    metadata,
    Column("day", Date, primary_key=True, comment="UTC"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("tokens_in", Number, nullable=False, server_default="0"),
    Column("tokens_out", Number, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("dropped", Integer, nullable=False, server_default="0", comment="statements without words or meaning"),
    Column("refused", Integer, nullable=False, server_default="0", comment="answers that could not be used"),
)
