"""Helpers for the start of commands: settings, database, clock, logging, messages."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter, validators

if TYPE_CHECKING:
    from pydantic import ValidationError

    from service.desk import Desk
    from service.settings import Settings
    from service.store.database import Database

FOUND_WRONG = 1  # exit status: a problem was found
WRONG_USE = 2  # exit status: wrong usage or configuration
Json = Annotated[bool, Parameter(help="JSON Lines instead of a table.")]
Mails = Annotated[
    tuple[Path, ...], Parameter(help="Mails as raw files (.eml). For an unreadable file, the line contains an `error`.")
]
Root = Annotated[Path | None, Parameter(help="Print `file` relative to this folder.")]
Packs = Annotated[
    tuple[Path, ...], Parameter(help="Additional folders of rule packs, loaded after those of SODAN_PACKS.")
]
CaseKey = Annotated[str, Parameter(help="Key of the case, such as SD-12.")]
Positive = Annotated[int, Parameter(validator=validators.Number(gte=1, lte=1_000_000))]
Limit = Annotated[Positive, Parameter(help="Maximum number of entries.")]


def settings(**given: object) -> Settings:
    """Return the settings from the environment and `.env`. Values in ``given`` take precedence. Raises Refused."""
    import logging

    import structlog

    from service.settings import load, misspelt

    # only warnings and errors; long-running commands call ``log_to_stderr`` instead
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    for name, nearest in misspelt().items():
        if nearest:  # another SODAN_ variable may be a secret that a file of the installation uses
            say(f"{name} is not a setting, so sodan ignores it; did you mean {nearest}?")
    return load(**given)


def database(settings: Settings, *, make: bool = False) -> Database:
    """Return the database. Without ``make``, raises Refused for a missing SQLite file instead of creating it."""
    from service.store.database import Database

    opened = Database(settings.database_url)
    if not make:
        opened.must_exist()
    return opened


def desk(*, rules: bool = True) -> Desk:
    """Return the desk, which makes changes to cases. Raises Refused. ``rules``: load the rules now."""
    from service.desk import Desk
    from service.intake import AppContext

    loaded = settings()
    load_context = cache(partial(AppContext.of, loaded))
    if rules:
        load_context()  # load them now, not inside the transaction that needs them
    return Desk(loaded, database(loaded), load_context, now)


def service_settings() -> Settings:
    """Return the settings for a long-running command. Also sets up the log, and protects files from other users."""
    from service.store.private import make_private

    loaded = settings()
    log_to_stderr(loaded)
    make_private(loaded)
    return loaded


def log_to_stderr(settings: Settings) -> None:
    """Configure the log: lines of key=value on stderr, at the level in the settings and above."""
    import logging

    import structlog

    from service.process import replace_stderr

    replace_stderr()
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
    """Return the current time. All commands use this clock."""
    return datetime.now(UTC)


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with a noun: ``1 mail``, ``2 mails``. ``many``: the plural of the noun, by default with ``s``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def first_error(error: ValidationError) -> str:
    """Return the first error that a pydantic model found, as one line: the field, its value and the reason."""
    first = error.errors(include_url=False)[0]
    field = ".".join(part for part in first["loc"] if isinstance(part, str))
    return f"{field}: {str(first['input'])[:60]!r}: {first['msg']}"


def say(text: str) -> None:
    """Print a message for the user to stderr. Stdout is for data."""
    print(f"sodan: {text}", file=sys.stderr)
