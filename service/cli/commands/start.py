"""What a command starts from: the settings, the database they name, the clock, a log, a voice."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.settings import Settings
    from service.store.database import Database

FOUND_WRONG = 1
WRONG_USE = 2


def settings(**given: object) -> Settings:
    """As the environment and `.env` say; what is given wins. Raises Refused."""
    from service.settings import load, misspelt

    for name, nearest in misspelt().items():
        if nearest:  # any other may be a secret that a file of ours names
            say(f"{name} is no setting and is ignored; did you mean {nearest}?")
    return load(**given)


def database(settings: Settings, *, make: bool = False) -> Database:
    """The store they name; opened when first asked.

    Raises Refused where a SQLite file is not there, unless this command is one to ``make`` it: a wrong path must not
    leave an empty database behind.
    """
    from service.store.database import Database

    opened = Database(settings.database_url)
    if not make:
        opened.must_be_there()
    return opened


def as_service(settings: Settings) -> None:
    """What every long-running command does first: log to stderr, take its files from other users."""
    from service.store.private import make_private

    log_to_stderr(settings)
    make_private(settings)


def log_to_stderr(settings: Settings) -> None:
    """One line a mail and one a request, as key=value; nothing of bodies or addresses at info."""
    import logging

    import structlog

    from service.logs import survive_a_full_disk

    survive_a_full_disk()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def now() -> datetime:
    """The one clock of the commands."""
    return datetime.now(UTC)


def say(text: str) -> None:
    """Talk, not data: to stderr."""
    print(f"sodan: {text}", file=sys.stderr)
