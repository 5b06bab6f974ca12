"""Facts for threading, links between cases, keys that sign."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("name", sa.String(length=32), nullable=False, comment="what it signs"),
        sa.Column("key", sa.String(length=64), nullable=False, comment="32 random bytes, hex; made when first needed"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_keys"),
    )
    op.create_table(
        "case_links",
        sa.Column("case_id", Number, nullable=False),
        sa.Column("other_id", Number, nullable=False),
        sa.Column("message_id", Number, nullable=True, comment="the message that points from one to the other"),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_links_case_id_cases", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name="fk_case_links_other_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "other_id", name="pk_case_links"),
    )
    op.create_index("ix_case_links_other_id", "case_links", ["other_id"], unique=False)
    op.add_column(
        "messages",
        sa.Column(
            "facts",
            Data,
            nullable=True,
            comment="what threading and the rules need of it: its node, recipients' sides, files",
        ),
    )
