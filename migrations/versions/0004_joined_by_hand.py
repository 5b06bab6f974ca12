"""Messages that a person joined stay together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "messages",
        sa.Column(
            "joined",
            Number,
            nullable=True,
            comment="the case a person merged it into; it stays with the others of that case",
        ),
    )
