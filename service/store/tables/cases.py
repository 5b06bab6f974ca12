"""Tables of cases and of what belongs to a case; derived from the mail and from what people set."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    false,
    text,
)

from service.store.tables.columns import Data, Instant, Number, Words, metadata

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
Index(  # partial: else SQLite would use it for queries about unmerged cases
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
Index(  # one column of the board page: the most urgent cases first, then those unchanged for longest
    "ix_cases_lane",
    cases.c.waiting_on,
    cases.c.priority,
    cases.c.updated_at,
    cases.c.id,
    sqlite_where=text("status = 'open' AND merged_into IS NULL"),
    postgresql_where=text("status = 'open' AND merged_into IS NULL"),
)

Index(  # counts for metrics and vendors; no list query has its condition, so no planner uses it for lists
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

case_links = Table(
    "case_links",
    metadata,
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", Number, comment="the message that points from one to the other"),
    Column("why", Words, nullable=False, server_default=""),
)
Index("ix_case_links_other_id", case_links.c.other_id)

judge_queue = Table(  # long cases whose judgement is delayed: see store.judge_queue
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
