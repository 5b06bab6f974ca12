"""Lists by priority show the case that waits longest first, not the case that was not updated for longest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    since, unmerged = sa.text("coalesce(waiting_since, updated_at)"), sa.text("status = 'open' AND merged_into IS NULL")
    op.create_index(
        "ix_cases_lane_since",
        "cases",
        ["waiting_on", "priority", since, "id"],
        sqlite_where=unmerged,
        postgresql_where=unmerged,
    )
    op.create_index("ix_cases_waiting_since", "cases", ["priority", since, "id"])
    op.drop_index("ix_cases_lane", "cases")  # last, because on PostgreSQL it also blocks reads until the commit
