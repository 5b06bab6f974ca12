"""Keys that find candidates begin with their month, so that the keys of a month stand together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "UPDATE thread_keys SET key = right(key, 5) || ':' || left(key, -6) "
            "WHERE key ~ '^(sub|who|ven|word):.*:[0-9]{5}$'"
        )
        return
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
    op.execute(
        "INSERT INTO thread_keys SELECT CASE WHEN substr(key, -6) GLOB ':[0-9][0-9][0-9][0-9][0-9]' "
        "AND substr(key, 1, instr(key, ':')) IN ('sub:', 'who:', 'ven:', 'word:') "
        "THEN substr(key, -5) || ':' || substr(key, 1, length(key) - 6) ELSE key END, "
        "message_id, kind, case_id FROM earlier_keys ORDER BY 1, 2, 3"
    )
    op.drop_table("earlier_keys")
    op.create_index("ix_thread_keys_message_id", "thread_keys", ["message_id"])
