"""What benches share: empty databases, the context of a small company, and a worker."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from service import settings
from service.intake import AppContext
from service.store.database import Database
from service.store.migrate import migrate
from service.worker import Worker
from tests.postgres import Postgres

INTAKE, DOMAIN = "help@intake.example", "corp.example"


@contextlib.contextmanager
def databases(kind: str, *conf: str) -> Iterator[Callable[[str], str]]:
    """A function that makes an empty database of a name and returns its URL; all are removed at the end.

    ``kind`` is ``sqlite``, ``postgresql`` (a server of its own, with these lines in its configuration), or a URL.
    """
    if "://" in kind:
        yield lambda _name: kind
        return
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as folder:
        if kind == "sqlite":
            yield lambda name: f"sqlite:///{folder}/{name}.db"
            return
        # a short path (a socket's path may have 107 bytes), in a folder that the server's own user may enter
        place = Path(tempfile.gettempdir()) / f"sodan-bench-{os.getpid()}"
        server = Postgres(place, settings="".join(f"{line}\n" for line in conf))
        server.start()
        try:
            yield server.create
        finally:
            server.stop()
            server.remove()


@contextlib.contextmanager
def empty(kind: str) -> Iterator[Database]:
    """One empty database with all tables."""
    with databases(kind) as create:
        database = Database(create("bench"))
        migrate(database)
        try:
            yield database
        finally:
            database.close()


def context(**given: str) -> AppContext:
    """The settings of the company that owns the mails of the benches."""
    return AppContext.of(settings.load(_env_file=None, **{"intake": INTAKE, "organisation": DOMAIN} | given))


def worker(database: Database, ours: AppContext, clock: Callable[[], datetime], batch: int = 16) -> Worker:
    """One that nobody else competes with; what it did is not logged."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return Worker(database, ours, by="bench", batch=batch, lease=timedelta(seconds=600), clock=clock)
