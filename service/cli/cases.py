"""`sodan cases` and `sodan show`."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from service.api.case_schema import Kind, Level, Sort, Status
from service.api.moments import moment
from service.cli import start
from service.cli.tables import print_case, print_cases
from service.errors import NotFound, Refused, Unavailable
from service.store import cases as stored
from service.store import suggestions, timeline
from service.store.cursor import from_cursor, to_cursor
from service.store.database import Connection

if TYPE_CHECKING:
    from service.desk import Desk

Url = Annotated[str | None, Parameter(help="Read from the running service at this URL instead of the local database.")]
Secret = Annotated[str | None, Parameter(env_var="SODAN_TOKEN", help="Token for --url.")]


def cases(
    q: str | None = None,
    *,
    status: tuple[Status, ...] = (),
    waiting_on: tuple[Literal["team", "vendor", "requester", "none"], ...] = (),
    priority: tuple[Level, ...] = (),
    kind: tuple[Kind, ...] = (),
    vendor: tuple[str, ...] = (),
    vendor_ref: str | None = None,
    missing: str | None = None,
    participant: str | None = None,
    owner: str | None = None,
    updated_since: str | None = None,
    older_than: str | None = None,
    sort: Annotated[Sort, Parameter(allow_leading_hyphen=True)] = "-updated",
    limit: int = 50,
    cursor: str | None = None,
    json: bool = False,
    url: Url = None,
    token: Secret = None,
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
    print_cases(_source(url, token).cases(query), as_json=json)


def show(key: start.CaseKey, *, json: bool = False, url: Url = None, token: Secret = None) -> None:
    """Show a case: who has to act next, the evidence for its priority, what is missing, and the mails.

    Args:
        json: Print the response of `GET /api/cases/KEY` instead.
    """
    source = _source(url, token)
    case = source.case(key)
    print_case(case, [] if json else source.messages(str(case["key"])), start.settings().zone, as_json=json)


def _source(url: str | None, token: str | None) -> Local | Remote:
    return Remote(url, token) if url else Local(start.desk(rules=False))


class Local:
    """Reads cases from the database that the settings name. Returns them in the format of the API."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.database, self.prefix, self.now = desk, desk.database, desk.prefix, desk.now()

    def cases(self, query: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in query.items() if value not in (None, ())}
        sort, limit, cursor = given.pop("sort"), given.pop("limit"), given.pop("cursor", None)
        if not 1 <= limit <= 1000:
            raise Refused("--limit: expected 1 to 1000")
        for name in ("updated_since", "older_than"):
            if name in given:
                given[name] = moment(given[name], f"--{name.replace('_', '-')}", self.now)
        if "missing" in given:
            given["missing"] = self.desk.missing_item(given["missing"], "--missing")
        if given.get("owner") == "me":
            given["owner"] = getpass.getuser()
        which, after = stored.Filter(**given), from_cursor(cursor)
        items, position = self.database.read(lambda conn: stored.page(conn, which, sort, limit, after, self.prefix))
        return {"items": items, "next": to_cursor(position)}

    def case(self, key: str) -> dict[str, Any]:
        number = self.desk.survivor(key)

        def read(conn: Connection) -> dict[str, Any]:
            open_suggestions = suggestions.of_case(conn, number, self.prefix)
            return stored.to_now(stored.find(conn, number), self.now) | {"suggestions": open_suggestions}

        return self.database.read(read)

    def messages(self, key: str) -> list[dict[str, Any]]:
        number = self.desk.number_of(key)
        return self.database.read(lambda conn: timeline.page(conn, number, 200, None, self.prefix))[0]


class Remote:
    """Reads cases from a running service over HTTP."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def cases(self, query: Mapping[str, Any]) -> dict[str, Any]:
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in query.items() if value}
        return self._get("/api/cases", given)

    def case(self, key: str) -> dict[str, Any]:
        return self._get(f"/api/cases/{key}", {})

    def messages(self, key: str) -> list[dict[str, Any]]:
        return list(self._get(f"/api/cases/{key}/messages", {"limit": 200})["items"])

    def _get(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        import httpx

        try:
            response = httpx.get(self.url + path, params=query, headers=self.headers, timeout=30, follow_redirects=True)
            body = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable(
                f"--url: {self.url} does not respond as a sodan service ({type(error).__name__}); check the address"
            ) from None
        if response.status_code == 401:
            raise Refused(
                "--token: the service at --url needs a valid token (`sodan token create`), here or in SODAN_TOKEN"
            )
        if response.status_code == 404:
            raise NotFound(str(body.get("detail", "not found")))
        if response.status_code != 200:
            errors = "; ".join(f"{error['where']}: {error['why']}" for error in body.get("errors", []))
            raise Refused(f"{body.get('title', response.status_code)}: {errors or body.get('detail', '')}")
        return dict(body)
