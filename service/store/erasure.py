"""Erases a person from the data. Replaces the address and names in raw mails, tables and indexes.

The address is replaced everywhere. Names are replaced only in prose and in name fields (``service.mail.masking``), not
in columns of ids and kinds; names in From only in the person's mails and in quotes of them. Each change is one
transaction that excludes transactions of workers, because these lock the rows in another order. Mail may arrive
meanwhile, so the search is repeated until it finds nothing. Then the search index is rebuilt, and
``service.store.compaction`` removes the old rows from the files. ``docs/operations.md`` says what to do about backups,
archived logs and deleted files on disk.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

from sqlalchemy import JSON, Connection, Row, String, Table, delete, literal, or_, select, tuple_, update

from service.errors import NotFound, Unavailable
from service.mail.masking import ERASED, Mask
from service.mail.parse import parse
from service.store import contents, outbox, search
from service.store.compaction import Remains, compact
from service.store.contents import BlobWriter
from service.store.database import Database, one_at_a_time
from service.store.links import mark_changed
from service.store.sql import chunks, exists
from service.store.tables import Words, messages, metadata, participants, thread_keys
from service.store.tables import cases as case_table
from service.store.tables import contents as content_table
from service.store.tables import spool as spool_table

MAX_SWEEPS = 20
_ROWS = 300  # rows read at once
_NOT_SEARCHED = {"keys.key", "tokens.hash", "webhooks.secret", "spool.sha256", "attachments.sha256", "spool.id"}
"""Text columns that cannot contain a name or an address."""
_DELETED_FACTS = ("text", "words", "subject_words", "named", "sightings")
"""Facts of a message in which a name cannot be recognised, since they are joined or single words."""


@dataclass
class ErasureResult:
    """What was found and replaced. A dry run only searches."""

    rows: Counter[str] = field(default_factory=Counter)  # ``table.column`` → number of rows
    mails: list[tuple[str, str]] = field(default_factory=list)  # SHA-256 of a raw mail, and of its replacement or ""
    changes: list[dict[str, Any]] = field(default_factory=list)  # in a dry run: place, row and words of each change
    unreadable: set[str] = field(default_factory=set)  # ids of damaged raw mails, which were not searched
    left: int = 0  # number of places that still name the person afterwards
    remains: Remains = field(default_factory=Remains)

    @property
    def found(self) -> int:
        return len(self.mails) + self.rows.total()


@dataclass(frozen=True)
class _Own:
    """What the person wrote, to recognise quotes of it."""

    messages: frozenset[int]  # their ids
    mails: frozenset[str]  # the ids of their raw mails
    cases: frozenset[int]  # the cases of these messages
    lines: frozenset[str]  # see ``Mask.lines_of``
    text: str  # subjects and texts with a name in From, in lower case, with single spaces


def names_of(conn: Connection, address: str) -> list[str]:
    """Return the names that mails give to an address, most frequent first. ``address``: in lower case."""
    names = Counter(conn.execute(select(participants.c.name).where(participants.c.address == address)).scalars())
    authors = select(messages.c.author_name).where(messages.c.author_address == address).distinct()
    names.update(conn.execute(authors).scalars())
    return [name for name, _ in names.most_common() if len(name.strip()) > 1 and name.casefold() != address]


def own_names(conn: Connection, address: str) -> list[str]:
    """Return the names beside an address in From, except names that are also a part of another person's name."""
    author = messages.c.author_address
    own = select(messages.c.author_name).where(author == address, messages.c.origin == "delivered").distinct()
    names = [name for name in conn.execute(own).scalars() if name.casefold() != address]
    for table, beside, name in ((participants, "address", "name"), (messages, "author_address", "author_name")):
        others = select(table.c[name]).where(table.c[beside] != address).distinct()
        for other in conn.execute(others).scalars():
            names = [name for name in names if not _is_part(name, other)]
    return names


def _is_part(name: str, other: str) -> bool:
    """Return whether a name is a part of another name, or both are the same without spaces."""
    words, others = (text.casefold().replace(",", " ").split() for text in (name, other))
    one, whole = "".join(words), "".join(others)
    return {*words} <= {*others} or one == whole or (not name.isascii() and one in whole)


def erase(database: Database, writer: BlobWriter, mask: Mask, now: datetime, *, apply: bool) -> ErasureResult:
    """Replace the address and names everywhere; without ``apply``, only search for them.

    Raises Unavailable, and Conflict while a mail to the person is being sent.
    """
    own = _own(database, writer, mask)
    eraser = _Eraser(database, writer, mask, own, apply)
    result = eraser.result
    if not apply:
        eraser.sweep()
        return result
    # the outbox must not send mail to the replacement address
    database.transact(partial(outbox.discard_for_address, address=mask.address, now=now))
    for _ in range(MAX_SWEEPS):
        before = result.found
        eraser.sweep()
        if result.found == before:
            break
    while database.transact(search.index_pending):
        pass
    result.remains = compact(database)
    again = _Eraser(database, writer, mask, own, apply=False)
    again.sweep()
    result.left = again.result.found
    return result


def _own(database: Database, writer: BlobWriter, mask: Mask) -> _Own:
    """Return what the person wrote, from tables and raw mails. Empty if no name in From has to be erased."""
    columns = (messages.c[name] for name in "id case_id origin spool_id subject text intro".split())
    query = select(*columns).where(messages.c.author_address == mask.address)
    rows = database.read(partial(_rows, query=query)) if mask.own_names else []
    texts = {text for row in rows for text in (row.subject, row.text, row.intro)}
    mails = frozenset(row.spool_id for row in rows if row.origin == "delivered" and row.spool_id)
    for id in mails:
        with suppress(NotFound, Unavailable, contents.Damaged):
            mail = parse(contents.content(database, writer.blob_store, id))
            texts |= {mail.subject, mail.reply_text, mail.text.removesuffix(mail.quoted_text)}
    texts = {text for text in texts if mask.author.mentions(text)}
    lines = frozenset[str]().union(*map(mask.lines_of, texts))
    text = "\n".join(" ".join(text.casefold().split()) for text in sorted(texts))
    return _Own(frozenset(row.id for row in rows), mails, frozenset(row.case_id for row in rows), lines, text)


@dataclass
class _Eraser:
    """Searches all mails and tables once per ``sweep``. With ``apply``, it replaces what it finds."""

    database: Database
    writer: BlobWriter
    mask: Mask
    own: _Own
    apply: bool
    result: ErasureResult = field(default_factory=ErasureResult)

    def sweep(self) -> None:
        # what the person wrote comes last: if this is interrupted, the next run knows by it what else to erase
        for of_person in (False, True) if self.own.messages else (False,):
            for mail in contents.all_mails(self.database):
                if (mail.id in self.own.mails) is of_person:
                    self._erase_in_mail(mail)
            for table in (messages,) if of_person else metadata.sorted_tables:
                if table is not content_table:
                    self._sweep_table(table, of_person)

    def _erase_in_mail(self, mail: contents.StoredContent) -> None:
        database, writer, result = self.database, self.writer, self.result
        try:
            content = mail.content(writer.blob_store)
        except contents.Damaged:
            result.unreadable.add(mail.id)
            return
        mask = self.mask.in_mail(parse(content), self.own.lines) if self.mask.own_names else self.mask
        masked = mask.mail(content)
        if masked is None:
            return
        if not self.apply:
            result.mails.append((mail.sha256, ""))
            words = sorted(mask.words_in_mail(content))
            result.changes.append({"where": "raw mail", "row": [mail.id], "words": words})
            return
        # mail that is not processed yet must stay in the database, because the worker reads it there
        [packed] = (writer if mail.codec != "raw" else BlobWriter()).pack([(mail.id, masked)])
        new = sha256(masked).hexdigest()
        if not database.transact(partial(_replace, before=mail, packed=packed, sha256=new, size=len(masked))):
            return  # a worker is processing it: the next sweep finds it again
        result.mails.append((mail.sha256, new))
        if mail.codec == contents.OUTSIDE and not database.read(partial(contents.is_referenced, key=mail.sha256)):
            assert writer.blob_store is not None
            writer.blob_store.remove(mail.sha256)

    def _sweep_table(self, table: Table, of_person: bool) -> None:
        columns = [column for column in table.columns if _is_searched(table, column)]
        numbers = set()
        for row in _each(self.database, table, columns) if columns else ():
            if table is messages and (row.id in self.own.messages) is not of_person:
                continue
            masks = {column.name: self._mask_of(table, column.name, row._mapping) for column in columns}
            changed = _changed(masks, columns, row._mapping)
            if not changed:
                continue
            self.result.rows.update(f"{table.name}.{name}" for name in changed)
            if not self.apply:
                key = [row._mapping[column.name] for column in table.primary_key.columns]
                for name in changed:
                    words = sorted(_words(masks[name], row._mapping[name]))
                    self.result.changes.append({"where": f"{table.name}.{name}", "row": key, "words": words})
                continue
            if table is messages:
                numbers.add(row.id)
                facts = changed.get("facts", row.facts) or {}
                changed["facts"] = {name: fact for name, fact in facts.items() if name not in _DELETED_FACTS}
            self.database.transact(partial(_change, table=table, row=row, changed=changed))
        if numbers:
            self.database.transact(partial(_forget_words, numbers=sorted(numbers)))

    def _mask_of(self, table: Table, column: str, row: Any) -> Mask:
        """Return the mask for a value. Names in From are replaced in the person's text, and in quotes of it."""
        mask, own = self.mask, self.own
        if not mask.own_names:
            return mask
        if table is messages:
            if row["id"] in own.messages or row["author_address"] == mask.address:
                return mask.author
            quotes = column in ("quoted_text", "subject") and row["case_id"] in own.cases
            return mask.quoting(own.lines) if quotes else mask
        if row.get("message_id") in own.messages:
            return mask.author
        if row["id"] in own.cases if table is case_table else table.name == "events" and row["case_id"] in own.cases:
            return mask.quoting(own.lines, own.text, frozenset(map(str, own.messages)))
        return mask


def _replace(conn: Connection, before: contents.StoredContent, packed: contents.Packed, sha256: str, size: int) -> bool:
    """Replace a raw mail. Returns False if a worker has leased it or it changed meanwhile."""
    one_at_a_time(conn)
    free = or_(spool_table.c.state != "waiting", spool_table.c.leased_by.is_(None))
    same = (spool_table.c.id == before.id, spool_table.c.sha256 == before.sha256, free)
    if not conn.execute(update(spool_table).where(*same).values(sha256=sha256, size=size)).rowcount:
        return False
    contents.write_packed(conn, [packed])
    return True


def _forget_words(conn: Connection, numbers: list[int]) -> None:
    """Mark the messages to be indexed again, and delete their thread keys that consist of words."""
    one_at_a_time(conn)
    for chunk in chunks(numbers):
        search.mark_unindexed(conn, chunk)
        mark_changed(conn, case_table.c.id.in_(select(messages.c.case_id).where(messages.c.id.in_(chunk))))
        of_words = or_(thread_keys.c.key.contains(":word:"), *map(thread_keys.c.key.startswith, ("word:", "talk:")))
        conn.execute(delete(thread_keys).where(thread_keys.c.message_id.in_(chunk), of_words))


def _changed(masks: Mapping[str, Mask], columns: Sequence[Any], row: Any) -> dict[str, Any]:
    """Return column → new value, for the columns of a row that name the person."""
    changed = {c.name: new for c in columns if (new := _masked(masks[c.name], c, row[c.name])) != row[c.name]}
    for address, name in (("address", "name"), ("author_address", "author_name")):
        if row.get(name) and address in masks and str(row[address]).casefold() == masks[address].address:
            changed[name] = ERASED
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


def _is_searched(table: Table, column: Any) -> bool:
    return isinstance(column.type, (String, Words, JSON)) and f"{table.name}.{column.name}" not in _NOT_SEARCHED


def _each(database: Database, table: Table, columns: list[Any]) -> Iterator[Row[Any]]:
    """Yield all rows of a table, ordered by primary key, in several transactions."""
    key = list(table.primary_key.columns)
    owners = [column for column in table.columns if column.name in ("case_id", "message_id")]
    query = following = select(*dict.fromkeys([*key, *columns, *owners])).order_by(*key).limit(_ROWS)
    while rows := database.read(partial(_rows, query=following)):
        yield from rows
        last = (literal(rows[-1]._mapping[column.name], column.type) for column in key)
        following = query.where(tuple_(*key) > tuple_(*last))


def _rows(conn: Connection, query: Any) -> Sequence[Row[Any]]:
    return conn.execute(query).all()


def _change(conn: Connection, table: Table, row: Row[Any], changed: Mapping[str, Any]) -> None:
    one_at_a_time(conn)
    key = list(table.primary_key.columns)
    this = [column == row._mapping[column.name] for column in key]
    renamed = [column == changed.get(column.name, row._mapping[column.name]) for column in key]
    if any(column.name in changed for column in key) and exists(conn, select(*key).where(*renamed)):
        conn.execute(delete(table).where(*this))  # a row with the new key exists already
        return
    version = {"version": case_table.c.version + 1} if table is case_table else {}
    conn.execute(update(table).where(*this).values({**changed, **version}))
