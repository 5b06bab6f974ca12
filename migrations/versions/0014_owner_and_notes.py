"""Who of the team owns a case, and notes that only the team sees."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("cases", sa.Column("owner", sa.Text, comment="the person of the team it is assigned to"))
    owned = sa.text("owner IS NOT NULL")
    op.create_index(
        "ix_cases_owner", "cases", ["owner", "updated_at", "id"], sqlite_where=owned, postgresql_where=owned
    )
    op.create_table(
        "notes",
        sa.Column("id", Number, nullable=False),
        sa.Column("case_id", Number, nullable=False),
        sa.Column("who", sa.Text, nullable=False, server_default="", comment="of the team"),
        sa.Column("at", Instant, nullable=False),
        sa.Column("text", sa.Text, nullable=False, comment="for the team only: never sent"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_notes_case_id_cases", ondelete="CASCADE"),
    )
    op.create_index("ix_notes_case_id_id", "notes", ["case_id", "id"])
