"""Tables of received mail, mailboxes, messages, thread keys, and jobs of the language model."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    false,
)

from service.store.tables.columns import Data, Instant, Number, Words, only, table

spool = table(
    "spool",
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
Index("ix_spool_waiting", spool.c.due_at, spool.c.id, **only("state = 'waiting'"))
Index("ix_spool_not_done", spool.c.state, spool.c.id, **only("state <> 'done'"))
Index("ix_spool_sha256", spool.c.sha256)

contents = table(
    "contents",
    Column("id", String(36), ForeignKey("spool.id", ondelete="CASCADE"), primary_key=True),
    Column("codec", String(8), nullable=False, comment="raw, zstd, file"),
    Column("bytes", LargeBinary, nullable=False),
)

mailboxes = table(
    "mailboxes",
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

mailbox_folders = table(
    "mailbox_folders",
    Column("mailbox", String(64), ForeignKey("mailboxes.name", ondelete="CASCADE"), primary_key=True),
    Column("folder", String(400), primary_key=True),
    Column("position", Words, nullable=False, comment="how far it was read, in the words of its source"),
)

mailbox_mails = table(
    "mailbox_mails",
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
    **only("state IN ('taken', 'failed', 'too_big')"),
)

messages = table(
    "messages",
    # what placement reads of many messages is first: SQLite reads a long row up to the last column that a query needs
    Column("id", Number, primary_key=True),
    Column("case_id", Number, ForeignKey("cases.id"), nullable=False),
    Column("placed_by", String(32), nullable=False, server_default="", comment="the evidence that decided its case"),
    Column("pinned_by", Words, comment="who moved it by hand; it stays there"),
    Column("joined", Number, comment="the case a person merged it into; it stays with the others of that case"),
    Column("date", Instant, comment="what the author's mail says"),
    Column("received_at", Instant, nullable=False, comment="of its first delivery"),
    Column("facts", Data, comment="what threading and the rules need of it: its node, recipients' sides, files"),
    Column("origin", String(9), nullable=False, comment="delivered, forwarded, attached, quoted"),
    Column("message_id", Words, comment="Message-ID with its angle brackets; null where unknown"),
    Column("author_role", String(9), nullable=False),
    Column("author_address", Words, nullable=False, server_default="", comment="lower case"),
    Column("author_name", Words, nullable=False, server_default=""),
    Column("date_offset", SmallInteger, comment="the author's zone, minutes east of UTC"),
    Column("automatic", String(16)),
    Column("language", String(8), nullable=False, server_default="und"),
    Column("vendor", String(64)),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    Column("spool_id", String(36), ForeignKey("spool.id"), comment="the raw mail it was read from"),
    Column("raw_part", Words, comment="where inside the raw mail, if it was attached"),
    Column("found_in", Number, comment="the message it was found inside"),
    Column("indexed", Boolean, nullable=False, server_default=false(), comment="in the word index"),
    Column("forwarded_by", Words, comment="address of whoever handed it to us, if not the author"),
    Column("to", Data, nullable=False, comment="[{name, address}]"),
    Column("cc", Data, nullable=False),
    Column("subject", Words, nullable=False, server_default=""),
    Column("in_reply_to", Data, nullable=False),
    Column("refs", Data, nullable=False, comment="References, oldest first"),
    Column("defects", Data, nullable=False),
    Column("text", Words, nullable=False, server_default="", comment="what the author newly wrote"),
    Column("statements", Data, comment="what the reader found in it alone"),
    Column("intro", Words, nullable=False, server_default="", comment="what a forwarder wrote above"),
    Column("evidence", Data, nullable=False, comment="for the case and for the runners-up"),
    Column("headers", Data, nullable=False, comment="further headers kept as facts"),
    Column("quoted_text", Words, nullable=False, server_default="", comment="the rest of the body"),
)
Index("ix_messages_case_id", messages.c.case_id, messages.c.id)
Index("ix_messages_message_id", messages.c.message_id)
# messages whose author's role changes when the author turns out to be a team member
Index("ix_messages_requester", messages.c.author_address, **only("author_role = 'requester'"))
Index("ix_messages_spool_id", messages.c.spool_id)
Index("ix_messages_found_in", messages.c.found_in)
Index("ix_messages_unindexed", messages.c.id, **only("NOT indexed"))

deliveries = table(
    "deliveries",
    Column("spool_id", String(36), ForeignKey("spool.id"), primary_key=True),
    Column(
        "part", String(200), primary_key=True, server_default="", comment="empty: the mail itself; else where inside"
    ),
    Column("message_id", Number, ForeignKey("messages.id"), nullable=False),
    Column("way", String(9), nullable=False, comment="delivered, forwarded, attached, quoted"),
    Column("received_at", Instant, nullable=False),
)
Index("ix_deliveries_message_id", deliveries.c.message_id)

attachments = table(
    "attachments",
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

thread_keys = table(
    "thread_keys",
    Column("key", String(300), primary_key=True, comment="mid:<…>, ref:aws:123, tix:…, fp:…, …"),
    Column("message_id", Number, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(8), primary_key=True, comment="own: the message is it; cites: it names it"),
    Column("case_id", Number, nullable=False),  # of the message: one index answers a lookup
    sqlite_with_rowid=False,
)
Index("ix_thread_keys_message_id", thread_keys.c.message_id)

second_readings = table(
    "second_readings",
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
    **only("state = 'waiting'"),
)

model_usage = table(
    "model_usage",
    Column("day", Date, primary_key=True, comment="UTC"),
    Column("requests", Integer, nullable=False, server_default="0"),
    Column("tokens_in", Number, nullable=False, server_default="0"),
    Column("tokens_out", Number, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("dropped", Integer, nullable=False, server_default="0", comment="statements without words or meaning"),
    Column("refused", Integer, nullable=False, server_default="0", comment="answers that could not be used"),
)
