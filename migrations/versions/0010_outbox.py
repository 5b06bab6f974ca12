"""Mail and notifications that sodan sends: the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", Number, nullable=False),
        sa.Column("once", sa.String(200), comment="what may be written once only, such as ack:12"),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False, comment="mail, notify"),
        sa.Column("state", sa.String(9), nullable=False, comment="draft, waiting, sent, failed, discarded"),
        sa.Column("case_id", Number),
        sa.Column("recipient", sa.Text, nullable=False, comment="an address; for notify the name of a target"),
        sa.Column("language", sa.String(8), nullable=False, server_default="en"),
        sa.Column("subject", sa.Text, nullable=False, server_default=""),
        sa.Column("text", sa.Text, nullable=False, server_default=""),
        sa.Column("html", sa.Text, nullable=False, server_default=""),
        sa.Column("headers", Data, nullable=False, comment="further headers, such as In-Reply-To"),
        sa.Column("items", Data, nullable=False, comment="checklist items asked for, in the order of their numbers"),
        sa.Column("message_id", sa.Text, comment="our signed Message-ID"),
        sa.Column("answers", Number, comment="the message that is answered"),
        sa.Column("made_by", sa.Text, nullable=False, server_default="", comment="a person, or empty"),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False, comment="not before"),
        sa.Column(
            "attempts", sa.SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"
        ),
        sa.Column("leased_by", sa.String(64)),
        sa.Column("leased_until", Instant),
        sa.Column(
            "in_doubt", sa.SmallInteger, nullable=False, server_default="0", comment="times a sender died over it"
        ),
        sa.Column("reason", sa.Text, comment="why it is held, waits, or failed"),
        sa.Column("sent_at", Instant),
        sa.Column("reply", sa.Text, comment="last answer of the server that took it or refused it"),
        sa.Column("report", Data, comment="delivery report (RFC 3464) that came back"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("once", name="uq_outbox_once"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_outbox_case_id_cases", ondelete="CASCADE"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_outbox_due_at_id", "outbox", ["due_at", "id"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_outbox_case_id", "outbox", ["case_id"])
    op.create_index("ix_outbox_message_id", "outbox", ["message_id"])
    op.create_index("ix_outbox_state_id", "outbox", ["state", "id"])
    op.create_index("ix_outbox_recipient_created_at", "outbox", ["recipient", "created_at"])
