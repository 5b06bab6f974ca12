"""Tables of the mailboxes that sodan fetches from."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    text,
)

from service.store.tables.columns import Instant, Words, metadata

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("since", Instant, nullable=False, comment="first fetched from"),
    Column("leased_by", String(64), comment="the one process that fetches"),
    Column("leased_until", Instant),
    Column("last_success_at", Instant, comment="all folders were read to their end"),
    Column("failing_since", Instant),
    Column("cause", Words, comment="why the last round failed"),
    Column("next_step", Words, comment="what to do about it"),
    Column("errors", Integer, nullable=False, server_default="0", comment="failed rounds, ever"),
    Column("told_at", Instant, comment="an event told that it is away"),
    Column("taken", Integer, nullable=False, server_default="0", comment="mails kept from it, ever"),
    Column("lag_seconds", Integer, comment="between arrival and our receipt, of the mail fetched last"),
    Column("tokens", Words, comment="encrypted with the installation key"),
    Column("forgotten_at", Instant, comment="no longer reported"),
)

mailbox_folders = Table(
    "mailbox_folders",
    metadata,
    Column("mailbox", String(64), ForeignKey("mailboxes.name", ondelete="CASCADE"), primary_key=True),
    Column("folder", String(400), primary_key=True),
    Column("position", Words, nullable=False, comment="how far it was read, in the words of its source"),
)

mailbox_mails = Table(
    "mailbox_mails",
    metadata,
    Column("mailbox", String(64), ForeignKey("mailboxes.name", ondelete="CASCADE"), primary_key=True),
    Column("place", String(600), primary_key=True, comment="IMAP: UIDVALIDITY, UID and folder; Graph: immutable id"),
    Column("folder", String(400), nullable=False),
    Column("state", String(8), nullable=False, comment="taken, done, failed, too_big, gone"),
    Column("sha256", String(64), comment="of the content, where it was read"),
    Column("size", Integer),
    Column("spool_id", String(36), comment="null: the same content came before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("reason", Words),
)
Index("ix_mailbox_mails_sha256", mailbox_mails.c.sha256)
Index(
    "ix_mailbox_mails_open",
    mailbox_mails.c.mailbox,
    mailbox_mails.c.folder,
    mailbox_mails.c.state,
    mailbox_mails.c.due_at,
    sqlite_where=text("state IN ('taken', 'failed', 'too_big')"),
    postgresql_where=text("state IN ('taken', 'failed', 'too_big')"),
)
