"""Table of the mails and notifications that sodan sends."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Table,
    text,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("once", String(200), unique=True, comment="what may be written once only, such as ack:12"),
    Column("kind", String(16), nullable=False),
    Column("channel", String(8), nullable=False, comment="mail, notify"),
    Column("state", String(9), nullable=False, comment="draft, waiting, sent, failed, discarded"),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("recipient", Words, nullable=False, comment="an address; for notify the name of a target"),
    Column("language", String(8), nullable=False, server_default="en"),
    Column("subject", Words, nullable=False, server_default=""),
    Column("text", Words, nullable=False, server_default=""),
    Column("html", Words, nullable=False, server_default=""),
    Column("headers", Data, nullable=False, comment="further headers, such as In-Reply-To"),
    Column("items", Data, nullable=False, comment="checklist items asked for, in the order of their numbers"),
    Column("message_id", Words, comment="our signed Message-ID"),
    Column("answers", Number, comment="the message that is answered"),
    Column("made_by", Words, nullable=False, server_default="", comment="a person, or empty"),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("in_doubt", SmallInteger, nullable=False, server_default="0", comment="times a sender died over it"),
    Column("reason", Words, comment="why it is held, waits, or failed"),
    Column("sent_at", Instant),
    Column("reply", Words, comment="last answer of the server that took it or refused it"),
    Column("report", Data, comment="delivery report (RFC 3464) that came back"),
)
Index(
    "ix_outbox_due_at_id",
    outbox.c.due_at,
    outbox.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index("ix_outbox_case_id", outbox.c.case_id)
Index("ix_outbox_message_id", outbox.c.message_id)
Index("ix_outbox_state_id", outbox.c.state, outbox.c.id)
Index("ix_outbox_recipient_created_at", outbox.c.recipient, outbox.c.created_at)
