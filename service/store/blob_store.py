"""External storage for large raw mails: a folder, or an S3-compatible bucket.

A mail is stored compressed under its SHA-256, so writing a mail twice gives the same file. The file is written before
the commit of the row that refers to it, and deleted after the row. So a crash leaves at most a file without a row,
which `sodan contents tidy` deletes.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from service.errors import Refused, Unavailable
from service.settings import Settings
from service.store.private import make_folder, written_file

if TYPE_CHECKING:
    from obstore.store import S3Config

T = TypeVar("T")

_KEY = re.compile(r"(?:^|/)([0-9a-f]{2})/([0-9a-f]{62})\.zst$")


def path_of(key: str) -> str:
    """Return the path of a mail: ``ab/cdef….zst``. Subfolders keep each folder small."""
    return f"{key[:2]}/{key[2:]}.zst"


def key_of(path: str) -> str | None:
    """Return the key of the mail at a path, or None if ``path_of`` makes no such path."""
    match = _KEY.search(path)
    return match[1] + match[2] if match else None


class BlobStore:
    """Storage of raw mails in an S3-compatible bucket, or under a prefix in it.

    A key is the SHA-256 of a mail (hex). All methods raise Unavailable.
    """

    def __init__(self, connect: Callable[[], S3Store | LocalStore]) -> None:
        """``connect``: called when the storage is used first."""
        self._connect = connect

    @cached_property
    def _store(self) -> S3Store | LocalStore:
        return self._connect()

    def put(self, key: str, packed: bytes) -> None:
        """Store a compressed mail durably. Writing a mail again renews its time of writing."""
        with _or_unavailable():
            obstore.put(self._store, path_of(key), packed, use_multipart=False)

    def get(self, key: str) -> bytes | None:
        """Return a mail, still compressed, or None if it is not stored."""
        result = self._call(lambda: obstore.get(self._store, path_of(key)))
        return None if result is None else self._call(lambda: bytes(result.bytes()))

    def written(self, key: str) -> datetime | None:
        """Return when a mail was last written, or None if it is not stored."""
        metadata = self._call(lambda: obstore.head(self._store, path_of(key)))
        return None if metadata is None else metadata["last_modified"]

    def remove(self, key: str) -> None:
        """Delete a mail if it is stored."""
        self._call(lambda: obstore.delete(self._store, path_of(key)))

    def keys(self) -> Iterator[tuple[str, datetime]]:
        """Yield all keys, each with the time when the mail was last written."""
        listing = iter(self._call(lambda: obstore.list(self._store)) or ())
        while page := self._call(lambda: next(listing, None)):
            for metadata in page:
                if key := key_of(metadata["path"]):
                    yield key, metadata["last_modified"]

    @staticmethod
    def _call(fn: Callable[[], T]) -> T | None:
        """Return the result of a request, or None if the file does not exist. Raises Unavailable."""
        with _or_unavailable(), contextlib.suppress(FileNotFoundError):
            return fn()
        return None


class Folder(BlobStore):
    """Storage in a folder, which all processes of the installation must see under the same path."""

    def __init__(self, folder: Path) -> None:
        super().__init__(self._open)
        self._folder = folder

    def _open(self) -> LocalStore:
        self._folder.stat()  # only ``put`` creates the folder: another user may read before the first mail is stored
        return LocalStore(self._folder)

    def put(self, key: str, packed: bytes) -> None:
        """As ``BlobStore.put``. After a power failure, the file is complete or absent."""
        path = self._folder / path_of(key)
        with _or_unavailable():
            with contextlib.suppress(FileNotFoundError):
                os.utime(path)  # a new modification time protects an existing file from ``tidy`` for an hour
                return
            if not path.parent.exists():
                make_folder(path.parent)
                _flush(self._folder)
            with written_file(path, packed) as file:
                file.rename(path)
            _flush(path.parent)

    def keys(self) -> Iterator[tuple[str, datetime]]:
        """As ``BlobStore.keys``. Skips other folders, such as an unreadable ``lost+found``."""
        with _or_unavailable():
            for path in self._folder.glob("??/*.zst"):
                if key := key_of(path.as_posix()):
                    with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                        yield key, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def remove(self, key: str) -> None:
        super().remove(key)
        parent = (self._folder / path_of(key)).parent
        if parent.exists():
            self._call(lambda: _flush(parent))


def blob_store_of(settings: Settings) -> BlobStore | None:
    """Return the storage of ``SODAN_CONTENT_STORE``, or None without one. Raises Refused."""
    s3 = (settings.s3_endpoint, settings.s3_region, settings.s3_access_key, settings.s3_secret_key)
    return _open(settings.content_store, *s3)


@lru_cache(maxsize=4)
def _open(place: str, endpoint: str, region: str, access_key: str, secret_key: str) -> BlobStore | None:
    if place == "database":
        return None
    if not place.startswith("s3://"):
        return Folder(Path(place.removeprefix("file://")))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    given = {"endpoint": endpoint, "region": region, "access_key_id": access_key, "secret_access_key": secret_key}
    config = cast("S3Config", {name: value for name, value in given.items() if value})
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
    return BlobStore(lambda: store)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _or_unavailable() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:  # the text may contain bucket and keys: it stays in the cause only
        raise Unavailable("the store of raw mails (SODAN_CONTENT_STORE) does not respond") from error
