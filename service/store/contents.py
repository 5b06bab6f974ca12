"""Stores raw mails. Everything else is derived from them (docs/design.md, Principles).

=====  ==================================================================================================
raw    as received, in the row: how every mail is first stored, since this is the fastest
zstd   compressed (packing.py), in the row: the worker does this
file   compressed, in external storage (blob_store.py), under the mail's SHA-256; the row's bytes are empty
going  like file, but its file is about to be deleted (retention.py)
gone   deleted; the row remains, since it is counted
=====  ==================================================================================================
"""

from __future__ import annotations

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
from service.store.database import Database
from service.store.packing import pack, unpack
from service.store.statements import exists, fitting, one_row
from service.store.tables import contents, spool

_log = structlog.get_logger("sodan.contents")

OUTSIDE, GOING, GONE = "file", "going", "gone"
_DAMAGED = "this raw mail is damaged; `sodan contents check` lists all damaged ones; restore them from a backup"
_CHUNK_BYTES = 16_000_000
_CHUNK = 200
_AT_ONCE = 8  # raw mails written to external storage in parallel
REST_SECONDS = 30.0
YOUNG = timedelta(hours=1)
"""Unreferenced files younger than this are kept, since the row that refers to one may not have committed yet."""

HEADS = select(spool.c.id, spool.c.size, spool.c.sha256, contents.c.codec).join(contents, contents.c.id == spool.c.id)
"""Of every raw mail all but its bytes."""
_ROWS = select(contents.c.id, contents.c.codec, contents.c.bytes, spool.c.sha256, spool.c.size).join(
    spool, spool.c.id == contents.c.id
)
_THERE = contents.c.codec.not_in((GOING, GONE))


@dataclass(frozen=True, slots=True)
class Kept:
    """A raw mail as its row stores it."""

    id: str
    codec: str
    stored: bytes
    sha256: str
    size: int

    def content(self, outside: BlobStore | None) -> bytes:
        """Return the raw mail, checked by its SHA-256. Raises NotFound if it was deleted, Unavailable, Damaged."""
        if self.codec in (GOING, GONE):
            raise NotFound("retention deleted the raw mail (SODAN_RETENTION_RAW_DAYS)")
        packed: bytes | None = self.stored
        if self.codec == OUTSIDE:
            packed = outside.get(self.sha256) if outside is not None else None
        if packed is None:
            raise Unavailable(
                "this raw mail is missing in SODAN_CONTENT_STORE; `sodan contents check` lists all missing mails"
            )
        try:
            mail = packed if self.codec == "raw" else unpack(packed, self.size)
        except ValueError:
            raise Damaged(_DAMAGED) from None
        if sha256(mail).hexdigest() != self.sha256:
            raise Damaged(_DAMAGED)
        return mail


class Damaged(Unavailable):
    """The stored bytes are not the mail that was received."""


def content(database: Database, outside: BlobStore | None, id: str) -> bytes:
    """Return the raw mail, byte for byte as received. Raises NotFound (also if it was deleted), Unavailable."""
    return database.read(partial(kept, id=id)).content(outside)


def kept(conn: Connection, id: str) -> Kept:
    """Return the row. Raises NotFound."""
    return Kept(*one_row(conn, _ROWS.where(contents.c.id == id), f"there is no received mail {id}"))


@dataclass(frozen=True, slots=True)
class Packed:
    """The codec and bytes that a row is to have."""

    id: str
    codec: str
    stored: bytes


class BlobWriter:
    """Compresses raw mails; those of at least ``from_bytes`` bytes go to external storage if there is one."""

    def __init__(self, outside: BlobStore | None = None, from_bytes: int = 0) -> None:
        self.outside = outside
        self.from_bytes = from_bytes
        self._rests_until = 0.0

    def put_away(self, mails: Sequence[tuple[str, bytes]]) -> list[Packed]:
        """Compress these (id, raw mail) and return their rows; large ones are durable in external storage on return.

        If external storage fails they stay in their rows, and it is not tried again for ``REST_SECONDS``, so that mail
        is not delayed. `sodan contents move` moves them later.
        """
        big = sum(self.goes_out(len(content)) for _, content in mails)
        if not big:
            return [Packed(id, "zstd", pack(content)) for id, content in mails]
        with ThreadPoolExecutor(min(big, _AT_ONCE)) as several:
            return list(several.map(self._put, *zip(*mails, strict=True)))

    def goes_out(self, size: int) -> bool:
        """Whether a mail of ``size`` bytes belongs in external storage."""
        return self.outside is not None and size >= self.from_bytes

    def _put(self, id: str, content: bytes) -> Packed:
        packed = pack(content)
        if self.outside is not None and self.goes_out(len(content)) and time.monotonic() >= self._rests_until:
            try:
                self.outside.put(sha256(content).hexdigest(), packed)
                return Packed(id, OUTSIDE, b"")
            except Unavailable as error:
                self._rests_until = time.monotonic() + REST_SECONDS
                _log.warning("a content stays in the database", id=id, reason=str(error), cause=repr(error.__cause__))
        return Packed(id, "zstd", packed)


_KEEP = update(contents).where(contents.c.id == bindparam("row")).values(codec=bindparam("as"), bytes=bindparam("now"))


def keep(conn: Connection, packed: Sequence[Packed]) -> None:
    """Update the rows."""
    if packed:
        conn.execute(_KEEP, [{"row": one.id, "as": one.codec, "now": one.stored} for one in packed])


def each(database: Database, *, done: bool = False) -> Iterator[Kept]:
    """Yield every raw mail not deleted, oldest first, in several transactions; ``done``: only of processed mail."""
    last = ""
    while chunk := database.read(partial(_some, after=last, done=done)):
        yield from chunk
        last = chunk[-1].id


def _some(conn: Connection, after: str, done: bool) -> list[Kept]:
    query = (
        select(spool.c.id, spool.c.size).join(contents, contents.c.id == spool.c.id).where(spool.c.id > after, _THERE)
    )
    if done:
        query = query.where(spool.c.state == "done")
    ids = fitting(conn.execute(query.order_by(spool.c.id).limit(_CHUNK)), _CHUNK_BYTES)
    return [Kept(*row) for row in conn.execute(_ROWS.where(contents.c.id.in_(ids)).order_by(contents.c.id))]


def move(database: Database, shelf: BlobWriter, before: BlobStore | None) -> Iterator[tuple[str, str]]:
    """Move every raw mail of processed mail to its configured storage; yields (id, codec) of each that moved.

    ``before``: the external storage that holds them now, if it is not the configured one. Nothing is deleted there.
    """
    for one in each(database, done=True):
        if one.codec == (OUTSIDE if shelf.goes_out(one.size) else "zstd") and (one.codec != OUTSIDE or before is None):
            continue
        mail = one.content(before if before is not None else shelf.outside)
        [packed] = shelf.put_away([(one.id, mail)])
        if (packed.codec, packed.stored) != (one.codec, one.stored) or before is not None:
            database.transact(partial(keep, packed=[packed]))
            yield one.id, packed.codec


def check(database: Database, outside: BlobStore | None) -> Iterator[tuple[str, str]]:
    """Read every raw mail; yields (id, problem) of each that is not the mail that was received."""
    return _wrong(each(database), outside)


def check_newest(database: Database, outside: BlobStore | None, total: int) -> Iterator[tuple[str, str]]:
    """As ``check``, for the newest raw mails up to ``total`` bytes together, but at least one."""
    query = select(spool.c.id, spool.c.size).join(contents, contents.c.id == spool.c.id).where(_THERE)
    newest = query.order_by(spool.c.id.desc()).limit(_CHUNK * 50)
    ids = database.read(lambda conn: fitting(conn.execute(newest), total))
    return _wrong((database.read(partial(kept, id=id)) for id in ids), outside)


def _wrong(mails: Iterator[Kept], outside: BlobStore | None) -> Iterator[tuple[str, str]]:
    for one in mails:
        try:
            one.content(outside)
        except Unavailable as error:
            yield one.id, str(error)
        except NotFound:
            pass  # deleted in the meantime


def find_inconsistencies(database: Database, outside: BlobStore | None, now: datetime) -> tuple[list[str], list[str]]:
    """Return ids of mails whose external file is missing, and keys of unreferenced files older than ``YOUNG``."""
    rows = database.read(lambda conn: conn.execute(HEADS.where(contents.c.codec == OUTSIDE)).all())
    wanted = {row.sha256: row.id for row in rows}
    if outside is None:
        return sorted(wanted.values()), []
    # rows are read before files: a file written in between is recent and not reported as unreferenced
    there = dict(outside.keys())
    missing = sorted(id for key, id in wanted.items() if key not in there)
    return missing, sorted(key for key, written in there.items() if key not in wanted and now - written > YOUNG)


def tidy(database: Database, outside: BlobStore, now: datetime) -> Iterator[str]:
    """Delete the unreferenced files; yields their keys."""
    for key in find_inconsistencies(database, outside, now)[1]:
        if remove_unnamed(database, outside, key, now):
            yield key


def remove_unnamed(database: Database, outside: BlobStore, key: str, now: datetime) -> bool:
    """Delete the file unless a row refers to it or it is recent; return whether it was deleted."""
    if database.read(partial(named, key=key)):
        return False
    # The age is read after the rows: if a row is about to refer to the file, the file was just written and is recent.
    written = outside.written(key)
    if written is None or now - written <= YOUNG:
        return False
    outside.remove(key)
    return True


def named(conn: Connection, key: str) -> bool:
    """Whether a row refers to the external file of this key."""
    return exists(conn, HEADS.where(spool.c.sha256 == key, contents.c.codec == OUTSIDE))
