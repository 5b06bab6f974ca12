"""The file of a backup: everything that was given to us and what came of it, in a form that outlives the database.

A ZIP of parts, each packed with Zstandard, none of them tied to SQLite or PostgreSQL (so that what was backed up from
one can be restored into the other):

    tables/NAME.jsonl.zst   the names of the columns, then a line a row; times as ISO 8601, bytes as base64
    contents/KEY.zst        raw mails that are kept outside the database, as they are kept there
    manifest.json           format, revision of the schema, rows of each table, SHA-256 of each part: written last
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from service.errors import Refused
from service.store.blob_store import key_of, path_of

FORMAT = 1
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20


@dataclass
class Manifest:
    """What is in the file, and how to tell that it is still all of it."""

    format: int
    revision: str
    made_at: str
    made_by: str
    rows: dict[str, int] = field(default_factory=dict)
    """In the order in which they can be loaded."""
    parts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Keys of raw mails that should have been outside and were not there."""


class Writer:
    """Writes an archive; it stands under its name once it is whole and flushed, and only its owner may read it."""

    def __init__(self, path: Path, revision: str, now: datetime, made_by: str) -> None:
        self.path = path
        self.manifest = Manifest(FORMAT, revision, now.astimezone(UTC).isoformat(), made_by)
        self._part = path.with_name(f"{path.name}.part")

    def __enter__(self) -> Writer:
        if self.path.exists():
            raise Refused(f"{self.path} exists already: a backup never overwrites another")
        try:
            descriptor = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise Refused(f"{self.path} cannot be written: {error.strerror}") from None
        self._file = os.fdopen(descriptor, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if kind is None:
                self._zip.writestr(_MANIFEST, json.dumps(asdict(self.manifest), indent=1))
                self._zip.close()
                self._file.flush()
                os.fsync(self._file.fileno())
                self._part.rename(self.path)
        except OSError as failed:
            raise Refused(f"{self.path} cannot be written: {failed.strerror}") from None
        finally:
            with contextlib.suppress(OSError, ValueError):  # a part that never became whole
                self._file.close()
            self._part.unlink(missing_ok=True)

    def table(self, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
        """Write a table."""
        count = 0
        packer = zstandard.ZstdCompressor(level=3)
        with self._entry(f"tables/{name}.jsonl.zst") as raw, packer.stream_writer(cast(IO[bytes], raw)) as packed:
            packed.write(_line(columns))
            for row in rows:
                packed.write(_line(row))
                count += 1
        self.manifest.rows[name] = count

    def content(self, key: str, packed: bytes) -> None:
        """Write a raw mail that is kept outside."""
        with self._entry(f"contents/{path_of(key)}") as raw:
            raw.write(packed)

    @contextlib.contextmanager
    def _entry(self, name: str) -> Iterator[_Hashing]:
        with self._zip.open(name, "w", force_zip64=True) as entry:
            counted = _Hashing(entry, self.path)
            yield counted
        self.manifest.parts[name] = counted.hash.hexdigest()


class _Hashing(io.RawIOBase):
    def __init__(self, to: IO[bytes], path: Path) -> None:
        self._to = to
        self._path = path
        self.hash = hashlib.sha256()

    def close(self) -> None:
        """The entry is closed by who opened it."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.hash.update(data)
        try:
            return self._to.write(data)
        except OSError as error:  # ours, not the database's
            raise Refused(f"{self._path} cannot be written: {error.strerror}") from None


class Reader:
    """Reads an archive. Raises Refused where it is none, or not whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Reader:
        try:
            self._zip = zipfile.ZipFile(self.path)
            self.manifest = Manifest(**json.loads(self._zip.read(_MANIFEST)))
        except OSError as error:
            raise Refused(f"{self.path} cannot be read: {error.strerror}") from None
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError):
            raise Refused(f"{self.path} is no backup of sodan, or not a whole one") from None
        if self.manifest.format != FORMAT:
            raise Refused(f"{self.path} has format {self.manifest.format}: use a newer sodan")
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read all of it and compare with the manifest. Raises Refused."""
        if set(self._zip.namelist()) != {*self.manifest.parts, _MANIFEST}:
            raise Refused(f"{self.path} has other parts than its manifest names")
        for name, wanted in self.manifest.parts.items():
            found = hashlib.sha256()
            try:
                with self._zip.open(name) as entry:
                    while chunk := entry.read(_CHUNK):
                        found.update(chunk)
            except (zipfile.BadZipFile, EOFError):
                raise Refused(f"{self.path} is damaged in {name}") from None
            if found.hexdigest() != wanted:
                raise Refused(f"{self.path} is damaged in {name}")

    def table(self, name: str) -> Iterator[dict[str, Any]]:
        """The rows of a table, with JSON's types: see ``value``."""
        with self._zip.open(f"tables/{name}.jsonl.zst") as entry:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(entry), "utf-8", newline="\n")
            columns = json.loads(next(lines))
            for line in lines:
                yield dict(zip(columns, json.loads(line), strict=True))

    def outside(self) -> list[str]:
        """The keys of the raw mails that were outside."""
        return [key for name in self.manifest.parts if name.startswith("contents/") and (key := key_of(name))]

    def content(self, key: str) -> bytes:
        """One of them, packed."""
        return self._zip.read(f"contents/{path_of(key)}")


def value(written: Any, kind: type) -> Any:
    """A value as it was, from a line of a table: ``kind`` is that of its column in Python."""
    if written is None:
        return None
    if kind is datetime:
        return datetime.fromisoformat(written)
    return base64.b64decode(written) if kind is bytes else written


def _line(values: Sequence[Any]) -> bytes:
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"), default=_plain).encode() + b"\n"


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    return base64.b64encode(value).decode("ascii")
