"""Reloads packs and the site file when they change, while the service runs.

The process that uses the rules calls ``check`` between two mails. Changed files are loaded once they have stopped
changing (or immediately after SIGHUP). Invalid files are refused with one line, and the current rules stay in use.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import structlog

from mailrules.library import PackError, build, collect, version_of
from service import memory
from service.intake import AppContext
from service.settings import Settings

_log = structlog.get_logger("sodan.rules")

CHECK_SECONDS = 1.0  # seconds between two checks; a change is loaded once two successive checks find the same files

_Stamp = tuple[str, int, int, int]


class RuleReloader:
    """Watches the rule files. Any thread can call ``request_reload``. All other calls must come from one thread."""

    def __init__(self, settings: Settings, context: AppContext) -> None:
        self._settings, self._context = settings, context
        self._tried: frozenset[_Stamp] = frozenset()  # the files as last loaded or refused
        self._seen = self._tried
        self._asked = False
        self._due = 0.0

    def request_reload(self) -> None:
        """Load all packs at the next check, even if unchanged (SIGHUP)."""
        self._asked = True

    def check(self) -> None:
        """Load changed files, and free memory if needed. Costs one ``stat`` per file every ``CHECK_SECONDS``."""
        now = time.monotonic()
        if now < self._due and not self._asked:
            return
        self._due = now + CHECK_SECONDS
        memory.free_if_above()
        seen = frozenset(self._stamps())
        at_rest = seen == self._seen
        self._seen = seen
        if self._asked or (at_rest and seen != self._tried):
            self._tried, asked, self._asked = seen, self._asked, False
            self._load(asked)

    def run(self, stop: threading.Event) -> None:
        """Check repeatedly until ``stop`` is set."""
        while not stop.wait(CHECK_SECONDS):
            self.check()

    def _load(self, asked: bool) -> None:
        context = self._context
        try:
            library = collect(self._settings.packs, self._settings.site_file)
            if version_of(library) != context.rules.version:
                context.rules = build(library)
                memory.freeze_after_loading()
                _log.info("rules loaded", version=context.rules.version, packs=len(context.rules.packs))
            elif asked or context.refused:
                _log.info("rules are unchanged", version=context.rules.version)
            context.refused = None
        except Exception as error:  # after any error in a file, mail is read with the current rules
            context.refused = str(error) if isinstance(error, PackError) else f"{type(error).__name__}: {error}"
            _log.error("changed rules refused", reason=context.refused, kept=context.rules.version)

    def _stamps(self) -> Iterator[_Stamp]:
        """Yield path, modification time, size and inode of each file; zeros if it does not exist."""
        site = self._settings.site_file
        files = [file for folder in self._settings.packs for file in folder.rglob("*.y*ml")]
        for file in (*files, *((site,) if site else ())):
            yield _stamp(file)


def _stamp(file: Path) -> _Stamp:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino
