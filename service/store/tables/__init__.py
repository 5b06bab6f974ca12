"""Table definitions of the newest schema revision. A test compares them with the migrations.

There are three kinds of table. Only the first cannot be rebuilt (docs/design.md, Principles):

* input: ``spool`` and ``contents`` (the raw mail), ``tokens``, ``keys``, and columns with what people set;
* derived data: ``messages``, ``cases`` and the tables that belong to them, ``thread_keys``;
* history: ``events`` (audit trail, undo and the event stream).
"""

from __future__ import annotations

from service.store.tables.case_tables import *  # noqa: F403 - every table is imported from here
from service.store.tables.columns import *  # noqa: F403
from service.store.tables.mail_tables import *  # noqa: F403

SEARCH_TABLE = "search_words"
"""The search index. It is not in ``metadata``, since each database needs another definition (migration 0001):

* SQLite: ``CREATE VIRTUAL TABLE search_words USING fts5(words, …)``, rowid = message id; ``search_words_known USING
  fts5vocab`` lists its terms (migration 0007);
* PostgreSQL: ``search_words(message_id, words tsvector)`` with a GIN index over ``search_in_block`` (migration 0007).

``words`` are the terms of search.py (Japanese as pairs of characters). ``messages.indexed`` is true for messages that
are in the index.
"""
