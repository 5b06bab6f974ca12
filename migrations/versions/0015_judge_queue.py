"""Long cases that wait to be judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "judge_queue",
        sa.Column("case_id", Number, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name="pk_judge_queue"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_judge_queue_case_id_cases", ondelete="CASCADE"),
    )
