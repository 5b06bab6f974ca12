"""Companies that the team wrote to are remembered: their mail is read as a vendor's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "partners",
        sa.Column("company", sa.String(320), nullable=False, comment="mail domain, or address at a consumer provider"),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False, comment="a person said that it is none"),
        sa.PrimaryKeyConstraint("company", name="pk_partners"),
    )
