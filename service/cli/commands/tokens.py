"""`sodan token`: access over HTTP."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from service.cli.commands import start

Scope = Literal["read", "write", "admin"]

app = App(name="token", help="Tokens for HTTP: create, list, revoke.")


@app.command(name="create")
def token_create(name: str, *, scope: Scope = "read", days: int | None = None) -> int:
    """Create a token and print it. It is shown only once, because only its hash is stored.

    Parameters
    ----------
    name
        The person or program that uses it. Changes are recorded under this name.
    scope
        read: view; write: also change cases and send mail; admin: also manage webhooks and retry mail.
    days
        Number of days until it expires. Default: it does not expire.
    """
    from datetime import timedelta

    from service.store import tokens

    now = start.now()
    expires = now + timedelta(days=days) if days else None
    made = start.database(start.settings()).transact(lambda conn: tokens.create(conn, name, scope, now, expires))
    start.say(f"token {made.id} for {name} ({scope}); store it now, it is not shown again:")
    print(made.secret)
    return 0


@app.command(name="list")
def token_list(*, json: bool = False) -> int:
    """List tokens, without their secrets.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.tables import print_rows
    from service.store import tokens

    rows = start.database(start.settings()).read(tokens.listing)
    return print_rows(rows, ("id", "name", "scope", "created_at", "expires_at", "revoked_at"), as_json=json)


@app.command(name="revoke")
def token_revoke(id: int) -> int:
    """Revoke a token, effective immediately.

    Parameters
    ----------
    id
        Its id in `sodan token list`.
    """
    from service.store import tokens

    now = start.now()
    start.database(start.settings()).transact(lambda conn: tokens.revoke(conn, id, now))
    start.say(f"token {id} is revoked")
    return 0
