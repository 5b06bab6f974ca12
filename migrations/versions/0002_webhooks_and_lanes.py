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
        sa.Column("secret", sa.Text(), nullable=False, comment="signs what is sent; needed in clear to sign"),
        sa.Column("kinds", Data, nullable=False, comment="kinds of events; empty: all"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), comment="by a person, or after days of failure"),
        sa.Column("event", Number, nullable=False, comment="the last event it was told, or given up on"),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False, comment="for the next event"),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="not before"),
        sa.Column("leased_until", sa.DateTime(timezone=True), comment="a process is sending"),
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
