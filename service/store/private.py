"""The files of the service, which only its user can read: database, write-ahead log, external storage, keys.

New files are private by the umask that ``service.cli.main`` sets. If a folder has a default ACL, the umask does not
apply to new files in it (acl(5)). So files with mail or keys are also created with ``private_file``, and their folders
with ``make_folder``.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import structlog
from sqlalchemy import URL, make_url

from service.settings import Settings

_OTHERS = 0o077
_log = structlog.get_logger("sodan.files")


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents with mode 0700. Raises OSError."""
    for path in reversed([folder, *folder.parents]):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)


def private_file(path: str, flags: int) -> int:
    """Open a file, as ``opener`` of ``open``. A new file gets the mode 0600."""
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def written_file(path: Path, content: bytes) -> Iterator[Path]:
    """Write a complete, flushed file next to ``path``, for the caller to rename or link to it. Raises OSError."""
    made = path.with_name(f".{path.name[:8]}.{secrets.token_hex(6)}")
    try:
        with open(made, "xb", opener=private_file) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield made
    finally:
        made.unlink(missing_ok=True)


def make_private(settings: Settings) -> None:
    """Remove the access of other users to files that exist already."""
    for path in filter(_is_readable_by_others, _service_files(settings)):
        try:
            path.chmod(path.stat().st_mode & ~_OTHERS & 0o7777)
        except FileNotFoundError:
            continue
        except OSError as error:
            _log.warning("other users can still read a file", path=str(path), reason=error.strerror)


def _service_files(settings: Settings) -> Iterator[Path]:
    """Yield the files and folders of the service.

    A folder comes after its files. If a run is interrupted, the folder is not private yet, so the next run repeats it.
    """
    if settings.key_file is not None:
        yield settings.key_file
    store = settings.content_store.removeprefix("file://")
    contents = Path(store) if store.startswith("/") else None
    if contents is not None and _is_readable_by_others(contents):
        for folder, _, names in os.walk(contents, topdown=False):
            yield from (Path(folder, name) for name in names)
            yield Path(folder)
    database = sqlite_file(make_url(settings.database_url))
    if database is not None:
        path = database.absolute()
        files = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal", ".key")]
        yield from files
        entries = set(path.parent.iterdir()) if path.parent.is_dir() else set()
        if path in entries and entries <= {*files, contents}:
            yield path.parent


def sqlite_file(url: URL) -> Path | None:
    """Return the path of a database's SQLite file. None for PostgreSQL and for a database in memory."""
    is_file = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(str(url.database)) if is_file else None


def _is_readable_by_others(path: Path) -> bool:
    try:
        return bool(path.lstat().st_mode & _OTHERS) and not path.is_symlink()
    except OSError:
        return False
