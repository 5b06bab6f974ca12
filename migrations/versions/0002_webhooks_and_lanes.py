"""Webhooks, and an index for the lanes of the board."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", Number, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False, comment="key that signs requests; encrypted"),
        sa.Column("kinds", Data, nullable=False, comment="kinds of events; empty: all"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), comment="set by a person, or after repeated failures"),
        sa.Column("event", Number, nullable=False, comment="the last event that was sent, or skipped after failures"),
        sa.Column(
            "attempts",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="failed attempts to send the next event",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="earliest time of the next attempt"),
        sa.Column("leased_until", sa.DateTime(timezone=True), comment="until then, a process is sending"),
        sa.Column("last_error", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_webhooks"),
    )
    op.create_index(
        "ix_cases_lane",
        "cases",
        ["waiting_on", "priority", "updated_at", "id"],
        sqlite_where=sa.text("status = 'open' AND merged_into IS NULL"),
        postgresql_where=sa.text("status = 'open' AND merged_into IS NULL"),
    )
