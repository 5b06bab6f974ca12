"""Big contents outside the database: in a folder, or in an S3-compatible store.

A content is kept once, packed, under the SHA-256 of the mail: whoever writes it twice writes the same. It is written
before the row that says so commits, and taken away after the row that said so is gone: a crash in between leaves a file
too many (`sodan contents tidy`), never one too few.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from service.errors import Refused, Unavailable
from service.settings import Settings
from service.store.private import create_file, make_folder

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")

SUFFIX = ".zst"
_KEY = re.compile(r"(?:^|/)([0-9a-f]{2})/([0-9a-f]{62})\.zst$")


class BlobStore(Protocol):
    """Where packed contents are kept, each under the SHA-256 (hex) of the mail. All raise Unavailable."""

    def put(self, key: str, packed: bytes) -> None:
        """Keep it; durable when this returns."""

    def get(self, key: str) -> bytes | None:
        """What was kept, or None where it is not there."""

    def written(self, key: str) -> datetime | None:
        """When it was put there last; None: it is not there."""

    def remove(self, key: str) -> None:
        """Take it away, if it is there."""

    def keys(self) -> Iterator[tuple[str, datetime]]:
        """All that is there, with the time it was written."""


def outside(settings: Settings) -> BlobStore | None:
    """As ``SODAN_CONTENT_STORE`` says; None: contents stay in the database. Raises Refused."""
    return _opened(
        settings.content_store,
        settings.s3_endpoint,
        settings.s3_region,
        settings.s3_access_key,
        settings.s3_secret_key,
    )


def path_of(key: str) -> str:
    """``ab/cdef….zst``: no folder grows beyond what tools can list."""
    return f"{key[:2]}/{key[2:]}{SUFFIX}"


def key_of(path: str) -> str | None:
    """The key of a path, or None where it is none of ours."""
    found = _KEY.search(path)
    return found[1] + found[2] if found else None


class Folder:
    """A folder that every process of this installation reaches under the same path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, packed: bytes) -> None:
        """Written beside, flushed, renamed, and the names flushed too: whole or not there, also after a power cut."""
        path = self._folder / path_of(key)
        with _or_unavailable("the folder of contents cannot be written"):
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)  # it is there already: nobody tidies it away for the next hour
                return
            self._make(path.parent)
            written = path.with_name(f".{key[:8]}.{secrets.token_hex(6)}")
            try:
                with os.fdopen(create_file(written, exclusive=True), "wb") as file:
                    file.write(packed)
                    file.flush()
                    os.fsync(file.fileno())
                written.rename(path)
            except BaseException:
                written.unlink(missing_ok=True)
                raise
            _flush(path.parent)

    def get(self, key: str) -> bytes | None:
        with _or_unavailable("the folder of contents cannot be read"):
            try:
                return (self._folder / path_of(key)).read_bytes()
            except FileNotFoundError:
                return None

    def written(self, key: str) -> datetime | None:
        with _or_unavailable("the folder of contents cannot be read"):
            try:
                return datetime.fromtimestamp((self._folder / path_of(key)).stat().st_mtime, UTC)
            except FileNotFoundError:
                return None

    def remove(self, key: str) -> None:
        path = self._folder / path_of(key)
        with _or_unavailable("the folder of contents cannot be written"):
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _flush(path.parent)

    def keys(self) -> Iterator[tuple[str, datetime]]:
        with _or_unavailable("the folder of contents cannot be read"):
            for path in self._folder.glob(f"??/*{SUFFIX}"):
                if key := key_of(path.as_posix()):
                    yield key, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def _make(self, folder: Path) -> None:
        if not folder.exists():
            make_folder(folder)
            _flush(folder.parent)


class Bucket:
    """A bucket, or what is below a prefix in it, of anything that speaks S3."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def put(self, key: str, packed: bytes) -> None:
        self._ask(lambda: obstore.put(self._store, path_of(key), packed, use_multipart=False))

    def get(self, key: str) -> bytes | None:
        found = self._ask(lambda: obstore.get(self._store, path_of(key)))
        return None if found is None else self._ask(lambda: bytes(found.bytes()))

    def written(self, key: str) -> datetime | None:
        found = self._ask(lambda: obstore.head(self._store, path_of(key)))
        return None if found is None else found["last_modified"]

    def remove(self, key: str) -> None:
        self._ask(lambda: obstore.delete(self._store, path_of(key)))

    def keys(self) -> Iterator[tuple[str, datetime]]:
        listing = iter(obstore.list(self._store))
        while some := self._ask(lambda: next(listing, None)):
            for one in some:
                if key := key_of(one["path"]):
                    yield key, one["last_modified"]

    @staticmethod
    def _ask(fn: Callable[[], T]) -> T | None:
        try:
            return fn()
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:  # what went wrong may name the bucket and its keys: it stays in the cause
            raise Unavailable("the store of contents does not answer") from error


@lru_cache(maxsize=4)
def _opened(place: str, endpoint: str, region: str, access_key: str, secret_key: str) -> BlobStore | None:
    if place == "database":
        return None
    if not place.startswith("s3://"):
        return Folder(Path(place.removeprefix("file://")))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    config: S3Config = {}
    if region:
        config["region"] = region
    if access_key:
        config["access_key_id"] = access_key
        config["secret_access_key"] = secret_key
    if endpoint:
        config["endpoint"] = endpoint
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=15),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=5)},
        )
    except BaseError as error:
        raise Refused(f"SODAN_CONTENT_STORE: {error}".splitlines()[0]) from None
    return Bucket(store)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _or_unavailable(reason: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(reason) from error
