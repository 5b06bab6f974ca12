"""Erases a person from every table, file and index; the cases remain.

Every raw mail and every text column is searched. The address is replaced everywhere, names only in prose and in name
fields (``service.mail.masking``), never in columns of ids and kinds. The search is repeated until it finds nothing,
since mail arrives meanwhile; then the word index is rebuilt and the space of deleted rows is freed.

On PostgreSQL the old write-ahead log is recycled too if the role may do so (``service.store.compaction``); if not,
``Erased.remains`` says who must do what. Backups, archived logs and deleted files on disk are not reached:
``docs/operations.md`` says what to do about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from operator import eq
from typing import Any

from sqlalchemy import JSON, Connection, Row, String, Table, and_, delete, or_, select, update

from service.mail.masking import Mask
from service.store import contents, outbox, search
from service.store.compaction import Remains, compact
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.statements import chunks, exists
from service.store.tables import Words, messages, metadata, participants, thread_keys
from service.store.tables import cases as case_table
from service.store.tables import contents as content_table
from service.store.tables import spool as spool_table

SWEEPS = 20
_ROWS = 300
_SECRETS = {"keys.key", "tokens.hash", "webhooks.secret", "spool.sha256", "attachments.sha256", "spool.id"}
"""Text columns that contain no words of anybody."""
_SQUASHED = ("text", "words", "subject_words", "named", "sightings")
"""Facts of a message in which a name cannot be recognised (joined or single words); they are deleted."""


@dataclass
class Erased:
    """What was found and, unless this is a dry run, replaced."""

    rows: Counter[str] = field(default_factory=Counter)  # rows by table and column
    mails: list[tuple[str, str]] = field(default_factory=list)
    """SHA-256 of each raw mail that named the person, and of its replacement (empty in a dry run)."""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Dry run: where, row and words of everything that would be replaced."""
    unreadable: set[str] = field(default_factory=set)  # ids of damaged raw mails, which were not searched
    left: int = 0  # number of findings of a last search
    remains: Remains = field(default_factory=Remains)  # what the databases may still contain


def names_of(database: Database, address: str) -> list[str]:
    """Return the names that occur with this address, most frequent first."""
    return database.read(partial(_names, address=address.casefold()))


def erase(database: Database, shelf: BlobWriter, mask: Mask, *, apply: bool) -> Erased:
    """Remove the person from everything; without ``apply`` only search. Raises Unavailable."""
    erased = Erased()
    if apply:  # nothing may be sent to the address that replaces the person's
        database.transact(partial(outbox.withdraw, address=mask.address))
    for _ in range(SWEEPS if apply else 1):
        found = len(erased.mails) + erased.rows.total()
        _sweep_mails(database, shelf, mask, erased, apply)
        for table in metadata.sorted_tables:
            if table is not content_table:
                _sweep_table(database, table, mask, erased, apply)
        if len(erased.mails) + erased.rows.total() == found:
            break
    if apply:
        while search.index_pending(database):
            pass
        erased.remains = compact(database)
        again = erase(database, shelf, mask, apply=False)
        erased.left = len(again.mails) + again.rows.total()
    return erased


def _sweep_mails(database: Database, shelf: BlobWriter, mask: Mask, erased: Erased, apply: bool) -> None:
    for one in contents.each(database):
        try:
            content = one.content(shelf.outside)
        except contents.Damaged:
            erased.unreadable.add(one.id)
            continue
        masked = mask.mail(content)
        if masked is None:
            continue
        if not apply:
            erased.mails.append((one.sha256, ""))
            words = sorted(mask.words_in_mail(content))
            erased.changes.append({"where": "raw mail", "row": [one.id], "words": words})
            continue
        # mail not yet processed stays uncompressed in its row, where the worker reads it
        [packed] = (shelf if one.codec != "raw" else BlobWriter()).put_away([(one.id, masked)])
        new = sha256(masked).hexdigest()
        if not database.transact(partial(_replace, before=one, packed=packed, sha256=new, size=len(masked))):
            continue  # a worker is processing it: the next pass finds it again
        erased.mails.append((one.sha256, new))
        if one.codec == contents.OUTSIDE and not database.read(partial(contents.named, key=one.sha256)):
            assert shelf.outside is not None
            shelf.outside.remove(one.sha256)


def _replace(conn: Connection, before: contents.Kept, packed: contents.Packed, sha256: str, size: int) -> bool:
    free = or_(spool_table.c.state != "waiting", spool_table.c.leased_by.is_(None))
    same = (spool_table.c.id == before.id, spool_table.c.sha256 == before.sha256, free)
    if not conn.execute(update(spool_table).where(*same).values(sha256=sha256, size=size)).rowcount:
        return False
    contents.keep(conn, [packed])
    return True


def _sweep_table(database: Database, table: Table, mask: Mask, erased: Erased, apply: bool) -> None:
    columns = [column for column in table.columns if _holds_words(table, column)]
    if not columns:
        return
    numbers = set()
    for row in _each(database, table, columns):
        changed = _changed(mask, columns, row._mapping)
        if not changed:
            continue
        if not apply:
            key = [row._mapping[column.name] for column in table.primary_key.columns]
            for name in changed:
                words = sorted(_words(mask, row._mapping[name]))
                erased.changes.append({"where": f"{table.name}.{name}", "row": key, "words": words})
        erased.rows.update(f"{table.name}.{name}" for name in changed)
        if table is messages:
            numbers.add(row.id)
            facts = changed.get("facts", row.facts) or {}
            changed["facts"] = {name: fact for name, fact in facts.items() if name not in _SQUASHED}
        if apply:
            database.transact(partial(_change, table=table, row=row, changed=changed))
    if apply and numbers:
        database.transact(partial(_forget_words, numbers=sorted(numbers)))


def _forget_words(conn: Connection, numbers: list[int]) -> None:
    """Remove messages from the word index, which is rebuilt, and delete their similarity keys.

    Later mail is then no longer compared with these messages by words; everything else still finds them.
    """
    for chunk in chunks(numbers):
        search.forget(conn, chunk)
        words = or_(thread_keys.c.key.startswith("word:"), thread_keys.c.key.startswith("talk:"))
        conn.execute(delete(thread_keys).where(thread_keys.c.message_id.in_(chunk), words))


def _changed(mask: Mask, columns: Sequence[Any], row: Any) -> dict[str, Any]:
    """Return the columns of a row that name the person, with the person removed."""
    changed = {c.name: new for c in columns if (new := _masked(mask, c, row[c.name])) != row[c.name]}
    for address, name in (("address", "name"), ("author_address", "author_name")):
        if row.get(name) and str(row.get(address)).casefold() == mask.address:
            changed[name] = mask.blank(row[name])
    return changed


def _masked(mask: Mask, column: Any, value: Any) -> Any:
    if isinstance(value, str) and not isinstance(column.type, Words):
        return mask.address_in(value)  # ids, kinds and vendors are not prose
    return mask.data(value)


def _words(mask: Mask, value: Any) -> set[str]:
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        return set().union(*(_words(mask, inner) for inner in value))
    return mask.matches(value) if isinstance(value, str) else set()


def _holds_words(table: Table, column: Any) -> bool:
    return isinstance(column.type, (String, Words, JSON)) and f"{table.name}.{column.name}" not in _SECRETS


def _each(database: Database, table: Table, columns: list[Any]) -> Iterator[Row[Any]]:
    own = list(table.primary_key.columns)
    query = select(*dict.fromkeys([*own, *columns])).order_by(*own).limit(_ROWS)
    rows = _rows(database, query)
    while rows:
        yield from rows
        last = [rows[-1]._mapping[column.name] for column in own]
        ways = [and_(*map(eq, own[:n], last), own[n] > last[n]) for n in range(len(own))]
        rows = _rows(database, query.where(or_(*ways))) if len(rows) == _ROWS else []


def _rows(database: Database, query: Any) -> Sequence[Row[Any]]:
    return database.read(lambda conn: conn.execute(query).all())


def _change(conn: Connection, table: Table, row: Row[Any], changed: Mapping[str, Any]) -> None:
    key = list(table.primary_key.columns)
    own = [column == row._mapping[column.name] for column in key]
    new = [column == changed.get(column.name, row._mapping[column.name]) for column in key]
    if any(column.name in changed for column in key) and exists(conn, select(*key).where(*new)):
        conn.execute(delete(table).where(*own))
        return
    more = {"version": case_table.c.version + 1} if table is case_table else {}
    conn.execute(update(table).where(*own).values({**changed, **more}))


def _names(conn: Connection, address: str) -> list[str]:
    found = Counter(conn.execute(select(participants.c.name).where(participants.c.address == address)).scalars())
    written = select(messages.c.author_name).where(messages.c.author_address == address).distinct()
    found.update(conn.execute(written).scalars())
    return [name for name, _ in found.most_common() if len(name.strip()) > 1 and name.casefold() != address]
