"""`sodan team`: who counts as IT team beside SODAN_TEAM, learned from the vendors' mails they forwarded."""

from __future__ import annotations

from cyclopts import App

from service.commands import start

app = App(name="team", help="People who count as team because they forwarded a vendor's mail.")
REREAD = "mail taken in before is read anew by `sodan replay --apply`"


@app.command(name="list")
def team_list(*, json: bool = False) -> int:
    """List their addresses, and since when they count as team.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.store import learning
    from service.terminal.tables import print_rows

    rows = start.database(start.settings()).read(learning.listing)
    return print_rows(rows, ("address", "learned_at"), as_json=json)


@app.command(name="add")
def team_add(address: str) -> int:
    """Count an address as team.

    Parameters
    ----------
    address
        As it stands in From.
    """
    from service.store import learning

    now = start.now()
    added = start.database(start.settings()).transact(lambda conn: learning.add(conn, address, now))
    start.say(f"{address} counts as team; {REREAD}" if added else f"{address} counts as team already")
    return 0


@app.command(name="remove")
def team_remove(address: str) -> int:
    """Count an address as team no longer, unless SODAN_TEAM or the site file names it.

    Parameters
    ----------
    address
        As `sodan team list` shows it.
    """
    from service.store import learning

    start.database(start.settings()).transact(lambda conn: learning.remove(conn, address))
    start.say(f"{address} counts as team no longer; {REREAD}")
    return 0
