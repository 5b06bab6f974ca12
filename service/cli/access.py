"""`sodan token` and `sodan team`: access over HTTP, and team members learned from mail."""

from datetime import timedelta
from typing import Annotated, Literal

from cyclopts import App, Parameter

from service.cli import start
from service.cli.printing import print_rows
from service.errors import Refused
from service.store import learned_roles, tokens

token = App(name="token", help="Tokens for HTTP: create, list, revoke.")
team = App(name="team", help="Team members and partner companies that sodan learned from mail: list, remove.")
TOKEN_COLUMNS = ("id", "name", "scope", "created_at", "expires_at", "revoked_at")


@token.command(name="create")
def token_create(
    name: str, *, scope: Literal["read", "write", "admin"] = "read", days: start.Positive | None = None
) -> None:
    """Create a token and print it. You cannot print it again, because sodan stores only its hash.

    Args:
        name: The person or program that will use the token. sodan records changes under this name.
        scope: read: view; write: also change cases and send mail; admin: also manage webhooks and retry mail.
        days: Number of days until the token expires. Default: it does not expire.
    """
    if not name.strip():
        raise Refused("NAME: name the person or program that will use the token")
    now, database = start.now(), start.database(start.settings())
    expires = now + timedelta(days=days) if days else None
    first = not database.read(lambda conn: tokens.any_valid(conn, now))
    id, secret = database.transact(lambda conn: tokens.create(conn, name, scope, now, expires))
    if first:
        start.say("from now on, HTTP needs a token on this machine too")
    start.say(f"token {id} for {name} ({scope}); store it now, you cannot print it again:")
    print(secret)


@token.command(name="list")
def token_list(*, json: start.Json = False) -> None:
    """List tokens, without their secrets."""
    settings = start.settings()
    rows = start.database(settings).read(tokens.listing)
    print_rows(rows, TOKEN_COLUMNS, as_json=json, zone=settings.zone)


@token.command(name="revoke")
def token_revoke(id: Annotated[int, Parameter(help="Id of the token in `sodan token list`.")]) -> None:
    """Revoke a token at once."""
    now = start.now()
    start.database(start.settings()).transact(lambda conn: tokens.revoke(conn, id, now))
    start.say(f"token {id} is revoked")


@team.command(name="list")
def team_list(*, json: start.Json = False) -> None:
    """List team members and partner companies that sodan learned from mail, with the date."""
    settings = start.settings()
    rows = start.database(settings).read(learned_roles.listing)
    print_rows(rows, ("side", "address", "learned_at"), as_json=json, zone=settings.zone)


@team.command(name="remove")
def team_remove(address: Annotated[str, Parameter(help="As `sodan team list` shows it.")]) -> None:
    """Remove a team member or partner company that sodan learned. Entries in SODAN_TEAM and the site file stay."""
    start.database(start.settings()).transact(lambda conn: learned_roles.remove(conn, address))
    start.say(f"{address} no longer counts as team or partner; `sodan replay --apply` judges earlier mail again")
