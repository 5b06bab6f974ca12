"""`sodan doctor`."""

from __future__ import annotations

from service.cli.commands import start


def doctor() -> int:
    """Check settings, database, packs, ports and mail counts. Each problem is one line with what to do."""
    from service.cli.terminal.doctor import examine

    settings = start.settings()
    database = start.database(settings, make=True)  # `examine` reports a missing file without creating it
    try:
        return examine(settings, database, start.now())
    finally:
        database.close()
