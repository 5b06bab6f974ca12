"""Searching newest first on both databases; cases counted by an index.

* PostgreSQL: the GIN index holds each word once for every 16,384 messages, as ``block:word``, so that a word of every
  mail is read from the newest block on and no further than wanted. The stored words stay as they are.
* SQLite: the vocabulary of the FTS5 index as a table, to find what an unfinished word may become.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index(
        "ix_cases_standing",
        "cases",
        ["status", "priority", "vendor", "merged_into"],
        sqlite_where=sa.text("status <> ''"),
        postgresql_where=sa.text("status <> ''"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE search_words_known USING fts5vocab('search_words', 'instance')")
        return
    op.execute(
        "CREATE FUNCTION search_in_block(number bigint, words tsvector) RETURNS tsvector "
        "LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT array_to_tsvector(ARRAY("
        "SELECT to_hex(number >> 14) || ':' || word FROM unnest(tsvector_to_array(words)) AS word)) $$"
    )
    op.execute("CREATE INDEX ix_search_words_in_block ON search_words USING gin (search_in_block(message_id, words))")
    op.execute("DROP INDEX ix_search_words_words")
