"""Full-text search for Japanese and English, with own terms in the database's index.

A text becomes terms: words of letters and digits in folded case, and every pair of adjacent Japanese characters. So
返金 and 全社 are found; SQLite's trigram tokenizer and PostgreSQL's parsers find neither. The worker fills the index in
a later batch, never in the transaction that stores a mail.

* SQLite: an FTS5 table ``search_words`` (rowid = messages.id) that stores terms but no text, and
  ``search_words_known``, its list of terms.
* PostgreSQL: a ``tsvector`` of the same terms in ``search_words``, with a GIN index that separates them by block.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

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

from service.store.statements import THESE
from service.store.tables import Number, attachments, case_refs, cases, messages

if TYPE_CHECKING:
    from service.store.database import Database

_RUNS = re.compile(
    r"(?P<cjk>[\u3005-\u3007\u3041-\u309f\u30a1-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    r"\U00020000-\U0003ffff]+)|(?P<word>[^\W_]+)"
)
"""Runs of Japanese (with 々〆〇 and ー), Chinese or Korean, and words of any other script."""

_CJK = re.compile("[\u3005-\u3007\u3041-\u30ff\u31f0-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]")

MAX_TEXT = 100_000  # characters of a mail that are indexed; more is usually a pasted log
MAX_TERM = 64
MAX_QUERY_TERMS = 16
COMPLETIONS = 200  # SQLite: maximum number of words that an incomplete word is replaced by, in alphabetical order
NEWEST = 4_000  # maximum number of matching mails that a search examines, newest first


def terms(written: str) -> set[str]:
    """Return the terms of a text."""
    return set(_terms(written[:MAX_TEXT]))


def query_terms(written: str) -> list[str]:
    """Return the terms that a query requires.

    ``*`` after the last one means "begins with", since that word may be incomplete.
    """
    found = list(dict.fromkeys(_terms(written[:500], alone="*")))[:MAX_QUERY_TERMS]
    if found and not _CJK.match(found[-1]) and re.search(r"[^\W_]\s*$", written):
        found[-1] += "*"
    return found


def _terms(written: str, alone: str = "") -> Iterator[str]:
    for run in _RUNS.finditer(unicodedata.normalize("NFKC", written).casefold()):
        if run["cjk"]:
            yield from _pairs(run["cjk"], alone)
        else:
            yield run["word"][:MAX_TERM]


def matching(conn: Connection, written: str, prefix: str) -> ColumnElement[bool]:
    """Return a condition for cases: a mail contains all the words, or the text is their key or a vendor's number."""
    found: list[Any] = [select(case_refs.c.case_id).where(case_refs.c.ref == written.strip()[:200])]
    key = re.fullmatch(rf"\s*{re.escape(prefix)}-([0-9]{{1,15}})\s*", written, re.IGNORECASE)
    if key:
        found.append(select(literal(int(key[1]), Number)))
    if wanted := query_terms(written):
        found.append(_cases_with(conn, wanted))
    # one list of cases instead of several conditions, so that the database starts with it and does not scan all cases
    return cases.c.id.in_(union(*found))


def _cases_with(conn: Connection, wanted: list[str]) -> Any:
    """Select the cases of the newest messages that contain all the terms."""
    if conn.dialect.name == "postgresql":
        numbers = _newest_on_postgresql(conn, " & ".join(_postgresql_term(term) for term in wanted))
        return select(messages.c.case_id).where(messages.c.id == any_(literal(numbers, ARRAY(BigInteger))))
    words = " AND ".join(_sqlite_term(conn, term) for term in wanted)
    newest = text("SELECT rowid FROM search_words WHERE search_words MATCH :words ORDER BY rowid DESC LIMIT :n")
    newest = newest.bindparams(bindparam("words", words), bindparam("n", NEWEST))
    return select(messages.c.case_id).where(messages.c.id.in_(newest))


# FTS5 reads the mails of a word from the newest and stops when it has enough. A prefix, however, is first looked up
# completely: a tenth of a second if a million mails match. So a prefix is replaced by the words it may stand for.


def _sqlite_term(conn: Connection, term: str) -> str:
    if not term.endswith("*"):
        return f'"{term}"'
    words = conn.execute(_COMPLETIONS, {"beginning": term[:-1], "length": len(term) - 1, "n": COMPLETIONS}).scalars()
    return "(" + (" OR ".join(f'"{word}"' for word in words) or f'"{term[:-1]}"') + ")"


_COMPLETIONS = text(
    "WITH RECURSIVE next(term) AS ("
    " SELECT (SELECT term FROM search_words_known WHERE term >= :beginning LIMIT 1)"
    # the table lists a word once per mail, so the next word is looked up instead; no word contains char(1)
    " UNION ALL SELECT (SELECT term FROM search_words_known WHERE term >= next.term || char(1) LIMIT 1)"
    " FROM next WHERE substr(next.term, 1, :length) = :beginning"
    ") SELECT term FROM next WHERE substr(term, 1, :length) = :beginning LIMIT :n"
)

# A GIN index cannot be read from the newest mail. So it holds each word once per block of 16,384 messages, and the
# blocks are queried one by one: a common word soon fills the result, a rare one costs a lookup per block.

_BLOCK = 14  # bits per block number, as in ``search_in_block`` of migration 0007
_BY_BLOCK = text(
    "SELECT found.message_id FROM generate_series(CAST(:newest AS bigint), 0, -1) AS block, LATERAL ("
    " SELECT message_id FROM search_words"
    " WHERE search_in_block(message_id, words) @@ CAST(replace(:words, '{block}', to_hex(block)) AS tsquery)"
    " ORDER BY message_id DESC) AS found LIMIT :n"
)


def _newest_on_postgresql(conn: Connection, words: str) -> list[int]:
    """Force the use of that index: scanning messages by age instead takes seconds for a rare word."""
    newest = int(conn.execute(text("SELECT COALESCE(MAX(id), 0) FROM messages")).scalar_one()) >> _BLOCK
    ways = ("enable_seqscan", "enable_indexscan", "jit")
    for way in ways:
        conn.execute(text(f"SET LOCAL {way} = off"))
    found = list(conn.execute(_BY_BLOCK, {"newest": newest, "words": words, "n": NEWEST}).scalars())
    for way in ways:
        conn.execute(text(f"SET LOCAL {way} = on"))
    return found


def _postgresql_term(term: str) -> str:
    bare = term.rstrip("*").replace("'", "''").replace("\\", "\\\\")
    return f"'{{block}}:{bare}'" + (":*" if term.endswith("*") else "")


def index_pending(database: Database, limit: int = 500) -> int:
    """Index up to ``limit`` messages that are not indexed yet; returns their number. For when the worker is idle."""
    return database.transact(lambda conn: _index(conn, limit))


def _index(conn: Connection, limit: int) -> int:
    rows = conn.execute(_PENDING, {"most": limit}).all()
    if not rows:
        return 0
    words = {row.id: list(row[1:]) for row in rows}
    for message, name in conn.execute(_FILES, {"these": list(words)}):
        words[message].append(name)
    remove(conn, list(words))
    found = [{"n": number, "words": " ".join(sorted(terms("\n".join(its))))} for number, its in words.items()]
    conn.execute(_INSERT[conn.dialect.name], found)
    conn.execute(_INDEXED, {"these": list(words)})
    return len(rows)


# built once, since building a statement takes longer than running it

_WORDS = [messages.c[name] for name in "id subject text intro author_name author_address".split()]
_PENDING = (
    select(*_WORDS)
    .where(text('NOT messages."indexed"'))  # word for word the condition of the partial index
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


def forget(conn: Connection, numbers: Sequence[int]) -> None:
    """Mark these messages to be indexed again."""
    conn.execute(update(messages).where(messages.c.id.in_(numbers)).values(indexed=False))


def remove(conn: Connection, numbers: Sequence[int]) -> None:
    """Delete the words of messages."""
    if numbers:
        conn.execute(_CLEAR[conn.dialect.name], [{"n": number} for number in numbers])


def escape_like(written: str) -> str:
    """Escape ``written`` for a LIKE pattern with escape character ``\\``."""
    return written.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _pairs(run: str, alone: str = "") -> list[str]:
    """Return all pairs of adjacent characters, and for a text its last character, as the beginning of a term.

    A single character is returned with ``alone`` appended.
    """
    if len(run) == 1:
        return [run + alone]
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return pairs if alone else [*pairs, run[-1]]
