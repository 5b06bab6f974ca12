"""PostgreSQL keeps raw mail as it is: trying to compress attachments in base64 costs more time than storing them."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE contents ALTER COLUMN bytes SET STORAGE EXTERNAL")
