"""Cases that a mail may belong to are suggested; a person accepts or dismisses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "suggestions",
        sa.Column("id", Number, nullable=False),
        sa.Column("message_id", Number, nullable=False),
        sa.Column("case_id", Number, nullable=False, comment="of the message"),
        sa.Column("other_id", Number, nullable=False, comment="the likely case"),
        sa.Column("score", sa.Float, nullable=False, comment="0 to 1"),
        sa.Column("reasons", Data, nullable=False, comment="what the two share, in words"),
        sa.Column("state", sa.String(9), nullable=False, comment="open, accepted, dismissed"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_suggestions"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_suggestions_message_id_messages", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_suggestions_case_id_cases", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other_id"], ["cases.id"], name="fk_suggestions_other_id_cases", ondelete="CASCADE"),
    )
    for column in ("case_id", "other_id", "message_id"):
        op.create_index(f"ix_suggestions_{column}", "suggestions", [column])
