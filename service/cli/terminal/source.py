"""Data source of `sodan cases` and `show`: the local database, or a running service by its URL."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from service.errors import NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from service.store.database import Database

Query = Mapping[str, Any]


class Source(Protocol):
    """A source of cases and messages."""

    def cases(self, query: Query) -> dict[str, Any]: ...

    def case(self, key: str) -> dict[str, Any]: ...

    def messages(self, key: str) -> list[dict[str, Any]]: ...


class Local:
    """The database of the settings."""

    def __init__(self, database: Database, prefix: str, now: datetime) -> None:
        self.database, self.prefix, self.now = database, prefix, now

    def cases(self, query: Query) -> dict[str, Any]:
        from service.api.moments import moment
        from service.store import cases
        from service.store.cursor import from_cursor, to_cursor

        given = {name: value for name, value in query.items() if value not in (None, ())}
        sort, limit, cursor = given.pop("sort"), given.pop("limit"), given.pop("cursor", None)
        if not 1 <= limit <= 1000:
            raise Refused("--limit: expected 1 to 1000")
        for name in ("updated_since", "older_than"):
            if name in given:
                given[name] = moment(given[name], f"--{name.replace('_', '-')}", self.now)
        if given.get("owner") == "me":
            given["owner"] = getpass.getuser()
        which, after = cases.Filter(**given), from_cursor(cursor)
        items, place = self.database.read(lambda conn: cases.page(conn, which, sort, limit, after, self.prefix))
        return {"items": items, "next": to_cursor(place)}

    def case(self, key: str) -> dict[str, Any]:
        from service.store import cases

        try:
            number = cases.number_of(key, self.prefix)
            there = self.database.read(lambda conn: cases.survivor(conn, number))
            return cases.to_now(self.database.read(lambda conn: cases.find(conn, there)), self.now)
        except NotFound:
            raise NotFound(f"there is no case {key[:40]}") from None

    def messages(self, key: str) -> list[dict[str, Any]]:
        from service.store import cases, timeline

        number = cases.number_of(key, self.prefix)
        return self.database.read(lambda conn: timeline.page(conn, number, 200, None, self.prefix))[0]


class Remote:
    """A running service."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def cases(self, query: Query) -> dict[str, Any]:
        given = {name: list(value) if isinstance(value, tuple) else value for name, value in query.items() if value}
        return self._get("/api/cases", given)

    def case(self, key: str) -> dict[str, Any]:
        return self._get(f"/api/cases/{key}", {})

    def messages(self, key: str) -> list[dict[str, Any]]:
        return list(self._get(f"/api/cases/{key}/messages", {"limit": 200})["items"])

    def _get(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        import httpx

        try:
            answer = httpx.get(self.url + path, params=query, headers=self.headers, timeout=30, follow_redirects=True)
            said = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable(
                f"--url: {self.url} does not respond as a sodan service ({type(error).__name__}); check the address"
            ) from None
        if answer.status_code == 404:
            raise NotFound(str(said.get("detail", "not found")))
        if answer.status_code != 200:
            wrong = "; ".join(f"{one['where']}: {one['why']}" for one in said.get("errors", []))
            raise Refused(f"{said.get('title', answer.status_code)}: {wrong or said.get('detail', '')}")
        return dict(said)
