"""Columns that only earlier versions used are removed. On SQLite, the columns that placement reads come first.

SQLite reads a long row page by page, up to the last column of a query. PostgreSQL stores long values apart. SQLite
rebuilds the table (https://www.sqlite.org/lang_altertable.html#otheralter): nothing may check foreign keys meanwhile.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"

UNUSED = "thread_index base_subject zone_assumed auto_submitted bounce reading findings fingerprint"
ORDER = """
id case_id placed_by pinned_by joined date received_at facts origin message_id author_role author_address author_name
date_offset automatic language vendor deliveries spool_id raw_part found_in indexed forwarded_by to cc subject
in_reply_to refs defects text statements intro evidence headers quoted_text
"""


def upgrade() -> None:
    order, reflection = [tuple(ORDER.split())], {"resolve_fks": False}
    with op.batch_alter_table("messages", partial_reordering=order, reflect_kwargs=reflection) as messages:
        messages.drop_index("ix_messages_fingerprint")
        for column in UNUSED.split():
            messages.drop_column(column)
