"""`sodan team`: team members and partner companies learned from mail, in addition to SODAN_TEAM."""

from __future__ import annotations

from cyclopts import App

from service.cli.commands import start

app = App(
    name="team",
    help="Team members and partner companies that sodan learned from mail: list, add, remove.",
)
REREAD = "`sodan replay --apply` judges earlier mail again"


@app.command(name="list")
def team_list(*, json: bool = False) -> int:
    """List learned team members and partner companies, and since when they are known.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.tables import print_rows
    from service.store import learning

    rows = start.database(start.settings()).read(learning.listing)
    return print_rows(rows, ("side", "address", "learned_at"), as_json=json)


@app.command(name="add")
def team_add(address: str) -> int:
    """Add an address to the team.

    Parameters
    ----------
    address
        Mail address, as in From.
    """
    from service.store import learning

    now = start.now()
    added = start.database(start.settings()).transact(lambda conn: learning.add(conn, address, now))
    start.say(f"{address} counts as team; {REREAD}" if added else f"{address} already counts as team")
    return 0


@app.command(name="remove")
def team_remove(address: str) -> int:
    """Remove a learned team address or partner company. Entries in SODAN_TEAM and the site file remain.

    Parameters
    ----------
    address
        Address or company, as `sodan team list` shows it.
    """
    from service.store import learning

    start.database(start.settings()).transact(lambda conn: learning.remove(conn, address))
    start.say(f"{address} no longer counts as team or partner; {REREAD}")
    return 0
