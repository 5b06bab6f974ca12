"""An index for whose side changes when somebody shows to be of the team."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_index(
        "ix_messages_requester",
        "messages",
        ["author_address"],
        sqlite_where=sa.text("author_role = 'requester'"),
        postgresql_where=sa.text("author_role = 'requester'"),
    )
