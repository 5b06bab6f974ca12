"""Checks for ``/readyz`` whether mail can be stored now, by writing to the database."""

from __future__ import annotations

import threading
from concurrent.futures import Future, TimeoutError

from service.errors import Unavailable
from service.store import migrate
from service.store.database import Database
from service.store.trouble import disk_full_reason

WAIT_SECONDS = 3.0
"""After this time the check reports that the database does not respond."""


class Readiness:
    """Runs one check at a time; callers that arrive meanwhile share its result."""

    def __init__(self, database: Database, min_free_bytes: int) -> None:
        self._database = database
        self._min_free_bytes = min_free_bytes
        self._guard = threading.Lock()
        self._looking: Future[str | None] | None = None

    def trouble(self) -> str | None:
        """Return what is wrong, in words for the public; None if nothing is."""
        try:
            return self._look().result(WAIT_SECONDS)
        except TimeoutError:
            return f"the database did not respond within {WAIT_SECONDS:g} seconds"

    def _look(self) -> Future[str | None]:
        with self._guard:
            if self._looking is None or self._looking.done():
                self._looking = Future()
                threading.Thread(target=self._find, args=(self._looking,), daemon=True).start()
            return self._looking

    def _find(self, found: Future[str | None]) -> None:
        try:
            if self._database.read(migrate.revision) != migrate.head():
                found.set_result("the database has the schema of another version: run `sodan migrate`")
                return
            self._database.probe()
            found.set_result(disk_full_reason(self._database.folder, self._min_free_bytes))
        except Unavailable as error:
            found.set_result(str(error))
        except BaseException as error:
            found.set_exception(error)
