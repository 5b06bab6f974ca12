"""Mailboxes we fetch from: lease, position, the mails that were met."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("state IN ('taken', 'failed', 'too_big')")


def upgrade() -> None:
    op.create_table(
        "mailboxes",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("since", _TIME, nullable=False, comment="first fetched from"),
        sa.Column("leased_by", sa.String(64), comment="the one process that fetches"),
        sa.Column("leased_until", _TIME),
        sa.Column("last_success_at", _TIME, comment="all folders were read to their end"),
        sa.Column("failing_since", _TIME),
        sa.Column("cause", sa.Text, comment="why the last round failed"),
        sa.Column("next_step", sa.Text, comment="what to do about it"),
        sa.Column("errors", sa.Integer, nullable=False, server_default="0", comment="failed rounds, ever"),
        sa.Column("told_at", _TIME, comment="an event told that it is away"),
        sa.Column("taken", sa.Integer, nullable=False, server_default="0", comment="mails kept from it, ever"),
        sa.Column("lag_seconds", sa.Integer, comment="between arrival and our receipt, of the mail fetched last"),
        sa.Column("tokens", sa.Text, comment="encrypted with the installation key"),
        sa.Column("forgotten_at", _TIME, comment="no longer reported"),
        sa.PrimaryKeyConstraint("name", name="pk_mailboxes"),
    )
    op.create_table(
        "mailbox_folders",
        sa.Column("mailbox", sa.String(64), primary_key=True),
        sa.Column("folder", sa.String(400), primary_key=True),
        sa.Column("position", sa.Text, nullable=False, comment="how far it was read, in the words of its source"),
        sa.PrimaryKeyConstraint("mailbox", "folder", name="pk_mailbox_folders"),
        sa.ForeignKeyConstraint(
            ["mailbox"], ["mailboxes.name"], ondelete="CASCADE", name="fk_mailbox_folders_mailbox_mailboxes"
        ),
    )
    op.create_table(
        "mailbox_mails",
        sa.Column("mailbox", sa.String(64), primary_key=True),
        sa.Column(
            "place", sa.String(600), primary_key=True, comment="IMAP: UIDVALIDITY, UID and folder; Graph: immutable id"
        ),
        sa.Column("folder", sa.String(400), nullable=False),
        sa.Column("state", sa.String(8), nullable=False, comment="taken, done, failed, too_big, gone"),
        sa.Column("sha256", sa.String(64), comment="of the content, where it was read"),
        sa.Column("size", sa.Integer),
        sa.Column("spool_id", sa.String(36), comment="null: the same content came before"),
        sa.Column("attempts", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("due_at", _TIME, nullable=False, comment="not before"),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("mailbox", "place", name="pk_mailbox_mails"),
        sa.ForeignKeyConstraint(
            ["mailbox"], ["mailboxes.name"], ondelete="CASCADE", name="fk_mailbox_mails_mailbox_mailboxes"
        ),
    )
    op.create_index("ix_mailbox_mails_sha256", "mailbox_mails", ["sha256"])
    op.create_index(
        "ix_mailbox_mails_open",
        "mailbox_mails",
        ["mailbox", "folder", "state", "due_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    comment = "mailbox: whose Authentication-Results are believed; null: as the settings say"
    op.add_column("spool", sa.Column("authserv", sa.Text, comment=comment))
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("spool", "channel", comment="smtp, lmtp, import, mailbox")
        op.alter_column("spool", "source", comment="import: the path; mailbox: its name; else null")
