"""The tables at the head of the migrations; a test compares both.

Three kinds; only the first cannot be rebuilt (docs/design.md, Principles):

* what was given to us: ``spool`` and ``contents`` (the raw mail), ``tokens``, what people set by hand;
* what is derived from it and can be rebuilt: ``messages``, ``cases`` and their satellites, ``thread_keys``;
* what happened: ``events`` (history, undo, the event stream).

Times are aware UTC in Python (``Instant``). Text is cleaned of what PostgreSQL cannot hold (``Words``, ``Data``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import JSON, TypeDecorator

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """A moment: aware in Python, ``timestamptz`` on PostgreSQL, UTC text that sorts by time on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def storable(words: str) -> str:
    """``words`` without what no database text may hold: NUL, and surrogates that stand for undecoded bytes."""
    if "\x00" in words:
        words = words.replace("\x00", "\ufffd")
    try:
        words.encode()
    except UnicodeEncodeError:
        words = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return words


class Words(TypeDecorator[str]):
    """Text of any length, made storable on the way in."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


def _storable_values(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): _storable_values(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_storable_values(inner) for inner in value]
    return value


def to_json(value: Any) -> str:
    """Compact JSON, readable Japanese, storable. The engine's serializer for ``Data`` columns."""
    try:
        written = msgspec.json.encode(value)
    except UnicodeEncodeError:
        written = b"\\u0000"
    if b"\\u0000" in written:
        written = msgspec.json.encode(_storable_values(msgspec.to_builtins(value, str_keys=True)))
    return written.decode()


Data = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")
"""Row numbers: 64 bits on both (SQLite counts by itself only in a column called INTEGER)."""


# ── what was given to us ─────────────────────────────────────────────────────────────────────────────────────────────

spool = Table(
    "spool",
    metadata,
    Column("id", String(36), primary_key=True, comment="UUIDv7: sorts by time of receipt"),
    Column("received_at", Instant, nullable=False),
    Column("channel", String(16), nullable=False, comment="smtp, lmtp, import, mailbox"),
    Column("source", Words, comment="import: the path; mailbox: its name; else null"),
    Column("peer", Words, comment="address of the sending host"),
    Column("helo", Words),
    Column("authserv", Words, comment="mailbox: whose Authentication-Results are believed; null: as the settings say"),
    Column("mail_from", Words, nullable=False, server_default=""),
    Column("rcpt_tos", Data, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("state", String(8), nullable=False, comment="waiting, done, shunted, refused"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("given_up", SmallInteger, nullable=False, server_default="0", comment="times by the database, alone"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("reason", Words, comment="why it is not done yet, or never will be"),
    Column("done_at", Instant),
)
Index(
    "ix_spool_waiting",
    spool.c.due_at,
    spool.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index(
    "ix_spool_not_done",
    spool.c.state,
    spool.c.id,
    sqlite_where=text("state <> 'done'"),
    postgresql_where=text("state <> 'done'"),
)
Index("ix_spool_sha256", spool.c.sha256)

contents = Table(
    "contents",
    metadata,
    Column("id", String(36), ForeignKey("spool.id", ondelete="CASCADE"), primary_key=True),
    Column("codec", String(8), nullable=False, comment="raw, zstd, file"),
    Column("bytes", LargeBinary, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Number, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True, comment="SHA-256 of the secret, hex"),
    Column("name", Words, nullable=False),
    Column("scope", String(16), nullable=False, comment="read, write"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

keys = Table(
    "keys",
    metadata,
    Column("name", String(32), primary_key=True, comment="what it signs"),
    Column("key", String(64), nullable=False, comment="32 random bytes, hex; made when first needed"),
    Column("created_at", Instant, nullable=False),
)

# ── what is derived from it ──────────────────────────────────────────────────────────────────────────────────────────

cases = Table(
    "cases",
    metadata,
    Column("id", Number, primary_key=True, comment="the number in the case key"),
    Column("title", Words, nullable=False, server_default=""),
    Column("status", String(8), nullable=False, comment="open, resolved, closed"),
    Column("waiting_on", String(9), comment="team, vendor, requester"),
    Column("waiting_since", Instant),
    Column("priority", String(2), nullable=False, comment="P1 to P4"),
    Column("kind", String(8), nullable=False),
    Column("language", String(8), nullable=False, server_default="und"),
    Column("vendor", String(64)),
    Column("vendor_refs", Data, nullable=False, comment="as in the summary: [{vendor, ref}]"),
    Column("missing", Data, nullable=False, comment="item ids"),
    Column("needs_triage", Boolean, nullable=False, server_default=false(), comment="nobody has said how bad it is"),
    Column("requester", Data, comment="who asks: {name, address}"),
    Column("excerpt", Words, nullable=False, server_default="", comment="the sentence that tells the matter"),
    Column("open_asks", Integer, nullable=False, server_default="0"),
    Column("messages", Integer, nullable=False, server_default="0"),
    Column("opened_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("merged_into", Number, ForeignKey("cases.id")),
    Column("version", Integer, nullable=False, server_default="1", comment="counts saves; the ETag"),
    Column("set_by_people", Data, nullable=False, comment="what was set by hand, by whom, when; it stays"),
    Column("document", Data, nullable=False, comment="the case of INTERFACE.md, clocks up to updated_at"),
    Column("judged_by", Words, nullable=False, server_default=""),
    Column("owner", Words, comment="the person of the team it is assigned to"),
)
Index("ix_cases_updated_at", cases.c.updated_at, cases.c.id)
Index("ix_cases_opened_at", cases.c.opened_at, cases.c.id)
Index("ix_cases_status", cases.c.status, cases.c.updated_at, cases.c.id)
Index("ix_cases_waiting_on", cases.c.waiting_on, cases.c.updated_at, cases.c.id)
Index("ix_cases_priority", cases.c.priority, cases.c.updated_at, cases.c.id)
Index("ix_cases_kind", cases.c.kind, cases.c.updated_at, cases.c.id)
Index("ix_cases_vendor", cases.c.vendor, cases.c.updated_at, cases.c.id)
Index(  # of those alone that are merged: else SQLite takes it for the way to all others
    "ix_cases_merged_into",
    cases.c.merged_into,
    sqlite_where=text("merged_into IS NOT NULL"),
    postgresql_where=text("merged_into IS NOT NULL"),
)
Index(
    "ix_cases_owner",
    cases.c.owner,
    cases.c.updated_at,
    cases.c.id,
    sqlite_where=text("owner IS NOT NULL"),
    postgresql_where=text("owner IS NOT NULL"),
)
Index(  # a lane of the page: whose turn it is, the most urgent first, among equals whoever waits longest
    "ix_cases_lane",
    cases.c.waiting_on,
    cases.c.priority,
    cases.c.updated_at,
    cases.c.id,
    sqlite_where=text("status = 'open' AND merged_into IS NULL"),
    postgresql_where=text("status = 'open' AND merged_into IS NULL"),
)

Index(  # counts for metrics and vendors; its condition is like no other query's, lest a planner take it for lists
    "ix_cases_standing",
    cases.c.status,
    cases.c.priority,
    cases.c.vendor,
    cases.c.merged_into,
    sqlite_where=text("status <> ''"),
    postgresql_where=text("status <> ''"),
)

case_refs = Table(
    "case_refs",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("vendor", String(64), primary_key=True),
    Column("ref", String(200), primary_key=True),
)
Index("ix_case_refs_ref", case_refs.c.ref, case_refs.c.vendor)

case_items_missing = Table(
    "case_items_missing",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("item", String(64), primary_key=True),
)
Index("ix_case_items_missing_item", case_items_missing.c.item, case_items_missing.c.case_id)

participants = Table(
    "participants",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("address", String(320), primary_key=True, comment="lower case"),
    Column("name", Words, nullable=False, server_default=""),
    Column("role", String(9), nullable=False, comment="team, requester, vendor, unknown"),
)
Index("ix_participants_address", participants.c.address, participants.c.case_id)

learned_team = Table(
    "learned_team",
    metadata,
    Column("address", String(320), primary_key=True, comment="lower case; forwarded a vendor's mail"),
    Column("learned_at", Instant, nullable=False),
    Column("message", Number, comment="the forward that showed it"),
)

partners = Table(
    "partners",
    metadata,
    Column("company", String(320), primary_key=True, comment="mail domain, or address at a consumer provider"),
    Column("learned_at", Instant, nullable=False),
    Column("refused", Boolean, nullable=False, comment="a person said that it is none"),
)

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
Index(  # whose side changes when somebody shows to be of the team
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

case_links = Table(
    "case_links",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", Number, comment="the message that points from one to the other"),
    Column("why", Words, nullable=False, server_default=""),
)
Index("ix_case_links_other_id", case_links.c.other_id)

judge_queue = Table(  # long cases that wait to be judged: store.judge_queue
    "judge_queue",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("since", Instant, nullable=False),
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("id", Number, primary_key=True),
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, comment="of the message"),
    Column("other_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, comment="the likely case"),
    Column("score", Float, nullable=False, comment="0 to 1"),
    Column("reasons", Data, nullable=False, comment="what the two share, in words"),
    Column("state", String(9), nullable=False, comment="open, accepted, dismissed"),
    Column("created_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Words),
)
Index("ix_suggestions_case_id", suggestions.c.case_id)
Index("ix_suggestions_other_id", suggestions.c.other_id)
Index("ix_suggestions_message_id", suggestions.c.message_id)

# ── what happened ────────────────────────────────────────────────────────────────────────────────────────────────────

events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True, comment="in the order of commits (see database.one_at_a_time)"),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("kind", String(32), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="a person's name, or empty for the rules"),
    Column("at", Instant, nullable=False),
    Column("data", Data, nullable=False, comment="enough to tell it and to undo it"),
    Column("undone_by", Number, comment="the event that took it back"),
)
Index("ix_events_case_id", events.c.case_id, events.c.id)

notes = Table(
    "notes",
    metadata,
    Column("id", Number, primary_key=True),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="of the team"),
    Column("at", Instant, nullable=False),
    Column("text", Words, nullable=False, comment="for the team only: never sent"),
)
Index("ix_notes_case_id_id", notes.c.case_id, notes.c.id)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Number, primary_key=True),
    Column("url", Words, nullable=False),
    Column("secret", Words, nullable=False, comment="signs what is sent; needed in clear to sign"),
    Column("kinds", Data, nullable=False, comment="kinds of events; empty: all"),
    Column("created_at", Instant, nullable=False),
    Column("disabled_at", Instant, comment="by a person, or after days of failure"),
    Column("event", Number, nullable=False, comment="the last event it was told, or given up on"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="for the next event"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("leased_until", Instant, comment="a process is sending"),
    Column("last_error", Words),
)

# ── what sodan sends ─────────────────────────────────────────────────────────────────────────────────────────────────

outbox = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("once", String(200), unique=True, comment="what may be written once only, such as ack:12"),
    Column("kind", String(16), nullable=False),
    Column("channel", String(8), nullable=False, comment="mail, notify"),
    Column("state", String(9), nullable=False, comment="draft, waiting, sent, failed, discarded"),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("recipient", Words, nullable=False, comment="an address; for notify the name of a target"),
    Column("language", String(8), nullable=False, server_default="en"),
    Column("subject", Words, nullable=False, server_default=""),
    Column("text", Words, nullable=False, server_default=""),
    Column("html", Words, nullable=False, server_default=""),
    Column("headers", Data, nullable=False, comment="further headers, such as In-Reply-To"),
    Column("items", Data, nullable=False, comment="checklist items asked for, in the order of their numbers"),
    Column("message_id", Words, comment="our signed Message-ID"),
    Column("answers", Number, comment="the message that is answered"),
    Column("made_by", Words, nullable=False, server_default="", comment="a person, or empty"),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("in_doubt", SmallInteger, nullable=False, server_default="0", comment="times a sender died over it"),
    Column("reason", Words, comment="why it is held, waits, or failed"),
    Column("sent_at", Instant),
    Column("reply", Words, comment="last answer of the server that took it or refused it"),
    Column("report", Data, comment="delivery report (RFC 3464) that came back"),
)
Index(
    "ix_outbox_due_at_id",
    outbox.c.due_at,
    outbox.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)
Index("ix_outbox_case_id", outbox.c.case_id)
Index("ix_outbox_message_id", outbox.c.message_id)
Index("ix_outbox_state_id", outbox.c.state, outbox.c.id)
Index("ix_outbox_recipient_created_at", outbox.c.recipient, outbox.c.created_at)

# ── what a language model read ───────────────────────────────────────────────────────────────────────────────────────

second_readings = Table(
    "second_readings",
    metadata,
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("state", String(8), nullable=False, comment="waiting, done, refused, failed"),
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0", comment="counted before it is tried"),
    Column("leased_by", String(64)),
    Column("leased_until", Instant),
    Column("reason", Words, comment="why it waits, or was not read"),
    Column("model", Words, comment="as the endpoint names it"),
    Column("request_version", String(16), comment="of the instruction and the catalogue"),
    Column("answer", Words, comment="as it came back: it is never asked for twice"),
    Column("dropped", Data, comment="reason: how many statements were dropped"),
    Column("done_at", Instant),
)
Index(
    "ix_second_readings_due_at_message_id",
    second_readings.c.due_at,
    second_readings.c.message_id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

model_usage = Table(
    "model_usage",
    metadata,
    Column("day", Date, primary_key=True, comment="UTC"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("tokens_in", Number, nullable=False, server_default="0"),
    Column("tokens_out", Number, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("dropped", Integer, nullable=False, server_default="0", comment="statements without words or meaning"),
    Column("refused", Integer, nullable=False, server_default="0", comment="answers that could not be used"),
)

# ── mailboxes we fetch from ──────────────────────────────────────────────────────────────────────────────────────────

mailboxes = Table(
    "mailboxes",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("since", Instant, nullable=False, comment="first fetched from"),
    Column("leased_by", String(64), comment="the one process that fetches"),
    Column("leased_until", Instant),
    Column("last_success_at", Instant, comment="all folders were read to their end"),
    Column("failing_since", Instant),
    Column("cause", Words, comment="why the last round failed"),
    Column("next_step", Words, comment="what to do about it"),
    Column("errors", Integer, nullable=False, server_default="0", comment="failed rounds, ever"),
    Column("told_at", Instant, comment="an event told that it is away"),
    Column("taken", Integer, nullable=False, server_default="0", comment="mails kept from it, ever"),
    Column("lag_seconds", Integer, comment="between arrival and our receipt, of the mail fetched last"),
    Column("tokens", Words, comment="encrypted with the installation key"),
    Column("forgotten_at", Instant, comment="no longer reported"),
)

mailbox_folders = Table(
    "mailbox_folders",
    metadata,
    Column("mailbox", String(64), ForeignKey("mailboxes.name", ondelete="CASCADE"), primary_key=True),
    Column("folder", String(400), primary_key=True),
    Column("position", Words, nullable=False, comment="how far it was read, in the words of its source"),
)

mailbox_mails = Table(
    "mailbox_mails",
    metadata,
    Column("mailbox", String(64), ForeignKey("mailboxes.name", ondelete="CASCADE"), primary_key=True),
    Column("place", String(600), primary_key=True, comment="IMAP: UIDVALIDITY, UID and folder; Graph: immutable id"),
    Column("folder", String(400), nullable=False),
    Column("state", String(8), nullable=False, comment="taken, done, failed, too_big, gone"),
    Column("sha256", String(64), comment="of the content, where it was read"),
    Column("size", Integer),
    Column("spool_id", String(36), comment="null: the same content came before"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("reason", Words),
)
Index("ix_mailbox_mails_sha256", mailbox_mails.c.sha256)
Index(
    "ix_mailbox_mails_open",
    mailbox_mails.c.mailbox,
    mailbox_mails.c.folder,
    mailbox_mails.c.state,
    mailbox_mails.c.due_at,
    sqlite_where=text("state IN ('taken', 'failed', 'too_big')"),
    postgresql_where=text("state IN ('taken', 'failed', 'too_big')"),
)

# ── the word index, filled in a later batch ──────────────────────────────────────────────────────────────────────────

SEARCH_TABLE = "search_words"
"""Not in ``metadata``, since the two databases make it differently (migration 0001):

* SQLite: ``CREATE VIRTUAL TABLE search_words USING fts5(words, …)``, rowid = the message's id;
  ``search_words_known USING fts5vocab`` over it (migration 0007);
* PostgreSQL: ``search_words(message_id, words tsvector)`` with a GIN index over ``search_in_block`` (migration 0007).

``words`` are the terms of search.py (Japanese as pairs of characters). ``messages.indexed`` says which messages are
in it.
"""
