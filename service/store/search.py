"""Full-text search for Japanese and English.

A text is split into terms: words in folded case, and pairs of adjacent Japanese characters. So 返金 and 全社 are found.
(SQLite's trigram tokenizer and PostgreSQL's parsers do not find them.) The worker fills the index later, not in the
transaction that stores a mail.

* SQLite: an FTS5 table ``search_words`` (rowid = messages.id) that stores terms but no text, and
  ``search_words_known``, its list of terms.
* PostgreSQL: a ``tsvector`` of the same terms in ``search_words``, with a GIN index that separates them by block.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    any_,
    bindparam,
    literal,
    select,
    text,
    union,
    update,
)

from service.store.sql import THESE
from service.store.tables import Number, attachments, case_refs, cases, messages

_RUNS = re.compile(
    r"(?P<cjk>[\u3005-\u3007\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+)|(?P<word>[^\W_]+)"
)
"""Matches a run of Japanese (with 々〆〇 and ー), Chinese or Korean characters, or a word of any other script."""

MAX_TEXT = 100_000  # characters of a mail that are indexed; a longer text is usually a pasted log
MAX_TERM = 64
MAX_QUERY_TERMS = 16
MAX_COMPLETIONS = 200  # SQLite: maximum number of words that an incomplete word may stand for, in alphabetical order
MAX_MATCHES = 4_000  # maximum number of matching mails that a search examines, newest first


def terms(text: str) -> set[str]:
    """Return the terms under which a text is indexed."""
    return set(_terms(text[:MAX_TEXT]))


def query_terms(query: str) -> list[str]:
    """Return the terms that a mail must contain to match a query. ``*`` after a term means "begins with"."""
    required = list(dict.fromkeys(_terms(query[:500], is_query=True)))[:MAX_QUERY_TERMS]
    last = _RUNS.match(required[-1]) if required else None
    if last and last["word"] and re.search(r"[^\W_]\s*$", query):
        required[-1] += "*"
    return required


def _terms(text: str, *, is_query: bool = False) -> Iterator[str]:
    for run in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        if run["cjk"]:
            yield from _pairs(run["cjk"], is_query)
        else:
            yield run["word"][:MAX_TERM]


def matching(conn: Connection, query: str, prefix: str) -> ColumnElement[bool]:
    """Return the SQL condition for cases that have this key or vendor's number, or these words in a mail."""
    ids: list[Any] = [select(case_refs.c.case_id).where(case_refs.c.ref == query.strip()[:200])]
    key = re.fullmatch(rf"\s*{re.escape(prefix)}-([0-9]{{1,15}})\s*", query, re.IGNORECASE)
    if key:
        ids.append(select(literal(int(key[1]), Number)))
    if required := query_terms(query):
        ids.append(_cases_with(conn, required))
    # one list of cases instead of several conditions, so that the database starts with it and does not scan all cases
    return cases.c.id.in_(union(*ids))


def _cases_with(conn: Connection, required: list[str]) -> Any:
    """Return the query for the cases of the newest messages that contain all the terms."""
    if conn.dialect.name == "postgresql":
        numbers = _newest_on_postgresql(conn, " & ".join(_postgresql_term(term) for term in required))
        return select(messages.c.case_id).where(messages.c.id == any_(literal(numbers, ARRAY(BigInteger))))
    words = " AND ".join(_sqlite_term(conn, term) for term in required)
    newest = text("SELECT rowid FROM search_words WHERE search_words MATCH :words ORDER BY rowid DESC LIMIT :n")
    newest = newest.bindparams(bindparam("words", words), bindparam("n", MAX_MATCHES))
    return select(messages.c.case_id).where(messages.c.id.in_(newest))


def _sqlite_term(conn: Connection, term: str) -> str:
    """Return a term as an FTS5 expression.

    A prefix is replaced by the words that begin with it, because FTS5 reads all mails for a prefix.
    """
    if not term.endswith("*"):
        return f'"{term}"'
    values = {"beginning": term[:-1], "length": len(term) - 1, "n": MAX_COMPLETIONS}
    words = conn.execute(_COMPLETIONS, values).scalars()
    return "(" + (" OR ".join(f'"{word}"' for word in words) or f'"{term[:-1]}"') + ")"


_COMPLETIONS = text(
    "WITH RECURSIVE next(term) AS ("
    " SELECT (SELECT term FROM search_words_known WHERE term >= :beginning LIMIT 1)"
    # the table lists a word once per mail, so look up the next different word; no word contains char(1)
    " UNION ALL SELECT (SELECT term FROM search_words_known WHERE term >= next.term || char(1) LIMIT 1)"
    " FROM next WHERE substr(next.term, 1, :length) = :beginning"
    ") SELECT term FROM next WHERE substr(term, 1, :length) = :beginning LIMIT :n"
)

# A GIN index cannot be read in the order of time. So the index contains each word once per block of 16,384 messages,
# and the blocks are queried one by one. A common word soon fills the result; a rare word costs a lookup per block.

_BLOCK_BITS = 14  # a block has 2**14 messages, as in ``search_in_block`` of migration 0007
_BY_BLOCK = text(
    "SELECT found.message_id FROM generate_series(CAST(:newest AS bigint), 0, -1) AS block, LATERAL ("
    " SELECT message_id FROM search_words"
    " WHERE search_in_block(message_id, words) @@ CAST(replace(:words, '{block}', to_hex(block)) AS tsquery)"
    " ORDER BY message_id DESC) AS found LIMIT :n"
)


def _newest_on_postgresql(conn: Connection, words: str) -> list[int]:
    """Return the ids of the newest messages that match, by the GIN index, because a scan by age can take seconds."""
    newest = int(conn.execute(text("SELECT COALESCE(MAX(id), 0) FROM messages")).scalar_one()) >> _BLOCK_BITS
    planner_settings = ("enable_seqscan", "enable_indexscan", "jit")
    for name in planner_settings:
        conn.execute(text(f"SET LOCAL {name} = off"))
    numbers = list(conn.execute(_BY_BLOCK, {"newest": newest, "words": words, "n": MAX_MATCHES}).scalars())
    for name in planner_settings:
        conn.execute(text(f"SET LOCAL {name} = on"))
    return numbers


def _postgresql_term(term: str) -> str:
    escaped = term.rstrip("*").replace("'", "''").replace("\\", "\\\\")
    return f"'{{block}}:{escaped}'" + (":*" if term.endswith("*") else "")


def index_pending(conn: Connection, limit: int = 500) -> int:
    """Index up to ``limit`` messages that are not indexed yet. Returns their number."""
    rows = conn.execute(_PENDING, {"most": limit}).all()
    if not rows:
        return 0
    texts = {row.id: list(row[1:]) for row in rows}
    for message, name in conn.execute(_FILES, {"these": list(texts)}):
        texts[message].append(name)
    remove(conn, list(texts))
    words = [{"n": number, "words": " ".join(sorted(terms("\n".join(parts))))} for number, parts in texts.items()]
    conn.execute(_INSERT[conn.dialect.name], words)
    conn.execute(_INDEXED, {"these": list(texts)})
    return len(rows)


# built once, because building a statement takes longer than running it

_WORDS = [messages.c[name] for name in "id subject text intro author_name author_address".split()]
_PENDING = (
    select(*_WORDS)
    .where(text('NOT messages."indexed"'))  # exactly the condition of the partial index
    .order_by(messages.c.id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # ignored by SQLite
)
_FILES = select(attachments.c.message_id, attachments.c.filename).where(attachments.c.message_id.in_(THESE))
_INDEXED = update(messages).where(messages.c.id.in_(THESE)).values(indexed=True)
_CLEAR = {
    "sqlite": text("DELETE FROM search_words WHERE rowid = :n"),
    "postgresql": text("DELETE FROM search_words WHERE message_id = :n"),
}
_INSERT = {
    "sqlite": text("INSERT INTO search_words (rowid, words) VALUES (:n, :words)"),
    "postgresql": text(
        "INSERT INTO search_words (message_id, words) "
        "VALUES (:n, array_to_tsvector(string_to_array(CAST(:words AS text), ' ')))"
    ),
}


def mark_unindexed(conn: Connection, numbers: Sequence[int]) -> None:
    """Mark these messages to be indexed again."""
    conn.execute(update(messages).where(messages.c.id.in_(numbers)).values(indexed=False))


def remove(conn: Connection, numbers: Sequence[int]) -> None:
    """Delete messages from the index."""
    if numbers:
        conn.execute(_CLEAR[conn.dialect.name], [{"n": number} for number in numbers])


def _pairs(run: str, is_query: bool) -> list[str]:
    """Return the pairs of characters of a run.

    A text also gets the last character as a term, because one character alone in a query means "begins with".
    """
    if len(run) == 1:
        return [f"{run}*" if is_query else run]
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return pairs if is_query else [*pairs, run[-1]]
