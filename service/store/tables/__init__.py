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
    case_items_missing as case_items_missing,
)
from service.store.tables.cases import (
    case_links as case_links,
)
from service.store.tables.cases import (
    case_refs as case_refs,
)
from service.store.tables.cases import (
    cases as cases,
)
from service.store.tables.cases import (
    judge_queue as judge_queue,
)
from service.store.tables.cases import (
    learned_team as learned_team,
)
from service.store.tables.cases import (
    participants as participants,
)
from service.store.tables.cases import (
    partners as partners,
)
from service.store.tables.cases import (
    suggestions as suggestions,
)
from service.store.tables.columns import (
    Data as Data,
)
from service.store.tables.columns import (
    Instant as Instant,
)
from service.store.tables.columns import (
    Number as Number,
)
from service.store.tables.columns import (
    Words as Words,
)
from service.store.tables.columns import (
    metadata as metadata,
)
from service.store.tables.columns import (
    storable as storable,
)
from service.store.tables.columns import (
    to_json as to_json,
)
from service.store.tables.history import (
    events as events,
)
from service.store.tables.history import (
    notes as notes,
)
from service.store.tables.history import (
    webhooks as webhooks,
)
from service.store.tables.mailboxes import (
    mailbox_folders as mailbox_folders,
)
from service.store.tables.mailboxes import (
    mailbox_mails as mailbox_mails,
)
from service.store.tables.mailboxes import (
    mailboxes as mailboxes,
)
from service.store.tables.messages import (
    SEARCH_TABLE as SEARCH_TABLE,
)
from service.store.tables.messages import (
    attachments as attachments,
)
from service.store.tables.messages import (
    deliveries as deliveries,
)
from service.store.tables.messages import (
    messages as messages,
)
from service.store.tables.messages import (
    thread_keys as thread_keys,
)
from service.store.tables.model import (
    model_usage as model_usage,
)
from service.store.tables.model import (
    second_readings as second_readings,
)
from service.store.tables.outgoing import (
    outbox as outbox,
)
from service.store.tables.received import (
    contents as contents,
)
from service.store.tables.received import (
    keys as keys,
)
from service.store.tables.received import (
    spool as spool,
)
from service.store.tables.received import (
    tokens as tokens,
)
