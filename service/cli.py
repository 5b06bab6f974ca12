"""The commands of `sodan`, and the only place that wires the rooms together.

Data goes to stdout, talk to stderr. Exit status: 0 done; 1 something was found wrong (a failed rule example, a
shunted mail); 2 wrong use or configuration. Rooms are imported inside the command that needs them, so that
`sodan parse` does not wait for a web framework.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from service.errors import NotFound, SodanError

if TYPE_CHECKING:
    from mailrules.judge import Rules
    from service.settings import Settings
    from service.store.database import Database
    from service.terminal.source import Source

app = App(
    name="sodan",
    help="Mail around vendor support in, cases out: what is burning, whose turn it is, what is missing.",
    help_format="plaintext",
    version_flags=["--version"],
)
rules_app = App(name="rules", help="The rule packs: run their examples, check them, list them.")
spool_app = App(name="spool", help="Mail as it was received: what waits, what was set aside, and why.")
token_app = App(name="token", help="Tokens for HTTP: stored hashed, shown once.")
for sub in (rules_app, spool_app, token_app):
    app.command(sub)

FOUND_WRONG = 1
WRONG_USE = 2


def main(argv: list[str] | None = None) -> int:
    """Run one command; never a traceback for what a person can put right."""
    try:
        status = app(argv, exit_on_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError:
        return WRONG_USE  # cyclopts has said what was wrong with it
    except NotFound as error:
        _say(str(error))
        return FOUND_WRONG
    except ValueError as error:
        if type(error).__name__ != "PackError":
            raise
        _say(str(error))  # it names file, line and rule
        return WRONG_USE
    except SodanError as error:
        _say(str(error))
        return WRONG_USE
    except BrokenPipeError:
        # whoever read our output has seen enough (`| head`); keep the interpreter from flushing into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status if isinstance(status, int) else 0


def _say(text: str) -> None:
    print(f"sodan: {text}", file=sys.stderr)


def _settings() -> Settings:
    from service.settings import load

    return load()


def _database(settings: Settings) -> Database:
    from service.store.database import Database

    return Database(settings.database_url)


def _rules(folders: tuple[Path, ...] = ()) -> Rules:
    from mailrules.library import load

    return load(folders)


def _log_to_stderr(settings: Settings) -> None:
    """One line a mail and one a request, as key=value; nothing of bodies or addresses at info."""
    import logging

    import structlog

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


def _now() -> datetime:
    return datetime.now(UTC)


# ── serving ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command
def serve() -> int:
    """Take mail, understand it, answer over HTTP: all in one, with an embedded database unless told otherwise."""
    from service.supervisor import run_supervisor

    settings = _settings()
    _log_to_stderr(settings)
    return run_supervisor(settings)


@app.command
def smtp() -> int:
    """Only take mail (SMTP and LMTP) and make it durable."""
    from service.channels.smtp import run_smtp

    settings = _settings()
    _log_to_stderr(settings)
    run_smtp(settings)
    return 0


@app.command(name="smtp-password")
def smtp_password(name: str) -> int:
    """Read a password and print the line for it, to be put into the file of SODAN_SMTP_PASSWORDS.

    Parameters
    ----------
    name
        Who may log in with it to send mail.
    """
    from getpass import getpass

    from service.channels.passwords import password_line

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        _say("an empty password is none")
        return WRONG_USE
    print(password_line(name, password))
    return 0


@app.command
def worker() -> int:
    """Only understand what was received."""
    from service.worker import run_worker

    settings = _settings()
    _log_to_stderr(settings)
    run_worker(settings)
    return 0


@app.command
def api() -> int:
    """Only answer over HTTP: the interface for programs and the board for people."""
    from service.api.app import make_app
    from service.api.desk import Desk
    from service.api.serving import bind, must_be_safe
    from service.api.serving import serve as answer
    from service.board.pages import routes
    from service.intake import House

    settings = _settings()
    _log_to_stderr(settings)
    database = _database(settings)
    must_be_safe(settings.http_listen, database, _now())
    listening = bind(settings.http_listen)
    house = House.of(settings)
    pages = routes(settings, database, house, _now)
    desk = Desk(settings, database, house, _now)
    made = make_app(desk, [pages], open_to_loopback=settings.http_listen.loopback)
    answer(made, listening, stop_seconds=settings.stop_seconds)
    database.close()
    return 0


@app.command
def migrate() -> int:
    """Bring the database to the newest schema; an empty one is made."""
    from service.store.migrate import migrate as bring_to_head

    before, after = bring_to_head(_database(_settings()))
    _say(f"the database is at revision {after}" + ("" if before == after else f" (was {before or 'empty'})"))
    return 0


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command(name="import")
def import_(paths: tuple[Path, ...], *, take_in: bool = True) -> int:
    """Receive mail from files and take it in. Running it twice changes nothing.

    Parameters
    ----------
    paths
        .eml files, mbox files, Maildirs, or folders of them.
    take_in
        Also understand what was received; --no-take-in leaves that to running workers.
    """
    from service.terminal.importing import import_paths

    settings = _settings()
    return import_paths(settings, _database(settings), paths, take_in=take_in)


@app.command
def parse(files: tuple[Path, ...], *, root: Path | None = None) -> int:
    """Read mails and print what they say: JSON Lines, one object a mail, in the order given.

    Parameters
    ----------
    files
        Mails as raw files (.eml). A bad one becomes a line with an `error`, never the end.
    root
        `file` is printed relative to this folder.
    """
    from service.terminal.reading import parse_files

    return parse_files(files, root)


@app.command
def judge(
    files: tuple[Path, ...],
    *,
    team: tuple[str, ...] = (),
    organisation: tuple[str, ...] = (),
    packs: tuple[Path, ...] = (),
    root: Path | None = None,
) -> int:
    """Judge mails, each alone, as if it opened a case: JSON Lines.

    Parameters
    ----------
    files
        Mails as raw files (.eml).
    team
        Addresses or @domains of the IT team.
    organisation
        Our own mail domains; their people are requesters.
    packs
        Further folders of rule packs, loaded after the shipped ones.
    root
        `file` is printed relative to this folder.
    """
    from service.terminal.reading import judge_files

    return judge_files(files, team=team, organisation=organisation, packs=packs, root=root)


@app.command
def explain(
    what: str, *, team: tuple[str, ...] = (), organisation: tuple[str, ...] = (), packs: tuple[Path, ...] = ()
) -> int:
    """Say which rule fired on which words of a mail, and why the others did not.

    Parameters
    ----------
    what
        A file, or the Message-ID of a mail that was taken in.
    team
        Addresses or @domains of the IT team.
    organisation
        Our own mail domains; their people are requesters.
    packs
        Further folders of rule packs.
    """
    from service.terminal.reading import explain_mail

    settings = _settings()
    return explain_mail(
        what,
        settings,
        team=(*settings.team, *team),
        organisation=(*settings.organisation, *organisation),
        packs=(*settings.packs, *packs),
    )


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Sort = Literal["-updated", "updated", "-opened", "opened", "priority"]


@app.command
def cases(
    q: str | None = None,
    *,
    status: tuple[Literal["open", "resolved", "closed"], ...] = (),
    waiting_on: tuple[Literal["team", "vendor", "requester", "none"], ...] = (),
    priority: tuple[Literal["P1", "P2", "P3", "P4"], ...] = (),
    kind: tuple[str, ...] = (),
    vendor: tuple[str, ...] = (),
    vendor_ref: str | None = None,
    missing: str | None = None,
    participant: str | None = None,
    updated_since: str | None = None,
    older_than: str | None = None,
    sort: Sort = "-updated",
    limit: int = 50,
    cursor: str | None = None,
    json: Annotated[bool, Parameter(negative=())] = False,
    url: str | None = None,
    token: Annotated[str | None, Parameter(env_var="SODAN_TOKEN")] = None,
) -> int:
    """List cases as a table.

    Parameters
    ----------
    q
        Words to look for, Japanese or English.
    vendor_ref
        A vendor's case number.
    missing
        An item id such as occurred_at, or `any`.
    participant
        An address.
    updated_since
        ISO 8601 time, or how long ago: 90m, 12h, 3d.
    older_than
        Untouched since then: ISO 8601 time, or how long: 90m, 12h, 3d.
    json
        Print the answer of `GET /api/cases` instead of a table.
    url
        Ask a running service instead of the local database.
    token
        For --url.
    """
    query = {
        "q": q, "status": status, "waiting_on": waiting_on, "priority": priority, "kind": kind, "vendor": vendor,
        "vendor_ref": vendor_ref, "missing": missing, "participant": participant, "updated_since": updated_since,
        "older_than": older_than, "sort": sort, "limit": limit, "cursor": cursor,
    }  # fmt: skip
    from service.terminal.tables import print_cases

    return print_cases(_source(url, token).cases(query), as_json=json)


@app.command
def show(
    key: str,
    *,
    json: Annotated[bool, Parameter(negative=())] = False,
    url: str | None = None,
    token: Annotated[str | None, Parameter(env_var="SODAN_TOKEN")] = None,
) -> int:
    """Show a case: whose turn, why this priority, what is missing, and the mails.

    Parameters
    ----------
    key
        Such as SD-12.
    json
        Print the answer of `GET /api/cases/KEY` instead.
    url
        Ask a running service instead of the local database.
    token
        For --url.
    """
    from service.terminal.tables import print_case

    source = _source(url, token)
    case = source.case(key)
    return print_case(case, [] if json else source.messages(str(case["key"])), as_json=json)


def _source(url: str | None, token: str | None) -> Source:
    from service.terminal.source import Local, Remote

    if url:
        return Remote(url, token)
    settings = _settings()
    return Local(_database(settings), settings.case_prefix, _now())


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@rules_app.command(name="test")
def rules_test(*, packs: tuple[Path, ...] = ()) -> int:
    """Run the examples that stand beside each rule; exit status 1 if one fails.

    Parameters
    ----------
    packs
        Further folders of rule packs.
    """
    from service.terminal.rules import run_examples

    return run_examples(packs)


@rules_app.command(name="lint")
def rules_lint(*, packs: tuple[Path, ...] = ()) -> int:
    """Check packs for what is legal but unwise: rules without examples, words nobody uses, ids given twice.

    Parameters
    ----------
    packs
        Further folders of rule packs.
    """
    from service.terminal.rules import run_lint

    return run_lint(packs)


@rules_app.command(name="list")
def rules_list(*, packs: tuple[Path, ...] = (), json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """List the rules: id, pack, what they conclude.

    Parameters
    ----------
    packs
        Further folders of rule packs.
    json
        JSON Lines instead of a table.
    """
    from service.terminal.rules import list_rules

    return list_rules(packs, as_json=json)


@app.command
def replay(
    *,
    since: str | None = None,
    packs: tuple[Path, ...] = (),
    apply: Annotated[bool, Parameter(negative=())] = False,
    diff: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Judge what was taken in anew, with today's packs (or others), and show what would change.

    Parameters
    ----------
    since
        Only cases touched since then: ISO 8601 time, or how long ago: 90m, 12h, 3d.
    packs
        Further folders of rule packs.
    apply
        Keep the new judgements. Without it nothing is changed.
    diff
        Show what would change (the default).
    """
    from service.terminal.replaying import replay_cases

    if apply and diff:
        raise SodanError("--diff shows, --apply keeps: choose one")

    settings = _settings()
    folders = (*settings.packs, *packs)
    return replay_cases(settings, _database(settings), since=since, packs=folders, apply=apply, now=_now())


# ── spool, tokens, health ────────────────────────────────────────────────────────────────────────────────────────────

State = Literal["waiting", "done", "shunted", "refused"]


@spool_app.command(name="list")
def spool_list(
    *, state: State | None = None, limit: int = 100, json: Annotated[bool, Parameter(negative=())] = False
) -> int:
    """List received mails, newest first; exit status 1 if one was set aside (shunted).

    Parameters
    ----------
    state
        Only these.
    limit
        At most so many.
    json
        JSON Lines instead of a table.
    """
    from service.terminal.spool import list_entries

    return list_entries(_database(_settings()), state=state, limit=limit, as_json=json)


@spool_app.command(name="show")
def spool_show(id: str, *, raw: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Show one received mail: envelope, attempts, reason.

    Parameters
    ----------
    id
        The id named in the 250 reply.
    raw
        Print the mail itself, byte by byte.
    """
    from service.terminal.spool import show_entry

    return show_entry(_database(_settings()), id, raw=raw)


@spool_app.command(name="retry")
def spool_retry(ids: tuple[str, ...] = (), *, all: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Let the worker try again what was set aside.

    Parameters
    ----------
    ids
        Ids of received mails.
    all
        Every mail that was set aside.
    """
    from service.terminal.spool import retry_entries

    return retry_entries(_database(_settings()), ids, everything=all, now=_now())


Scope = Literal["read", "write", "admin"]


@token_app.command(name="create")
def token_create(name: str, *, scope: Scope = "read", days: int | None = None) -> int:
    """Make a token and print it, once: only its hash is kept.

    Parameters
    ----------
    name
        Who or what uses it.
    scope
        read: see; write: also change cases; admin: also webhooks and the spool.
    days
        Valid for so many days; without it until revoked.
    """
    from datetime import timedelta

    from service.store import tokens

    now = _now()
    expires = now + timedelta(days=days) if days else None
    made = _database(_settings()).transact(lambda conn: tokens.create(conn, name, scope, now, expires))
    _say(f"token {made.id} for {name} ({scope}); it is shown this once:")
    print(made.secret)
    return 0


@token_app.command(name="list")
def token_list(*, json: Annotated[bool, Parameter(negative=())] = False) -> int:
    """List tokens, without their secrets.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.store import tokens
    from service.terminal.tables import print_rows

    rows = _database(_settings()).read(tokens.listing)
    return print_rows(rows, ("id", "name", "scope", "created_at", "used_at", "expires_at", "revoked_at"), as_json=json)


@token_app.command(name="revoke")
def token_revoke(id: int) -> int:
    """Make a token worthless, at once.

    Parameters
    ----------
    id
        As `sodan token list` names it.
    """
    from service.store import tokens

    now = _now()
    _database(_settings()).transact(lambda conn: tokens.revoke(conn, id, now))
    _say(f"token {id} is revoked")
    return 0


@app.command
def doctor() -> int:
    """Check settings, database, packs, ports and the ledger; say what to do about what is wrong."""
    from service.terminal.doctor import examine

    settings = _settings()
    return examine(settings, _database(settings), _now())
