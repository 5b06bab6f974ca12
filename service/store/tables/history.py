"""Tables of history: events, notes, and the webhooks that are notified of events."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True, comment="in the order of commits (see database.one_at_a_time)"),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("kind", String(32), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="a person's name, or empty for the rules"),
    Column("at", Instant, nullable=False),
    Column("data", Data, nullable=False, comment="enough to tell it and to undo it"),
    Column("undone_by", Number, comment="the event that took it back"),
)
Index("ix_events_case_id", events.c.case_id, events.c.id)

notes = Table(
    "notes",
    metadata,
    Column("id", Number, primary_key=True),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="of the team"),
    Column("at", Instant, nullable=False),
    Column("text", Words, nullable=False, comment="for the team only: never sent"),
)
Index("ix_notes_case_id_id", notes.c.case_id, notes.c.id)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Number, primary_key=True),
    Column("url", Words, nullable=False),
    Column("secret", Words, nullable=False, comment="signs what is sent; needed in clear to sign"),
    Column("kinds", Data, nullable=False, comment="kinds of events; empty: all"),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, comment="by a person, or after days of failure"),
    Column("event", Number, nullable=False, comment="the last event it was told, or given up on"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="for the next event"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("leased_until", Instant, comment="a process is sending"),
    Column("last_error", Words),
)
