"""Tables of messages, their deliveries and attachments, and the keys they are found by; derived from the mail."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    false,
    text,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

messages = Table(
    "messages",
    metadata,
    Column("id", Number, primary_key=True),
    Column("case_id", Number, ForeignKey("cases.id"), nullable=False),
    Column("origin", String(9), nullable=False, comment="delivered, forwarded, attached, quoted"),
    Column("message_id", Words, comment="Message-ID with its angle brackets; null where unknown"),
    Column("in_reply_to", Data, nullable=False),
    Column("refs", Data, nullable=False, comment="References, oldest first"),
    Column("thread_index", String(64)),
    Column("author_name", Words, nullable=False, server_default=""),
    Column("author_address", Words, nullable=False, server_default="", comment="lower case"),
    Column("author_role", String(9), nullable=False),
    Column("forwarded_by", Words, comment="address of whoever handed it to us, if not the author"),
    Column("to", Data, nullable=False, comment="[{name, address}]"),
    Column("cc", Data, nullable=False),
    Column("subject", Words, nullable=False, server_default=""),
    Column("base_subject", Words, nullable=False, server_default="", comment="RFC 5256 §2.1"),
    Column("date", Instant, comment="what the author's mail says"),
    Column("date_offset", SmallInteger, comment="the author's zone, minutes east of UTC"),
    Column("zone_assumed", Boolean, nullable=False, server_default=false()),
    Column("received_at", Instant, nullable=False, comment="of its first delivery"),
    Column("text", Words, nullable=False, server_default="", comment="what the author newly wrote"),
    Column("quoted_text", Words, nullable=False, server_default="", comment="the rest of the body"),
    Column("intro", Words, nullable=False, server_default="", comment="what a forwarder wrote above"),
    Column("automatic", String(16)),
    Column("auto_submitted", Boolean, nullable=False, server_default=false()),
    Column("bounce", Data),
    Column("language", String(8), nullable=False, server_default="und"),
    Column("headers", Data, nullable=False, comment="further headers kept as facts"),
    Column("defects", Data, nullable=False),
    Column("vendor", String(64)),
    Column("reading", Data, comment="mailrules' Reading of it alone"),
    Column("statements", Data, comment="what the reader found in it alone"),
    Column("findings", Data, nullable=False, comment="as in the message of INTERFACE.md"),
    Column("fingerprint", String(64), comment="equal for the same words by the same author"),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("spool_id", String(36), ForeignKey("spool.id"), comment="the raw mail it was read from"),
    Column("raw_part", Words, comment="where inside the raw mail, if it was attached"),
    Column("found_in", Number, comment="the message it was found inside"),
    Column("placed_by", String(32), nullable=False, server_default="", comment="the evidence that decided its case"),
    Column("evidence", Data, nullable=False, comment="for the case and for the runners-up"),
    Column("facts", Data, comment="what threading and the rules need of it: its node, recipients' sides, files"),
    Column("pinned_by", Words, comment="who moved it by hand; it stays there"),
    Column("joined", Number, comment="the case a person merged it into; it stays with the others of that case"),
    Column("indexed", Boolean, nullable=False, server_default=false(), comment="in the word index"),
)
Index("ix_messages_case_id", messages.c.case_id, messages.c.id)
Index("ix_messages_message_id", messages.c.message_id)
Index("ix_messages_fingerprint", messages.c.fingerprint)
Index(  # messages whose author's role changes when the author turns out to be a team member
    "ix_messages_requester",
    messages.c.author_address,
    sqlite_where=text("author_role = 'requester'"),
    postgresql_where=text("author_role = 'requester'"),
)
Index("ix_messages_spool_id", messages.c.spool_id)
Index("ix_messages_found_in", messages.c.found_in)
Index("ix_messages_unindexed", messages.c.id, sqlite_where=text("NOT indexed"), postgresql_where=text("NOT indexed"))

deliveries = Table(
    "deliveries",
    metadata,
    Column("spool_id", String(36), ForeignKey("spool.id"), primary_key=True),
    Column(
        "part", String(200), primary_key=True, server_default="", comment="empty: the mail itself; else where inside"
    ),
    Column("message_id", Number, ForeignKey("messages.id"), nullable=False),
    Column("way", String(9), nullable=False, comment="delivered, forwarded, attached, quoted"),
    Column("received_at", Instant, nullable=False),
)
Index("ix_deliveries_message_id", deliveries.c.message_id)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Number, primary_key=True),
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("filename", Words, nullable=False),
    Column("content_type", Words, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("spool_id", String(36), nullable=False),
    Column("part", Words, nullable=False),
    Column("inline", Boolean, nullable=False, server_default=false()),
)
Index("ix_attachments_message_id", attachments.c.message_id)
Index("ix_attachments_sha256", attachments.c.sha256)

thread_keys = Table(
    "thread_keys",
    metadata,
    Column("key", String(300), primary_key=True, comment="mid:<…>, ref:aws:123, tix:…, fp:…, …"),
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), primary_key=True, comment="own: the message is it; cites: it names it"),
    Column("case_id", Number, ForeignKey("cases.id"), nullable=False),
)
Index("ix_thread_keys_message_id", thread_keys.c.message_id)
Index("ix_thread_keys_case_id", thread_keys.c.case_id)

SEARCH_TABLE = "search_words"
"""Word index. It is not in ``metadata``, since each database creates it differently (migration 0001):

* SQLite: ``CREATE VIRTUAL TABLE search_words USING fts5(words, …)``, rowid = message id; ``search_words_known USING
  fts5vocab`` lists its terms (migration 0007);
* PostgreSQL: ``search_words(message_id, words tsvector)`` with a GIN index over ``search_in_block`` (migration 0007).

``words`` are the terms of search.py (Japanese as pairs of characters). ``messages.indexed`` is true for messages that
are in the index.
"""
