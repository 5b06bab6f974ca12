"""Names of processes in leases. Releases the leases of dead processes of this host."""

import contextlib
import os
import secrets
import socket
from functools import partial
from pathlib import Path

from service.errors import Unavailable
from service.store import queues
from service.store.database import Database


def process_name() -> str:
    """Return the name of this process in leases: ``host/pid/random``."""
    return f"{_host()}/{os.getpid()}/{secrets.token_hex(4)}"


def _host() -> str:
    """Return a name for this host or container. A process id is valid only there."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()[:32]}.{os.stat('/proc/self/ns/pid').st_ino}"
    return socket.gethostname()[:32]


def release_dead_leases(database: Database) -> None:
    """Release the leases of dead processes of this host, if the database is available."""
    with contextlib.suppress(Unavailable):
        for table in queues.RELEASED:
            for by in filter(_is_dead, database.read(partial(queues.holders, table=table))):
                database.transact(partial(queues.release, table=table, by=by))


def _is_dead(by: str) -> bool:
    host, _, rest = by.partition("/")
    pid = rest.partition("/")[0]
    if host != _host() or not pid.isdigit() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return _is_zombie(int(pid))


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    return False
