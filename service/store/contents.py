"""Stores raw mails. All other data is derived from them (docs/design.md, Principles).

The column ``codec`` of a raw mail says where and how it is stored:

=====  ==================================================================================================
raw    as received, in the row: how every mail is first stored, since this is the fastest
zstd   compressed (compression.py), in the row: the worker does this
file   compressed, in external storage (blob_store.py), under the mail's SHA-256; the row's bytes are empty
going  like file, but its file is about to be deleted (retention.py)
gone   deleted; the row remains, since it is counted
=====  ==================================================================================================
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import structlog
from sqlalchemy import Connection, bindparam, select, update

from service.errors import NotFound, Unavailable
from service.store.blob_store import BlobStore
from service.store.compression import compress, decompress
from service.store.database import Database, one_at_a_time
from service.store.sql import exists, ids_within, one_row
from service.store.tables import contents, spool

_log = structlog.get_logger("sodan.contents")

OUTSIDE, GOING, GONE = "file", "going", "gone"
_DAMAGED = "this raw mail is damaged; `sodan contents check` lists all damaged ones; restore them from a backup"
_CHUNK_BYTES = 16_000_000
_CHUNK_MAILS = 200
_THREADS = 8  # raw mails written to external storage in parallel
RETRY_SECONDS = 30.0  # time after a failure of external storage in which mails stay in the database
YOUNG = timedelta(hours=1)  # a younger file without a row is kept, because the row may not be committed yet

HEADS = select(spool.c.id, spool.c.size, spool.c.sha256, contents.c.codec).join(contents, contents.c.id == spool.c.id)
"""Selects the columns of raw mails except their bytes."""
_ROWS = select(contents.c.id, contents.c.codec, contents.c.bytes, spool.c.sha256, spool.c.size).join(
    spool, spool.c.id == contents.c.id
)
_KEPT = HEADS.where(contents.c.codec.not_in((GOING, GONE)))
"""Selects the raw mails that are not deleted."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """A raw mail as its row stores it. ``size`` and ``sha256`` describe the mail, not the stored bytes."""

    id: str
    codec: str
    stored: bytes
    sha256: str
    size: int

    def content(self, blob_store: BlobStore | None) -> bytes:
        """Return the raw mail. Raises NotFound if it was deleted, Damaged, and Unavailable if its file is missing."""
        if self.codec in (GOING, GONE):
            raise NotFound("retention deleted the raw mail (SODAN_RETENTION_RAW_DAYS)")
        packed: bytes | None = self.stored
        if self.codec == OUTSIDE:
            packed = blob_store.get(self.sha256) if blob_store is not None else None
        if packed is None:
            raise Unavailable(
                "this raw mail is missing in SODAN_CONTENT_STORE; `sodan contents check` lists all missing mails"
            )
        try:
            mail = packed if self.codec == "raw" else decompress(packed, self.size)
        except ValueError:
            raise Damaged(_DAMAGED) from None
        if sha256(mail).hexdigest() != self.sha256:
            raise Damaged(_DAMAGED)
        return mail


class Damaged(Unavailable):
    """The stored bytes differ from the mail that was received."""


def content(database: Database, blob_store: BlobStore | None, id: str) -> bytes:
    """Return a raw mail, byte for byte as received. Raises NotFound (also if it was deleted), Unavailable."""
    return database.read(partial(stored_content, id=id)).content(blob_store)


def stored_content(conn: Connection, id: str) -> StoredContent:
    """Return a raw mail as its row stores it. Raises NotFound."""
    return StoredContent(*one_row(conn, _ROWS.where(contents.c.id == id), f"there is no received mail {id}"))


@dataclass(frozen=True, slots=True)
class Packed:
    """New values of a row: the codec, and the bytes stored in it."""

    id: str
    codec: str
    stored: bytes


class BlobWriter:
    """Compresses raw mails. Writes mails of at least ``from_bytes`` bytes to external storage, if there is one."""

    def __init__(self, blob_store: BlobStore | None = None, from_bytes: int = 0) -> None:
        self.blob_store = blob_store
        self.from_bytes = from_bytes
        self._retry_at = 0.0  # monotonic time from which external storage is used again after a failure

    def pack(self, mails: Sequence[tuple[str, bytes]]) -> list[Packed]:
        """Compress (id, raw mail) pairs. On return, large mails are durable in external storage.

        If that storage fails, mails stay in the database for ``RETRY_SECONDS``, so that the failure delays no mail.
        `sodan contents move` moves them later.
        """
        large = sum(self.is_external(len(content)) for _, content in mails)
        if not large:
            return [Packed(id, "zstd", compress(content)) for id, content in mails]
        with ThreadPoolExecutor(min(large, _THREADS)) as threads:
            return list(threads.map(self._put, *zip(*mails, strict=True)))

    def is_external(self, size: int) -> bool:
        """Return whether a mail of ``size`` bytes belongs in external storage."""
        return self.blob_store is not None and size >= self.from_bytes

    def _put(self, id: str, content: bytes) -> Packed:
        packed = compress(content)
        if self.blob_store is not None and self.is_external(len(content)) and time.monotonic() >= self._retry_at:
            try:
                self.blob_store.put(sha256(content).hexdigest(), packed)
                return Packed(id, OUTSIDE, b"")
            except Unavailable as error:
                self._retry_at = time.monotonic() + RETRY_SECONDS
                _log.warning("a raw mail stays in the database", id=id, reason=str(error), cause=repr(error.__cause__))
        return Packed(id, "zstd", packed)


_WRITE = update(contents).where(contents.c.id == bindparam("row")).values(codec=bindparam("as"), bytes=bindparam("now"))


def write_packed(conn: Connection, packed: Sequence[Packed]) -> None:
    """Store these compressed mails in their rows."""
    if packed:
        conn.execute(_WRITE, [{"row": mail.id, "as": mail.codec, "now": mail.stored} for mail in packed])


def all_mails(database: Database, *, done: bool = False) -> Iterator[StoredContent]:
    """Yield all raw mails that are not deleted, oldest first. ``done``: only processed mails."""
    last = ""
    while chunk := database.read(partial(_chunk, after=last, done=done)):
        yield from chunk
        last = chunk[-1].id


def _chunk(conn: Connection, after: str, done: bool) -> list[StoredContent]:
    query = _KEPT.where(spool.c.id > after).order_by(spool.c.id).limit(_CHUNK_MAILS)
    ids = ids_within(conn.execute(query.where(spool.c.state == "done") if done else query).all(), _CHUNK_BYTES)
    return [StoredContent(*row) for row in conn.execute(_ROWS.where(contents.c.id.in_(ids)).order_by(contents.c.id))]


def move(database: Database, writer: BlobWriter, before: BlobStore | None) -> Iterator[tuple[str, str]]:
    """Move processed raw mails to the configured storage. ``before``: the earlier storage. Yields (id, new codec)."""
    for mail in all_mails(database, done=True):
        codec = OUTSIDE if writer.is_external(mail.size) else "zstd"
        if mail.codec == codec and (codec != OUTSIDE or before is None):
            continue
        content = mail.content(before if before is not None else writer.blob_store)
        [packed] = writer.pack([(mail.id, content)])
        changes = (packed.codec, packed.stored) != (mail.codec, mail.stored) or before is not None
        if changes and database.transact(partial(_write_if_unchanged, before=mail, packed=packed)):
            yield mail.id, packed.codec


def _write_if_unchanged(conn: Connection, before: StoredContent, packed: Packed) -> bool:
    """Store the compressed mail in its row. Returns False if the raw mail was deleted or replaced since it was read."""
    one_at_a_time(conn)  # retention locks these rows in another order
    same = (spool.c.id == before.id, spool.c.sha256 == before.sha256)
    if conn.execute(select(spool.c.id).where(*same).with_for_update()).first() is None:
        return False
    row = (contents.c.id == before.id, contents.c.codec == before.codec)
    return bool(conn.execute(update(contents).where(*row).values(codec=packed.codec, bytes=packed.stored)).rowcount)


def check(
    database: Database, blob_store: BlobStore | None, newest_bytes: int | None = None
) -> Iterator[tuple[str, str]]:
    """Read all raw mails. Yields (id, problem) of each mail that is missing or differs from the received mail.

    ``newest_bytes``: read only the newest mails, up to this total size; at least one mail.
    """
    mails = all_mails(database)
    if newest_bytes is not None:
        newest = _KEPT.order_by(spool.c.id.desc()).limit(_CHUNK_MAILS * 50)
        ids = database.read(lambda conn: ids_within(conn.execute(newest).all(), newest_bytes))
        mails = (database.read(partial(stored_content, id=id)) for id in ids)
    for mail in mails:
        try:
            mail.content(blob_store)
        except Unavailable as error:
            yield mail.id, str(error)
        except NotFound:
            pass  # deleted in the meantime


def find_inconsistencies(
    database: Database, blob_store: BlobStore | None, now: datetime
) -> tuple[list[str], list[str]]:
    """Return ids of mails without their external file, and keys of old unreferenced files."""
    rows = database.read(lambda conn: conn.execute(HEADS.where(contents.c.codec == OUTSIDE)).all())
    referenced = {row.sha256: row.id for row in rows}
    if blob_store is None:
        return sorted(referenced.values()), []
    # read rows before files: a file written in between is young, and so not reported as unreferenced
    files = dict(blob_store.keys())
    missing = sorted(id for key, id in referenced.items() if key not in files)
    return missing, sorted(key for key, time in files.items() if key not in referenced and now - time > YOUNG)


def tidy(database: Database, blob_store: BlobStore, now: datetime) -> Iterator[str]:
    """Delete the unreferenced files of external storage. Yields their keys."""
    for key in find_inconsistencies(database, blob_store, now)[1]:
        if remove_unreferenced(database, blob_store, key, now):
            yield key


def remove_unreferenced(database: Database, blob_store: BlobStore, key: str, now: datetime) -> bool:
    """Delete a file unless a row refers to it or it is younger than ``YOUNG``. Returns whether it was deleted."""
    if database.read(partial(is_referenced, key=key)):
        return False
    # read the age after the rows: if a row is about to refer to the file, the file was just written and is young
    written_at = blob_store.written(key)
    if written_at is None or now - written_at <= YOUNG:
        return False
    blob_store.remove(key)
    return True


def is_referenced(conn: Connection, key: str) -> bool:
    """Return whether a row refers to the external file ``key``."""
    return exists(conn, HEADS.where(spool.c.sha256 == key, contents.c.codec == OUTSIDE))
