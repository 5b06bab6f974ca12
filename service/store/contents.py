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
from service.store.tables import contents, spool

_log = structlog.get_logger("sodan.contents")

OUTSIDE, GOING, GONE = "file", "going", "gone"
_DAMAGED = "this raw mail is damaged; `sodan contents check` lists all damaged ones; restore them from a backup"
_CHUNK_BYTES = 16_000_000
_CHUNK = 200
_AT_ONCE = 8
"""Raw mails written to external storage in parallel."""
REST_SECONDS = 30.0
YOUNG = timedelta(hours=1)
"""Unreferenced files younger than this are kept, since the row that refers to one may not have committed yet."""


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
            raise NotFound("the raw mail was deleted by retention (SODAN_RETENTION_RAW_DAYS)")
        mail = self.stored if self.codec == "raw" else self._unpacked(outside)
        if sha256(mail).hexdigest() != self.sha256:
            raise Damaged(_DAMAGED)
        return mail

    def _unpacked(self, outside: BlobStore | None) -> bytes:
        packed: bytes | None = self.stored
        if self.codec == "file":
            packed = outside.get(self.sha256) if outside is not None else None
        if packed is None:
            raise Unavailable(
                "this raw mail is missing in SODAN_CONTENT_STORE; `sodan contents check` lists all that are missing"
            )
        try:
            return unpack(packed, self.size)
        except ValueError:
            raise Damaged(_DAMAGED) from None


class Damaged(Unavailable):
    """The stored bytes are not the mail that was received."""


def content(database: Database, outside: BlobStore | None, id: str) -> bytes:
    """Return the raw mail, byte for byte as received. Raises NotFound (also if it was deleted), Unavailable."""
    return database.read(partial(kept, id=id)).content(outside)


def kept(conn: Connection, id: str) -> Kept:
    """Return the row. Raises NotFound."""
    row = conn.execute(_ROWS.where(contents.c.id == id)).first()
    if row is None:
        raise NotFound(f"there is no received mail {id}")
    return Kept(*row)


_ROWS = select(contents.c.id, contents.c.codec, contents.c.bytes, spool.c.sha256, spool.c.size).join(
    spool, spool.c.id == contents.c.id
)


# ── put away: what the worker does with each mail it took in ─────────────────────────────────────────────────────────


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
        big = [mail for mail in mails if self.goes_out(len(mail[1]))]
        if not big:
            return [Packed(id, "zstd", pack(content)) for id, content in mails]
        with ThreadPoolExecutor(min(len(big), _AT_ONCE)) as several:
            return list(several.map(self._put, *zip(*mails, strict=True)))

    def goes_out(self, size: int) -> bool:
        """Whether a mail of ``size`` bytes belongs in external storage."""
        return self.outside is not None and size >= self.from_bytes

    def _put(self, id: str, content: bytes) -> Packed:
        packed = pack(content)
        if self.outside is None or not self.goes_out(len(content)) or time.monotonic() < self._rests_until:
            return Packed(id, "zstd", packed)
        try:
            self.outside.put(sha256(content).hexdigest(), packed)
        except Unavailable as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            _log.warning("a content stays in the database", id=id, reason=str(error), cause=repr(error.__cause__))
            return Packed(id, "zstd", packed)
        return Packed(id, "file", b"")


def keep(conn: Connection, packed: Sequence[Packed]) -> None:
    """Update the rows."""
    if packed:
        conn.execute(
            update(contents)
            .where(contents.c.id == bindparam("row"))
            .values(codec=bindparam("as"), bytes=bindparam("now")),
            [{"row": one.id, "as": one.codec, "now": one.stored} for one in packed],
        )


# ── look after them ──────────────────────────────────────────────────────────────────────────────────────────────────


def each(database: Database, *, done: bool = False) -> Iterator[Kept]:
    """Yield every raw mail not deleted, oldest first, in several transactions; ``done``: only of processed mail."""
    last = ""
    while chunk := database.read(partial(_some, after=last, done=done)):
        yield from chunk
        last = chunk[-1].id


def _some(conn: Connection, after: str, done: bool) -> list[Kept]:
    query = (
        select(spool.c.id, spool.c.size)
        .join(contents, contents.c.id == spool.c.id)
        .where(spool.c.id > after, contents.c.codec.not_in((GOING, GONE)))
        .order_by(spool.c.id)
        .limit(_CHUNK)
    )
    if done:
        query = query.where(spool.c.state == "done")
    ids: list[str] = []
    together = 0
    for id, size in conn.execute(query):
        together += size
        if ids and together > _CHUNK_BYTES:
            break
        ids.append(id)
    return [Kept(*row) for row in conn.execute(_ROWS.where(contents.c.id.in_(ids)).order_by(contents.c.id))]


def move(database: Database, shelf: BlobWriter, before: BlobStore | None) -> Iterator[tuple[str, str]]:
    """Move every raw mail of processed mail to its configured storage; yields (id, codec) of each that moved.

    ``before``: the external storage that holds them now, if it is not the configured one. Nothing is deleted there.
    """
    for one in each(database, done=True):
        if one.codec == ("file" if shelf.goes_out(one.size) else "zstd") and (one.codec != "file" or before is None):
            continue
        mail = one.content(before if before is not None else shelf.outside)
        [packed] = shelf.put_away([(one.id, mail)])
        if (packed.codec, packed.stored) != (one.codec, one.stored) or before is not None:
            database.transact(partial(keep, packed=[packed]))
            yield one.id, packed.codec


def check(database: Database, outside: BlobStore | None) -> Iterator[tuple[str, str]]:
    """Read every raw mail; yields (id, problem) of each that is not the mail that was received."""
    for one in each(database):
        yield from _wrong(one, outside)


def check_newest(database: Database, outside: BlobStore | None, total: int) -> Iterator[tuple[str, str]]:
    """As ``check``, for the newest raw mails up to ``total`` bytes together, but at least one."""
    for id in database.read(partial(_newest, total=total)):
        yield from _wrong(database.read(partial(kept, id=id)), outside)


def _wrong(one: Kept, outside: BlobStore | None) -> Iterator[tuple[str, str]]:
    try:
        one.content(outside)
    except Unavailable as error:
        yield one.id, str(error)
    except NotFound:
        pass  # deleted in the meantime


def _newest(conn: Connection, total: int) -> list[str]:
    query = (
        select(spool.c.id, spool.c.size)
        .join(contents, contents.c.id == spool.c.id)
        .where(contents.c.codec.not_in((GOING, GONE)))
        .order_by(spool.c.id.desc())
        .limit(_CHUNK * 50)
    )
    ids: list[str] = []
    for id, size in conn.execute(query):
        total -= size
        if ids and total < 0:
            break
        ids.append(id)
    return ids


def find_inconsistencies(database: Database, outside: BlobStore | None, now: datetime) -> tuple[list[str], list[str]]:
    """Return ids of mails whose external file is missing, and keys of unreferenced files older than ``YOUNG``."""
    named = database.read(_outside)
    if outside is None:
        return sorted(named.values()), []
    # rows are read before files: a file written in between is recent and not reported as unreferenced
    there = dict(outside.keys())
    missing = sorted(id for key, id in named.items() if key not in there)
    return missing, sorted(key for key, written in there.items() if key not in named and now - written > YOUNG)


def tidy(database: Database, outside: BlobStore, now: datetime) -> Iterator[str]:
    """Delete the unreferenced files; yields their keys."""
    for key in find_inconsistencies(database, outside, now)[1]:
        if database.transact(partial(_remove_unnamed, outside=outside, key=key, now=now)):
            yield key


def _remove_unnamed(conn: Connection, outside: BlobStore, key: str, now: datetime) -> bool:
    """Delete the file unless a row refers to it or it is recent; return whether it was deleted.

    Both are checked again here, because the same mail may have been received in the meantime.
    """
    written = outside.written(key)
    if named(conn, key) or written is None or now - written <= YOUNG:
        return False
    outside.remove(key)
    return True


def named(conn: Connection, key: str) -> bool:
    """Whether a row refers to the external file of this key."""
    query = select(spool.c.id).join(contents, contents.c.id == spool.c.id)
    return conn.execute(query.where(spool.c.sha256 == key, contents.c.codec == "file").limit(1)).first() is not None


def _outside(conn: Connection) -> dict[str, str]:
    query = select(spool.c.sha256, spool.c.id).join(contents, contents.c.id == spool.c.id)
    return {row.sha256: row.id for row in conn.execute(query.where(contents.c.codec == "file"))}
