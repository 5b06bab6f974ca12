"""`sodan cases` and `sodan show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from service.cli import start

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

    Args:
        q: Words that all occur in one mail, Japanese or English; or a case key, or a vendor's case number.
        waiting_on: The side that has to act next; none: nobody has to.
        vendor: Id of a vendor, such as microsoft.
        vendor_ref: A vendor's case number.
        missing: Id of a missing checklist item such as occurred_at, or `any`.
        participant: A mail address or @domain.
        owner: A team member, `me`, or `none`.
        updated_since: Changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
        older_than: Not changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
        sort: Order: `-` means newest first; priority: P1 first.
        limit: Maximum number of cases, at most 1000.
        cursor: Continue a previous list: the value that it printed at its end.
        json: Print the response of `GET /api/cases` instead of a table.
    """
    query = {
        "q": q, "status": status, "waiting_on": waiting_on, "priority": priority, "kind": kind, "vendor": vendor,
        "vendor_ref": vendor_ref, "missing": missing, "participant": participant, "owner": owner,
        "updated_since": updated_since, "older_than": older_than, "sort": sort, "limit": limit, "cursor": cursor,
    }  # fmt: skip
    from service.cli.terminal.tables import print_cases

    return print_cases(_source(url, token).cases(query), as_json=json)


def show(key: str, *, json: bool = False, url: Url = None, token: Secret = None) -> int:
    """Show a case: who has to act next, the evidence for its priority, what is missing, and the mails.

    Args:
        key: Key of the case, such as SD-12.
        json: Print the response of `GET /api/cases/KEY` instead.
    """
    from service.cli.terminal.tables import print_case

    source = _source(url, token)
    case = source.case(key)
    return print_case(case, [] if json else source.messages(str(case["key"])), as_json=json)


def _source(url: str | None, token: str | None) -> Source:
    from service.cli.terminal.source import Local, Remote

    if url:
        return Remote(url, token)
    settings = start.settings()
    return Local(start.database(settings), settings.case_prefix, start.now())
