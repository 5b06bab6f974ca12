"""Shared by the commands: settings, database, clock, logging, messages to the user."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.desk import Desk
    from service.settings import Settings
    from service.store.database import Database

FOUND_WRONG = 1
WRONG_USE = 2


def settings(**given: object) -> Settings:
    """Load the settings from the environment and `.env`; ``given`` takes precedence. Raises Refused."""
    from service.settings import load, misspelt

    for name, nearest in misspelt().items():
        if nearest:  # any other name may be a secret used by one of our files
            say(f"{name} is not a setting, so sodan ignores it; did you mean {nearest}?")
    return load(**given)


def database(settings: Settings, *, make: bool = False) -> Database:
    """Return the database of the settings; it is opened at first use.

    Raises Refused if a SQLite file does not exist, unless ``make``: a wrong path must not create an empty database.
    """
    from service.store.database import Database

    opened = Database(settings.database_url)
    if not make:
        opened.must_be_there()
    return opened


def desk(*, rules: bool = True) -> Desk:
    """Return what changes cases: settings, database, and the rules unless not needed. Raises Refused."""
    from service.desk import Desk
    from service.intake import AppContext

    loaded = settings()
    load_context = cache(partial(AppContext.of, loaded))
    if rules:
        load_context()  # before the transaction that needs them
    return Desk(loaded, database(loaded), load_context, now)


def service_settings() -> Settings:
    """Load the settings of a long-running command, log to stderr, and remove other users' access to its files."""
    from service.store.private import make_private

    loaded = settings()
    log_to_stderr(loaded)
    make_private(loaded)
    return loaded


def log_to_stderr(settings: Settings) -> None:
    """Log to stderr: one key=value line per mail and per request; at info level without bodies or addresses."""
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
    """Return the current time; all commands use this clock."""
    return datetime.now(UTC)


def say(text: str) -> None:
    """Print a message for the user to stderr, since stdout is for data."""
    print(f"sodan: {text}", file=sys.stderr)
