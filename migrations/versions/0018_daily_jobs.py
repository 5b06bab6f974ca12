"""The day of the last digest is stored, so that a restart causes no second or late one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "daily_jobs",
        sa.Column("name", sa.String(32), nullable=False, comment="digest"),
        sa.Column("day", sa.Date, nullable=False, comment="in SODAN_ZONE, on which it ran last"),
        sa.PrimaryKeyConstraint("name", name="pk_daily_jobs"),
    )
