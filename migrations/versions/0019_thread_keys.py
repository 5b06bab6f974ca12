"""The keys of messages are one tree on SQLite, and have no index by case: a lookup and an insert cost less."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_thread_keys_case_id", "thread_keys")
        op.drop_constraint("fk_thread_keys_case_id_cases", "thread_keys", type_="foreignkey")
        return
    op.drop_index("ix_thread_keys_case_id", "thread_keys")
    op.drop_index("ix_thread_keys_message_id", "thread_keys")
    op.rename_table("thread_keys", "earlier_keys")
    op.create_table(
        "thread_keys",
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_thread_keys_message_id_messages", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "message_id", "kind", name="pk_thread_keys"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO thread_keys SELECT key, message_id, kind, case_id FROM earlier_keys ORDER BY 1, 2, 3")
    op.drop_table("earlier_keys")
    op.create_index("ix_thread_keys_message_id", "thread_keys", ["message_id"])
