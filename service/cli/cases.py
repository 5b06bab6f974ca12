"""`sodan cases` and `sodan show`."""

import getpass
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from service.api.case_schema import Sort
from service.api.time_parameters import parse_time
from service.cases.state import Kind, Level, SideToAct, Status
from service.cli import start
from service.cli.printing import print_case, print_cases
from service.errors import Refused
from service.store import cases as stored
from service.store import suggestions, timeline
from service.store.cursor import from_cursor, to_cursor
from service.store.database import Connection


def cases(
    q: str | None = None,
    *,
    status: tuple[Status, ...] = (),
    waiting_on: tuple[SideToAct, ...] = (),
    priority: tuple[Level, ...] = (),
    kind: tuple[Kind, ...] = (),
    vendor: tuple[str, ...] = (),
    vendor_ref: str | None = None,
    missing: str | None = None,
    participant: str | None = None,
    owner: str | None = None,
    updated_since: str | None = None,
    older_than: str | None = None,
    sort: Annotated[Literal["urgency", Sort] | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: int = 50,
    cursor: str | None = None,
    json: bool = False,
) -> None:
    """List the cases that match all options. Repeat an option to allow several values: --priority P1 --priority P2.

    Args:
        q: Words that one mail of the case contains, in Japanese or English; a case key; or a vendor's case number.
        waiting_on: The side that has to act next; none: nobody has to act.
        vendor: Id of a vendor, such as microsoft.
        vendor_ref: A vendor's case number.
        missing: Id of a missing checklist item such as occurred_at, or `any`.
        participant: A mail address or @domain.
        owner: A team member, `me`, or `none`.
        updated_since: Only cases that changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
        older_than: Only cases that did not change since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
        sort: Order: `-` means newest first; priority: P1 first; urgency (default): open P1 cases, then cases to triage,
            then by priority. With --json the default is -updated, as in the API.
        limit: Maximum number of cases, at most 1000.
        cursor: Continue a previous list: the value that it printed at its end.
        json: Print the response of `GET /api/cases` instead of a table.
    """
    if not 1 <= limit <= 1000:
        raise Refused("--limit: expected 1 to 1000")
    desk = start.desk(rules=False)
    which = stored.Filter(
        q=q,
        status=status,
        waiting_on=waiting_on,
        priority=priority,
        kind=kind,
        vendor=vendor,
        vendor_ref=vendor_ref,
        missing=desk.missing_item(missing, "--missing"),
        participant=participant,
        owner=getpass.getuser() if owner == "me" else owner,
        updated_since=parse_time(updated_since, "--updated-since", desk.now()),
        older_than=parse_time(older_than, "--older-than", desk.now()),
    )
    order = sort or ("-updated" if json else "urgency")
    after = from_cursor(cursor)
    items, position = desk.database.read(lambda conn: stored.page(conn, which, order, limit, after, desk.prefix))
    print_cases({"items": items, "next": to_cursor(position)}, as_json=json)


def show(key: start.CaseKey, *, json: bool = False) -> None:
    """Show a case: who has to act next, why it has its priority, what is missing, and the mails.

    Args:
        json: Print the response of `GET /api/cases/KEY` instead.
    """
    desk = start.desk(rules=False)
    number = desk.survivor(key)

    def read(conn: Connection) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        case = stored.to_now(stored.find(conn, number), desk.now())
        case["suggestions"] = suggestions.of_case(conn, number, desk.prefix)
        return case, timeline.page(conn, number, 200, None, desk.prefix)[0]

    case, mails = desk.database.read(read)
    print_case(case, mails, desk.settings.zone, as_json=json)
