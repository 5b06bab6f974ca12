"""Commands about cases: list, show, print as a brief, set, merge, ask, note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from service.cli.commands import start

if TYPE_CHECKING:
    from service.cli.terminal.source import Source

Url = Annotated[str | None, Parameter(help="Read from the running service at this URL instead of the local database.")]
Secret = Annotated[str | None, Parameter(env_var="SODAN_TOKEN", help="Token for --url.")]
Kind = Literal["incident", "howto", "request", "billing", "security", "rca", "notice"]
Sort = Literal["-updated", "updated", "-opened", "opened", "priority"]


def cases(
    q: str | None = None,
    *,
    status: tuple[Literal["open", "resolved", "closed"], ...] = (),
    waiting_on: tuple[Literal["team", "vendor", "requester", "none"], ...] = (),
    priority: tuple[Literal["P1", "P2", "P3", "P4"], ...] = (),
    kind: tuple[Kind, ...] = (),
    vendor: tuple[str, ...] = (),
    vendor_ref: str | None = None,
    missing: str | None = None,
    participant: str | None = None,
    owner: str | None = None,
    updated_since: str | None = None,
    older_than: str | None = None,
    sort: Sort = "-updated",
    limit: int = 50,
    cursor: str | None = None,
    json: bool = False,
    url: Url = None,
    token: Secret = None,
) -> int:
    """List the cases that match all options, as a table. Options with fixed values may be repeated.

    Parameters
    ----------
    q
        Words that all occur in one mail, Japanese or English; or a case key, or a vendor's case number.
    waiting_on
        The side that has to act next; none: nobody has to.
    vendor
        Id of a vendor, such as microsoft.
    vendor_ref
        A vendor's case number.
    missing
        Id of a missing checklist item such as occurred_at, or `any`.
    participant
        A mail address or @domain.
    owner
        A team member, `me`, or `none`.
    updated_since
        Changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
    older_than
        Not changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
    sort
        Order: `-` means newest first; priority: P1 first.
    limit
        Maximum number of cases, at most 1000.
    cursor
        Continue a previous list: the value that it printed at its end.
    json
        Print the response of `GET /api/cases` instead of a table.
    """
    query = {
        "q": q, "status": status, "waiting_on": waiting_on, "priority": priority, "kind": kind, "vendor": vendor,
        "vendor_ref": vendor_ref, "missing": missing, "participant": participant, "owner": owner,
        "updated_since": updated_since, "older_than": older_than, "sort": sort, "limit": limit, "cursor": cursor,
    }  # fmt: skip
    from service.cli.terminal.tables import print_cases

    return print_cases(_source(url, token).cases(query), as_json=json)


def show(
    key: str,
    *,
    json: bool = False,
    url: Url = None,
    token: Secret = None,
) -> int:
    """Show a case: who has to act next, the evidence for its priority, what is missing, and the mails.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    json
        Print the response of `GET /api/cases/KEY` instead.
    """
    from service.cli.terminal.tables import print_case

    source = _source(url, token)
    case = source.case(key)
    return print_case(case, [] if json else source.messages(str(case["key"])), as_json=json)


def ask(
    key: str,
    *items: str,
    text: str = "",
    lang: Literal["ja", "en"] | None = None,
    draft: bool = False,
) -> int:
    """Ask the requester of a case for facts by mail, and print the mail.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    items
        Ids of checklist items such as occurred_at, at most five. Without any, the missing items.
    text
        Text above the questions, or the whole mail if it contains the numbered questions.
    lang
        Language of the mail. Default: the language of the case.
    draft
        Only print the mail, do not send it.
    """
    from service.cli.terminal.questions import ask as ask_requester

    settings = start.settings()
    database = start.database(settings)
    return ask_requester(settings, database, key, items, text=text, language=lang, draft=draft, now=start.now())


def note(key: str, text: str) -> int:
    """Add a note for the team to a case. It is never sent.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    text
        The note.
    """
    from service.cli.terminal.questions import note as add_note

    settings = start.settings()
    return add_note(settings, start.database(settings), key, text, now=start.now())


def brief(
    key: str,
    *,
    for_: Annotated[Literal["vendor", "team", "requester"], Parameter(name="--for")] = "vendor",
    lang: Literal["ja", "en"] | None = None,
    format: Literal["text", "markdown", "json"] = "text",
) -> int:
    """Print a summary of a case, ready to paste.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    for_
        Who will read it.
    lang
        Language of the summary. Default: the language of the case.
    format
        Format of the summary.
    """
    from service.cli.terminal.changing import print_brief

    settings = start.settings()
    return print_brief(settings, start.database(settings), key, for_=for_, language=lang, form=format, now=start.now())


def set_(key: str, *changes: str) -> int:
    """Correct values of a case by hand: priority=P2, status=resolved, owner=me, items.version=8.2.4.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    changes
        Each field=value. `field=` resets a field: the rules decide again.
    """
    from service.cli.terminal.changing import change

    settings = start.settings()
    return change(settings, start.database(settings), key, changes, now=start.now())


def merge(key: str, into: str) -> int:
    """Merge a case into another one. The page of the case can undo this.

    Parameters
    ----------
    key
        Key of the case, such as SD-12.
    into
        Key of the case to keep.
    """
    from service.cli.terminal.changing import merge as merge_cases

    settings = start.settings()
    return merge_cases(settings, start.database(settings), key, into, now=start.now())


def _source(url: str | None, token: str | None) -> Source:
    from service.cli.terminal.source import Local, Remote

    if url:
        return Remote(url, token)
    settings = start.settings()
    return Local(start.database(settings), settings.case_prefix, start.now())
