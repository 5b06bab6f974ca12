"""`sodan doctor`."""

from __future__ import annotations

from service.cli.commands import start


def doctor() -> int:
    """Check settings, database, packs, ports and the ledger; say what to do about what is wrong."""
    from service.cli.terminal.doctor import examine

    settings = start.settings()
    database = start.database(settings, make=True)  # `examine` names a missing file, and makes none
    try:
        return examine(settings, database, start.now())
    finally:
        database.close()
