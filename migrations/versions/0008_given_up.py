"""How often the database gave up a mail alone is counted in its entry, for all workers and over restarts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column(
        "spool",
        sa.Column(
            "given_up", sa.SmallInteger, nullable=False, server_default="0", comment="times by the database, alone"
        ),
    )
