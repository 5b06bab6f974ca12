"""`sodan cases` and `sodan show`."""

import getpass
from typing import Annotated, Literal

from cyclopts import Parameter

from service.api.case_schema import Sort
from service.case_query import CaseQuery
from service.cli import start
from service.cli.printing import print_case, print_cases
from service.errors import Refused
from service.store import timeline
from service.store.cursor import to_cursor

ALL = CaseQuery.model_validate({})


def cases(
    words: str | None = None,
    /,
    *,
    query: Annotated[CaseQuery, Parameter(name="*")] = ALL,
    sort: Annotated[Literal["urgency", Sort] | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: int = 50,
    cursor: str | None = None,
    json: bool = False,
) -> None:
    """List the cases that match all options. Repeat an option to allow several values: --priority P1 --priority P2.

    Args:
        words: The same as --q.
        sort: Order: `-` means newest first; priority: P1 first; urgency (default): open P1 cases, then cases to triage,
            then by priority. With --json the default is -updated, as in the API.
        limit: Maximum number of cases, at most 1000.
        cursor: Continue a previous list: the value that it printed at its end.
        json: Print the response of `GET /api/cases` instead of a table.
    """
    if not 1 <= limit <= 1000:
        raise Refused("--limit: expected 1 to 1000")
    desk = start.desk(rules=False)
    query = query if words is None else query.model_copy(update={"q": words})
    order = sort or ("-updated" if json else "urgency")
    items, position = desk.list_cases(query, getpass.getuser(), order, limit, cursor)
    print_cases({"items": items, "next": to_cursor(position)}, as_json=json)


_JSON = "Print the response of `GET /api/cases/KEY` instead."


def show(key: start.CaseKey, *, json: Annotated[bool, Parameter(help=_JSON)] = False) -> None:
    """Show a case: who has to act next, why it has its priority, what is missing, and the mails."""
    desk = start.desk(rules=False)
    number = desk.survivor(key)
    case = desk.document(desk.find(desk.key_of(number)))
    mails, _ = desk.database.read(lambda conn: timeline.page(conn, number, 200, None, desk.prefix))
    print_case(case, mails, desk.settings.zone, as_json=json)
