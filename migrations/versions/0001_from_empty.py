"""From empty."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

revision = "0001"
down_revision = None

Number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Data = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("id", Number, nullable=False, comment="the number in the case key"),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False, comment="open, resolved, closed"),
        sa.Column("waiting_on", sa.String(length=9), nullable=True, comment="team, vendor, requester"),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("priority", sa.String(length=2), nullable=False, comment="P1 to P4"),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=8), server_default="und", nullable=False),
        sa.Column("vendor", sa.String(length=64), nullable=True),
        sa.Column("vendor_refs", Data, nullable=False, comment="as in the summary: [{vendor, ref}]"),
        sa.Column("missing", Data, nullable=False, comment="item ids"),
        sa.Column("open_asks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("messages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_into", Number, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False, comment="counts saves; the ETag"),
        sa.Column("set_by_people", Data, nullable=False, comment="what was set by hand, by whom, when; it stays"),
        sa.Column("document", Data, nullable=False, comment="the case of INTERFACE.md, clocks up to updated_at"),
        sa.Column("judged_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["merged_into"], ["cases.id"], name="fk_cases_merged_into_cases"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_kind", "cases", ["kind", "updated_at", "id"], unique=False)
    op.create_index("ix_cases_merged_into", "cases", ["merged_into"], unique=False)
    op.create_index("ix_cases_opened_at", "cases", ["opened_at", "id"], unique=False)
    op.create_index("ix_cases_priority", "cases", ["priority", "updated_at", "id"], unique=False)
    op.create_index("ix_cases_status", "cases", ["status", "updated_at", "id"], unique=False)
    op.create_index("ix_cases_updated_at", "cases", ["updated_at", "id"], unique=False)
    op.create_index("ix_cases_vendor", "cases", ["vendor", "updated_at", "id"], unique=False)
    op.create_index("ix_cases_waiting_on", "cases", ["waiting_on", "updated_at", "id"], unique=False)
    op.create_table(
        "learned_team",
        sa.Column("address", sa.String(length=320), nullable=False, comment="lower case; forwarded a vendor's mail"),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message", Number, nullable=True, comment="the forward that showed it"),
        sa.PrimaryKeyConstraint("address", name="pk_learned_team"),
    )
    op.create_table(
        "spool",
        sa.Column("id", sa.String(length=36), nullable=False, comment="UUIDv7: sorts by time of receipt"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="smtp, lmtp, import"),
        sa.Column("source", sa.Text(), nullable=True, comment="import: the path; else null"),
        sa.Column("peer", sa.Text(), nullable=True, comment="address of the sending host"),
        sa.Column("helo", sa.Text(), nullable=True),
        sa.Column("mail_from", sa.Text(), server_default="", nullable=False),
        sa.Column("rcpt_tos", Data, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False, comment="waiting, done, shunted, refused"),
        sa.Column(
            "attempts", sa.SmallInteger(), server_default="0", nullable=False, comment="counted before it is tried"
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="not before"),
        sa.Column("leased_by", sa.String(length=64), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True, comment="why it is not done yet, or never will be"),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_spool"),
    )
    op.create_index(
        "ix_spool_not_done",
        "spool",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'done'"),
        postgresql_where=sa.text("state <> 'done'"),
    )
    op.create_index("ix_spool_sha256", "spool", ["sha256"], unique=False)
    op.create_index(
        "ix_spool_waiting",
        "spool",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", Number, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="SHA-256 of the secret, hex"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.String(length=16), nullable=False, comment="read, write"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
    )
    op.create_table(
        "case_items_missing",
        sa.Column("case_id", Number, nullable=False),
        sa.Column("item", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name="fk_case_items_missing_case_id_cases", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "item", name="pk_case_items_missing"),
    )
    op.create_index("ix_case_items_missing_item", "case_items_missing", ["item", "case_id"], unique=False)
    op.create_table(
        "case_refs",
        sa.Column("case_id", Number, nullable=False),
        sa.Column("vendor", sa.String(length=64), nullable=False),
        sa.Column("ref", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_refs_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "vendor", "ref", name="pk_case_refs"),
    )
    op.create_index("ix_case_refs_ref", "case_refs", ["ref", "vendor"], unique=False)
    op.create_table(
        "contents",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("codec", sa.String(length=8), nullable=False, comment="raw, zstd, file"),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["spool.id"], name="fk_contents_id_spool", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_contents"),
    )
    op.create_table(
        "events",
        sa.Column("id", Number, nullable=False, comment="in the order of commits (see database.one_at_a_time)"),
        sa.Column("case_id", Number, nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column(
            "who", sa.Text(), server_default="", nullable=False, comment="a person's name, or empty for the rules"
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", Data, nullable=False, comment="enough to tell it and to undo it"),
        sa.Column("undone_by", Number, nullable=True, comment="the event that took it back"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_events_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_case_id", "events", ["case_id", "id"], unique=False)
    op.create_table(
        "messages",
        sa.Column("id", Number, nullable=False),
        sa.Column("case_id", Number, nullable=False),
        sa.Column("origin", sa.String(length=9), nullable=False, comment="delivered, forwarded, attached, quoted"),
        sa.Column(
            "message_id", sa.Text(), nullable=True, comment="Message-ID with its angle brackets; null where unknown"
        ),
        sa.Column("in_reply_to", Data, nullable=False),
        sa.Column("refs", Data, nullable=False, comment="References, oldest first"),
        sa.Column("thread_index", sa.String(length=64), nullable=True),
        sa.Column("author_name", sa.Text(), server_default="", nullable=False),
        sa.Column("author_address", sa.Text(), server_default="", nullable=False, comment="lower case"),
        sa.Column("author_role", sa.String(length=9), nullable=False),
        sa.Column(
            "forwarded_by", sa.Text(), nullable=True, comment="address of whoever handed it to us, if not the author"
        ),
        sa.Column("to", Data, nullable=False, comment="[{name, address}]"),
        sa.Column("cc", Data, nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("base_subject", sa.Text(), server_default="", nullable=False, comment="RFC 5256 §2.1"),
        sa.Column("date", sa.DateTime(timezone=True), nullable=True, comment="what the author's mail says"),
        sa.Column("date_offset", sa.SmallInteger(), nullable=True, comment="the author's zone, minutes east of UTC"),
        sa.Column("zone_assumed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="of its first delivery"),
        sa.Column("text", sa.Text(), server_default="", nullable=False, comment="what the author newly wrote"),
        sa.Column("quoted_text", sa.Text(), server_default="", nullable=False, comment="the rest of the body"),
        sa.Column("intro", sa.Text(), server_default="", nullable=False, comment="what a forwarder wrote above"),
        sa.Column("automatic", sa.String(length=16), nullable=True),
        sa.Column("auto_submitted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("bounce", Data, nullable=True),
        sa.Column("language", sa.String(length=8), server_default="und", nullable=False),
        sa.Column("headers", Data, nullable=False, comment="further headers kept as facts"),
        sa.Column("defects", Data, nullable=False),
        sa.Column("vendor", sa.String(length=64), nullable=True),
        sa.Column("reading", Data, nullable=True, comment="mailrules' Reading of it alone"),
        sa.Column("findings", Data, nullable=False, comment="as in the message of INTERFACE.md"),
        sa.Column(
            "fingerprint", sa.String(length=64), nullable=True, comment="equal for the same words by the same author"
        ),
        sa.Column("deliveries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("spool_id", sa.String(length=36), nullable=True, comment="the raw mail it was read from"),
        sa.Column("raw_part", sa.Text(), nullable=True, comment="where inside the raw mail, if it was attached"),
        sa.Column("found_in", Number, nullable=True, comment="the message it was found inside"),
        sa.Column(
            "placed_by",
            sa.String(length=32),
            server_default="",
            nullable=False,
            comment="the evidence that decided its case",
        ),
        sa.Column("evidence", Data, nullable=False, comment="for the case and for the runners-up"),
        sa.Column("pinned_by", sa.Text(), nullable=True, comment="who moved it by hand; it stays there"),
        sa.Column("indexed", sa.Boolean(), server_default=sa.false(), nullable=False, comment="in the word index"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_messages_case_id_cases"),
        sa.ForeignKeyConstraint(["spool_id"], ["spool.id"], name="fk_messages_spool_id_spool"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
    )
    op.create_index("ix_messages_case_id", "messages", ["case_id", "id"], unique=False)
    op.create_index("ix_messages_fingerprint", "messages", ["fingerprint"], unique=False)
    op.create_index("ix_messages_found_in", "messages", ["found_in"], unique=False)
    op.create_index("ix_messages_message_id", "messages", ["message_id"], unique=False)
    op.create_index("ix_messages_spool_id", "messages", ["spool_id"], unique=False)
    op.create_index(
        "ix_messages_unindexed",
        "messages",
        ["id"],
        unique=False,
        sqlite_where=sa.text("NOT indexed"),
        postgresql_where=sa.text("NOT indexed"),
    )
    op.create_table(
        "participants",
        sa.Column("case_id", Number, nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False, comment="lower case"),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.String(length=9), nullable=False, comment="team, requester, vendor, unknown"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_participants_case_id_cases", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", "address", name="pk_participants"),
    )
    op.create_index("ix_participants_address", "participants", ["address", "case_id"], unique=False)
    op.create_table(
        "attachments",
        sa.Column("id", Number, nullable=False),
        sa.Column("message_id", Number, nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("spool_id", sa.String(length=36), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("inline", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_attachments_message_id_messages", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
    )
    op.create_index("ix_attachments_message_id", "attachments", ["message_id"], unique=False)
    op.create_index("ix_attachments_sha256", "attachments", ["sha256"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("spool_id", sa.String(length=36), nullable=False),
        sa.Column(
            "part",
            sa.String(length=200),
            server_default="",
            nullable=False,
            comment="empty: the mail itself; else where inside",
        ),
        sa.Column("message_id", Number, nullable=False),
        sa.Column("way", sa.String(length=9), nullable=False, comment="delivered, forwarded, attached, quoted"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_deliveries_message_id_messages"),
        sa.ForeignKeyConstraint(["spool_id"], ["spool.id"], name="fk_deliveries_spool_id_spool"),
        sa.PrimaryKeyConstraint("spool_id", "part", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_message_id", "deliveries", ["message_id"], unique=False)
    op.create_table(
        "thread_keys",
        sa.Column("key", sa.String(length=300), nullable=False, comment="mid:<…>, ref:aws:123, tix:…, fp:…, …"),
        sa.Column("message_id", Number, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="own: the message is it; cites: it names it"),
        sa.Column("case_id", Number, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_thread_keys_case_id_cases"),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_thread_keys_message_id_messages", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "message_id", "kind", name="pk_thread_keys"),
    )
    op.create_index("ix_thread_keys_case_id", "thread_keys", ["case_id"], unique=False)
    op.create_index("ix_thread_keys_message_id", "thread_keys", ["message_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"CREATE VIRTUAL TABLE search_words USING fts5(words, {_fts5_options()})")
    else:
        op.create_table(
            "search_words",
            sa.Column(
                "message_id", sa.BigInteger(), sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True
            ),
            sa.Column("words", TSVECTOR(), nullable=False),
        )
        op.execute("CREATE INDEX ix_search_words_words ON search_words USING gin (words)")


def _fts5_options() -> str:
    """Terms only, no positions and, where SQLite can delete without it (3.43), no copy of the text."""
    options = 'detail=none, tokenize="unicode61 remove_diacritics 0"'
    return f"{options}, content='', contentless_delete=1" if sqlite3.sqlite_version_info >= (3, 43) else options
