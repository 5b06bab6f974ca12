"""Tables of cases and their data, events, outgoing mail, webhooks, tokens and keys."""

from sqlalchemy import Boolean, Column, Date, Float, ForeignKey, Index, Integer, SmallInteger, String, false, func

from service.store.tables.columns import Data, Instant, Number, Words, only, table

cases = table(
    "cases",
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
WAITING_SINCE = func.coalesce(cases.c.waiting_since, cases.c.updated_at)
"""Since when a case has its turn. Older versions stored no time if nobody had to act."""

Index("ix_cases_updated_at", cases.c.updated_at, cases.c.id)
Index("ix_cases_opened_at", cases.c.opened_at, cases.c.id)
Index("ix_cases_status", cases.c.status, cases.c.updated_at, cases.c.id)
Index("ix_cases_waiting_on", cases.c.waiting_on, cases.c.updated_at, cases.c.id)
Index("ix_cases_priority", cases.c.priority, cases.c.updated_at, cases.c.id)
Index("ix_cases_waiting_since", cases.c.priority, WAITING_SINCE, cases.c.id)
Index("ix_cases_kind", cases.c.kind, cases.c.updated_at, cases.c.id)
Index("ix_cases_vendor", cases.c.vendor, cases.c.updated_at, cases.c.id)
# partial, because SQLite would otherwise use this index for queries about unmerged cases
Index("ix_cases_merged_into", cases.c.merged_into, **only("merged_into IS NOT NULL"))
Index("ix_cases_owner", cases.c.owner, cases.c.updated_at, cases.c.id, **only("owner IS NOT NULL"))
Index(  # one lane of the start page: the most urgent cases first, then those that wait longest
    "ix_cases_lane_since",
    cases.c.waiting_on,
    cases.c.priority,
    WAITING_SINCE,
    cases.c.id,
    **only("status = 'open' AND merged_into IS NULL"),
)

Index(  # for counts (metrics, vendors); list queries have other conditions, so planners do not use this index for lists
    "ix_cases_standing", cases.c.status, cases.c.priority, cases.c.vendor, cases.c.merged_into, **only("status <> ''")
)

case_refs = table(
    "case_refs",
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("vendor", String(64), primary_key=True),
    Column("ref", String(200), primary_key=True),
)
Index("ix_case_refs_ref", case_refs.c.ref, case_refs.c.vendor)

case_items_missing = table(
    "case_items_missing",
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("item", String(64), primary_key=True),
)
Index("ix_case_items_missing_item", case_items_missing.c.item, case_items_missing.c.case_id)

participants = table(
    "participants",
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("address", String(320), primary_key=True, comment="lower case"),
    Column("name", Words, nullable=False, server_default=""),
    Column("role", String(9), nullable=False, comment="team, requester, vendor, unknown"),
)
Index("ix_participants_address", participants.c.address, participants.c.case_id)

learned_team = table(
    "learned_team",
    Column("address", String(320), primary_key=True, comment="lower case; forwarded a vendor's mail"),
    Column("learned_at", Instant, nullable=False),
    Column("message", Number, comment="the forward that showed it"),
)

partners = table(
    "partners",
    Column("company", String(320), primary_key=True, comment="mail domain, or address at a consumer provider"),
    Column("learned_at", Instant, nullable=False),
    Column("refused", Boolean, nullable=False, comment="a person said that it is none"),
)

case_links = table(
    "case_links",
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("other_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", Number, comment="the message that points from one to the other"),
    Column("why", Words, nullable=False, server_default=""),
)
Index("ix_case_links_other_id", case_links.c.other_id)

judge_queue = table(  # long cases whose judgement is delayed: see store.judge_queue
    "judge_queue",
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True),
    Column("since", Instant, nullable=False),
)

suggestions = table(
    "suggestions",
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

events = table(
    "events",
    Column("id", Number, primary_key=True, comment="in the order of commits (see database.one_at_a_time)"),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE")),
    Column("kind", String(32), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="a person's name, or empty for the rules"),
    Column("at", Instant, nullable=False),
    Column("data", Data, nullable=False, comment="enough to tell it and to undo it"),
    Column("undone_by", Number, comment="the event that took it back"),
)
Index("ix_events_case_id", events.c.case_id, events.c.id)

notes = table(
    "notes",
    Column("id", Number, primary_key=True),
    Column("case_id", Number, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("who", Words, nullable=False, server_default="", comment="of the team"),
    Column("at", Instant, nullable=False),
    Column("text", Words, nullable=False, comment="for the team only: never sent"),
)
Index("ix_notes_case_id_id", notes.c.case_id, notes.c.id)

webhooks = table(
    "webhooks",
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

outbox = table(
    "outbox",
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
Index("ix_outbox_due_at_id", outbox.c.due_at, outbox.c.id, **only("state = 'waiting'"))
Index("ix_outbox_case_id", outbox.c.case_id)
Index("ix_outbox_message_id", outbox.c.message_id)
Index("ix_outbox_state_id", outbox.c.state, outbox.c.id)
Index("ix_outbox_recipient_created_at", outbox.c.recipient, outbox.c.created_at)

daily_jobs = table(
    "daily_jobs",
    Column("name", String(32), primary_key=True, comment="digest"),
    Column("day", Date, nullable=False, comment="in SODAN_ZONE, on which it ran last"),
)

tokens = table(
    "tokens",
    Column("id", Number, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True, comment="SHA-256 of the secret, hex"),
    Column("name", Words, nullable=False),
    Column("scope", String(16), nullable=False, comment="read, write"),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("used_at", Instant),
    Column("revoked_at", Instant),
)

keys = table(
    "keys",
    Column("name", String(32), primary_key=True, comment="what it signs"),
    Column("key", String(64), nullable=False, comment="32 random bytes, hex; made when first needed"),
    Column("created_at", Instant, nullable=False),
)
