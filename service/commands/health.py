"""`sodan doctor`."""

from __future__ import annotations

from service.commands import start


def doctor() -> int:
    """Check settings, database, packs, ports and the ledger; say what to do about what is wrong."""
    from service.terminal.doctor import examine

    settings = start.settings()
    return examine(settings, start.database(settings), start.now())
