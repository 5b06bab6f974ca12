"""Format of the backup file, which is the same for SQLite and PostgreSQL.

The file is a ZIP archive of parts, compressed with Zstandard. ZIP stores a checksum of each part.

    tables/NAME.jsonl.zst   the column names, then one line per row; times as ISO 8601, bytes as base64
    contents/KEY.zst        a raw mail of external storage, compressed as it is stored there
    manifest.json           format, schema revision, rows per table: written last
"""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from service.errors import Refused
from service.store.blob_store import key_of, path_of
from service.store.private import private_file

FORMAT = 2  # format 1 also listed the SHA-256 of each part, which is ignored
_MANIFEST = "manifest.json"


@dataclass
class Manifest:
    """Describes the contents of a backup file."""

    format: int
    revision: str  # of the database schema
    made_at: str
    made_by: str  # name and version of the program
    rows: dict[str, int] = field(default_factory=dict)  # rows per table, in the order in which the tables can be loaded
    missing: list[str] = field(default_factory=list)  # keys of raw mails that were not found in external storage


@contextlib.contextmanager
def writing(path: Path, manifest: Manifest) -> Iterator[Writer]:
    """Write a backup file. It is called ``path.part`` until it is complete. Raises Refused.

    Errors of the caller's code inside the ``with`` are raised as they are.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            raise Refused(f"{path} exists already, and a backup never overwrites a file; give another name")
        file = io.BufferedWriter(_File(part, "wb", opener=private_file))
    except OSError as error:
        raise _not_written(path, error) from None
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
    try:
        yield Writer(manifest, archive)
        archive.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        archive.close()
        file.flush()
        try:
            os.fsync(file.fileno())
            part.rename(path)
        except OSError as error:
            raise _not_written(path, error) from None
    finally:
        for clean_up in (archive.close, file.close, partial(part.unlink, missing_ok=True)):
            with contextlib.suppress(OSError, Refused):  # only the first error is raised
                clean_up()


class _File(io.FileIO):
    """A file whose errors are raised as Refused, because OSError means a database error."""

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            raise _not_written(self.name, error) from None


def _not_written(path: object, error: OSError) -> Refused:
    return Refused(f"{path} cannot be written: {error.strerror}")


@dataclass
class Writer:
    """Writes the parts of a backup file. Raises Refused if it cannot."""

    manifest: Manifest
    _zip: zipfile.ZipFile

    def table(self, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
        """Write one table."""
        self._write(_part(name), self._compress_table(name, columns, rows))

    def content(self, key: str, packed: bytes) -> None:
        """Write one raw mail of external storage. It is compressed already."""
        self._write(f"contents/{path_of(key)}", [packed])

    def _compress_table(self, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
        compressor = zstandard.ZstdCompressor(level=3).compressobj()
        yield compressor.compress(_line(columns))
        self.manifest.rows[name] = 0
        for row in rows:
            yield compressor.compress(_line(row))
            self.manifest.rows[name] += 1
        yield compressor.flush()

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        with self._zip.open(name, "w", force_zip64=True) as entry:
            for chunk in chunks:
                entry.write(chunk)


class Reader:
    """Reads a backup file. Raises Refused if the file is not a backup or is incomplete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(self.path)
            self.manifest = msgspec.json.decode(self._zip.read(_MANIFEST), type=Manifest)
        except OSError as error:
            raise Refused(f"{self.path} cannot be read: {error.strerror}") from None
        except (zipfile.BadZipFile, KeyError, ValueError):
            raise Refused(f"{self.path} is not a backup of sodan, or not complete") from None
        if self.manifest.format > FORMAT:
            raise Refused(f"{self.path} has format {self.manifest.format}, which needs a newer version of sodan")

    def close(self) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read every part and compare its checksum. Raises Refused if one differs or a table is missing."""
        try:
            damaged = self._zip.testzip()
            missing = {_part(name) for name in self.manifest.rows}.difference(self._zip.namelist())
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
            raise Refused(f"{self.path} is damaged: {error}") from None
        if damaged or missing:
            raise Refused(f"{self.path} is damaged in {damaged or min(missing)}")

    def table(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the rows of a table as column → JSON value."""
        with self._zip.open(_part(name)) as entry:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(entry), "utf-8", newline="\n")
            columns = msgspec.json.decode(next(lines))
            for line in lines:
                yield dict(zip(columns, msgspec.json.decode(line), strict=True))

    def content_keys(self) -> list[str]:
        """Return the keys of the raw mails of external storage."""
        return [key for name in self._zip.namelist() if name.startswith("contents/") and (key := key_of(name))]

    def content(self, key: str) -> bytes:
        """Return one raw mail of external storage, compressed."""
        return self._zip.read(f"contents/{path_of(key)}")


def _part(table: str) -> str:
    return f"tables/{table}.jsonl.zst"


def _line(values: Sequence[Any]) -> bytes:
    return msgspec.json.encode(list(values)) + b"\n"
