"""The index of merged cases holds merged cases alone.

All others have no case there: SQLite, which counts nothing by itself, took it for the way to them and sorted them all.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.drop_index("ix_cases_merged_into", "cases")
    op.create_index(
        "ix_cases_merged_into",
        "cases",
        ["merged_into"],
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
