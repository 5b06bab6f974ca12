"""Files and folders that only the service's own user may read, whatever the umask.

What others could read of them: every mail (database, its log, contents), and the key that webhook secrets are encrypted
with. SQLite gives its ``-wal`` and ``-shm`` the mode of the database, so the database is created here first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import structlog
from sqlalchemy import make_url

from service.settings import Settings

_OTHERS = 0o077
_log = structlog.get_logger("sodan.files")


def make_folder(folder: Path) -> None:
    """Create it with its missing parents, each mode 0700. Raises OSError."""
    for one in reversed([folder, *folder.parents]):
        with contextlib.suppress(FileExistsError):
            one.mkdir(mode=0o700)


def create_file(path: Path, *, exclusive: bool = False) -> int:
    """Open for writing, mode 0600 where it is new; a file descriptor. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (os.O_EXCL if exclusive else 0), 0o600)


def make_private(settings: Settings) -> None:
    """Take from others what earlier versions or an operator's copy left readable. A failure is logged, no more."""
    for path in _open_to_others(settings):
        try:
            path.chmod(path.stat().st_mode & ~_OTHERS & 0o7777)
        except FileNotFoundError:
            continue
        except OSError as error:
            _log.warning("a file stays readable for others", path=str(path), reason=error.strerror)


def _open_to_others(settings: Settings) -> Iterator[Path]:
    """Files before the folder that holds them: a start that breaks off is made good by the next."""
    database = make_url(settings.database_url).database if settings.database_url.startswith("sqlite") else None
    store = None if settings.content_store == "database" else settings.content_store.removeprefix("file://")
    if settings.key_file is not None and _is_open(settings.key_file):
        yield settings.key_file
    contents = Path(store) if store is not None and store.startswith("/") else None
    if contents is not None and _is_open(contents):
        for folder, _, names in os.walk(contents, topdown=False):
            yield from (path for name in names if _is_open(path := Path(folder, name)))
            yield Path(folder)
    if database and database != ":memory:":
        path = Path(database).absolute()
        ours = [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm", "-journal", ".key")]
        yield from (one for one in ours if _is_open(one))
        entries = set(path.parent.iterdir()) if path.parent.is_dir() else set()
        if _is_open(path.parent) and path in entries and entries <= {*ours, contents}:
            yield path.parent


def _is_open(path: Path) -> bool:
    try:
        return bool(path.lstat().st_mode & _OTHERS) and not path.is_symlink()
    except OSError:
        return False
