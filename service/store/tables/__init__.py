"""Table definitions at the newest migration; a test compares them with the migrations.

There are three kinds of table. Only the first cannot be rebuilt (docs/design.md, Principles):

* input: ``spool`` and ``contents`` (the raw mail), ``tokens``, ``keys``, and columns that hold what people set;
* derived data: ``messages``, ``cases`` and the tables that belong to them, ``thread_keys``;
* history: ``events`` (audit trail, undo and the event stream).

Times are timezone-aware UTC in Python (``Instant``). ``Words`` and ``Data`` replace characters that PostgreSQL cannot
store.
"""

from __future__ import annotations

from service.store.tables.cases import (
    case_items_missing,
    case_links,
    case_refs,
    cases,
    judge_queue,
    learned_team,
    participants,
    partners,
    suggestions,
)
from service.store.tables.columns import Data, Instant, Number, Words, metadata, storable, to_json
from service.store.tables.history import events, notes, webhooks
from service.store.tables.mailboxes import mailbox_folders, mailbox_mails, mailboxes
from service.store.tables.messages import SEARCH_TABLE, attachments, deliveries, messages, thread_keys
from service.store.tables.model import model_usage, second_readings
from service.store.tables.outgoing import outbox
from service.store.tables.received import contents, keys, spool, tokens

__all__ = [
    "SEARCH_TABLE",
    "Data",
    "Instant",
    "Number",
    "Words",
    "attachments",
    "case_items_missing",
    "case_links",
    "case_refs",
    "cases",
    "contents",
    "deliveries",
    "events",
    "judge_queue",
    "keys",
    "learned_team",
    "mailbox_folders",
    "mailbox_mails",
    "mailboxes",
    "messages",
    "metadata",
    "model_usage",
    "notes",
    "outbox",
    "participants",
    "partners",
    "second_readings",
    "spool",
    "storable",
    "suggestions",
    "thread_keys",
    "to_json",
    "tokens",
    "webhooks",
]
