"""Tables of input that cannot be rebuilt: raw mail, access tokens, signing keys."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    text,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

spool = Table(
    "spool",
    metadata,
    Column("id", String(36), primary_key=True, comment="UUIDv7: sorts by time of receipt"),
    Column("received_at", Instant, nullable=False),
    Column("channel", String(16), nullable=False, comment="smtp, lmtp, import, mailbox"),
    Column("source", Words, comment="import: the path; mailbox: its name; else null"),
    Column("peer", Words, comment="address of the sending host"),
    Column("helo", Words),
    Column("authserv", Words, comment="mailbox: whose Authentication-Results are believed; null: as the settings say"),
    Column("mail_from", Words, nullable=False, server_default=""),
    Column("rcpt_tos", Data, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(8), nullable=False, comment="waiting, done, shunted, refused"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("given_up", SmallInteger, nullable=False, server_default="0", comment="times by the database, alone"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("reason", Words, comment="why it is not done yet, or never will be"),
    Column("done_at", Instant),
)
Index(
    "ix_spool_waiting",
    spool.c.due_at,
    spool.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index(
    "ix_spool_not_done",
    spool.c.state,
    spool.c.id,
    sqlite_where=text("state <> 'done'"),
    postgresql_where=text("state <> 'done'"),
)
Index("ix_spool_sha256", spool.c.sha256)

contents = Table(
    "contents",
    metadata,
    Column("id", String(36), ForeignKey("spool.id", ondelete="CASCADE"), primary_key=True),
    Column("codec", String(8), nullable=False, comment="raw, zstd, file"),
    Column("bytes", LargeBinary, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Number, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True, comment="SHA-256 of the secret, hex"),
    Column("name", Words, nullable=False),
    Column("scope", String(16), nullable=False, comment="read, write"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

keys = Table(
    "keys",
    metadata,
    Column("name", String(32), primary_key=True, comment="what it signs"),
    Column("key", String(64), nullable=False, comment="32 random bytes, hex; made when first needed"),
    Column("created_at", Instant, nullable=False),
)
