"""Second readings by a language model, and what they cost a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "second_readings",
        sa.Column("message_id", Number, nullable=False),
        sa.Column("state", sa.String(8), nullable=False, comment="waiting, done, refused, failed"),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("due_at", Instant, nullable=False, comment="not before"),
        sa.Column(
            "attempts", sa.SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"
        ),
        sa.Column("leased_by", sa.String(64)),
        sa.Column("leased_until", Instant),
        sa.Column("reason", sa.Text, comment="why it waits, or was not read"),
        sa.Column("model", sa.Text, comment="as the endpoint names it"),
        sa.Column("request_version", sa.String(16), comment="of the instruction and the catalogue"),
        sa.Column("answer", sa.Text, comment="as it came back: it is never asked for twice"),
        sa.Column("dropped", Data, comment="reason: how many statements were dropped"),
        sa.Column("done_at", Instant),
        sa.PrimaryKeyConstraint("message_id", name="pk_second_readings"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_second_readings_message_id_messages", ondelete="CASCADE"
        ),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_second_readings_due_at_message_id",
        "second_readings",
        ["due_at", "message_id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "model_usage",
        sa.Column("day", sa.Date, nullable=False, comment="UTC"),
        sa.Column("requests", sa.Integer, nullable=False, server_default="0"),
        sa.Column("tokens_in", Number, nullable=False, server_default="0"),
        sa.Column("tokens_out", Number, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Column(
            "dropped", sa.Integer, nullable=False, server_default="0", comment="statements without words or meaning"
        ),
        sa.Column("refused", sa.Integer, nullable=False, server_default="0", comment="answers that could not be used"),
        sa.PrimaryKeyConstraint("day", name="pk_model_usage"),
    )
