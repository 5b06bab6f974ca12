"""Statements kept with each message.

Empty in a store of the version before: such a message is read when its case is next judged, and by `sodan replay`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"

Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.add_column("messages", sa.Column("statements", Data, nullable=True, comment="what the reader found in it alone"))
    op.add_column(
        "cases",
        sa.Column(
            "needs_triage",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="nobody has said how bad it is",
        ),
    )
    op.add_column("cases", sa.Column("requester", Data, nullable=True, comment="who asks: {name, address}"))
    op.add_column(
        "cases",
        sa.Column(
            "excerpt", sa.Text(), nullable=False, server_default="", comment="the sentence that tells the matter"
        ),
    )
