"""A Microsoft 365 mailbox, read through Microsoft Graph with application permissions.

Folders are polled with delta queries (https://learn.microsoft.com/graph/delta-query-messages). Ids are immutable, so a
mail keeps its place when it is moved. Mails are fetched as MIME through ``$value``. A throttled request (429, 503, 504)
waits for ``Retry-After``. If the service no longer knows a delta token (410), the folder is read from the beginning;
mails already recorded are recognised by their id.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import jwt

from service.mailbox.file import After, Graph
from service.mailbox.oauth import Tokens, seconds
from service.mailbox.source import (
    FolderMissing,
    FolderState,
    Found,
    MailboxError,
    MailUnreadable,
    Page,
    SignInRefused,
    position_of,
    reached,
    trust,
)

PAGE = 50
THROTTLED = (429, 503, 504)
TRIES = 5
"""Number of times a throttled request is sent before the whole mailbox backs off."""
LONGEST_WAIT = 120.0
"""Maximum seconds one request waits; if the server asks for more, the mailbox backs off."""
_DEFAULT_WAIT = 5.0
_NO_ACCESS = (
    "give the app Mail.Read (Mail.ReadWrite to flag or move) for this mailbox by RBAC for Applications; "
    "a new right takes up to two hours"
)


class _Expired(Exception):
    """410: the service no longer knows the delta token."""


class _NotThere(Exception):
    """404: the mail, folder or mailbox does not exist."""


class GraphSource:
    """One mailbox, read through Microsoft Graph."""

    batch = 10

    def __init__(
        self, given: Graph, address: str, after: After, tokens: Tokens, max_bytes: int,
        pause: Callable[[float], object],
    ) -> None:  # fmt: skip
        """``pause`` waits the given seconds, or less if the process is to stop."""
        self._given = given
        self._after = after
        self._tokens = tokens
        self._max_bytes = max_bytes
        self._pause = pause
        self._user = f"{given.url}/users/{quote(given.mailbox or address, safe='')}"
        self._client: httpx.Client | None = None
        self._ids: dict[str, str] = {}

    def open(self) -> None:
        if self._client is None:
            self._client = httpx.Client(timeout=self._given.timeout, verify=trust(self._given.ca_file))

    def close(self) -> None:
        client, self._client = self._client, None
        self._ids = {}
        if client is not None:
            client.close()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        if link := reached(position, since).get("link"):
            try:
                yield from self._round(link, since)
                return
            except _Expired:
                pass  # start again; mails already recorded are recognised by their id
        start = f"{self._user}/mailFolders/{self._folder(folder)}/messages/delta"
        try:
            yield from self._round(f"{start}?$select=receivedDateTime,isDraft", since)
        except _Expired:
            raise MailboxError("Graph lost its position while listing mail", "it is retried automatically") from None

    def _round(self, link: str, since: datetime | None) -> Iterator[Page]:
        while True:
            page = self._json("GET", link, prefer=f"odata.maxpagesize={PAGE}, ")
            there = [self._of(one) for one in page.get("value", ()) if "@removed" not in one and not one.get("isDraft")]
            found = [one for one in there if one and (since is None or one.arrived_at >= since)]
            following = page.get("@odata.nextLink") or page.get("@odata.deltaLink")
            if not following:
                raise MailboxError(
                    "a page of Graph contains no link to the next", "it is retried; report it if it lasts"
                )
            yield Page(found, position_of(since, link=following))
            if "@odata.nextLink" not in page:
                return
            link = following

    def _of(self, one: dict[str, Any]) -> Found | None:
        """Return the mail of a delta row; a row for a changed mail may contain only the changed fields."""
        place = str(one["id"])
        return Found(place, _moment(one["receivedDateTime"])) if "receivedDateTime" in one else self.find("", place)

    def fetch(self, folder: str, found: Sequence[Found]) -> dict[str, bytes | None]:
        contents: dict[str, bytes | None] = {}
        for one in found:
            try:
                contents[one.place] = self._send("GET", f"{self._message(one.place)}/$value")
            except _NotThere:
                contents[one.place] = None
        return contents

    def find(self, folder: str, place: str) -> Found | None:
        try:
            one = self._json("GET", f"{self._message(place)}?$select=receivedDateTime")
        except _NotThere:
            return None
        return Found(place, _moment(one["receivedDateTime"]))

    def subject(self, folder: str, found: Found) -> str:
        return str(self._json("GET", f"{self._message(found.place)}?$select=subject").get("subject") or "")

    def _message(self, place: str) -> str:
        return f"{self._user}/messages/{quote(place, safe='')}"

    def _folder(self, folder: str) -> str:
        """Return the id of a folder: ``inbox``, or a path of display names such as ``Inbox/Support``."""
        if folder.casefold() == "inbox":
            return "inbox"
        if folder not in self._ids:
            at, within = f"{self._user}/mailFolders", ""
            for name in folder.split("/"):
                if not within and name.casefold() == "inbox":
                    within = "inbox"
                else:
                    wanted = quote(name.replace("'", "''"), safe="")
                    found = self._json("GET", f"{at}?$filter=displayName eq '{wanted}'&$select=id").get("value", ())
                    if not found:
                        raise FolderMissing(f"there is no folder {folder}", "list an existing folder under folders")
                    within = str(found[0]["id"])
                at = f"{self._user}/mailFolders/{within}/childFolders"
            self._ids[folder] = within
        return self._ids[folder]

    # ── what happens to a mail ───────────────────────────────────────────────────────────────────────────────────────

    def mark(self, folder: str, places: Sequence[str]) -> None:
        for place in places:
            try:
                if self._after.move is not None:
                    self._move(self._message(place), self._folder(self._after.move))
                elif self._after.flag is not None:
                    self._flag(self._message(place), self._after.flag)
            except _NotThere:
                continue  # it was moved or deleted there; it is stored here anyway

    def _flag(self, url: str, flag: str) -> None:
        if flag == "seen":
            change: dict[str, Any] = {"isRead": True}
        elif flag == "flagged":
            change = {"flag": {"flagStatus": "flagged"}}
        else:
            there = self._json("GET", f"{url}?$select=categories").get("categories", [])
            if flag in there:
                return
            change = {"categories": [*there, flag]}
        self._json("PATCH", url, body=change)

    def _move(self, url: str, to: str) -> None:
        there = self._json("GET", f"{url}?$select=parentFolderId").get("parentFolderId")
        if there != to:
            self._json("POST", f"{url}/move", body={"destinationId": to})

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        stop.wait(seconds)

    # ── testing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def examine(self, folder: str) -> FolderState:
        problems: list[tuple[str, str]] = []
        try:
            url = f"{self._user}/mailFolders/{self._folder(folder)}"
            about = self._json("GET", f"{url}?$select=totalItemCount")
            newest = self._json("GET", f"{url}/messages?$top=1&$select=isRead").get("value", ())
        except _NotThere:
            raise FolderMissing(
                f"there is no folder {folder}, or no such mailbox", "check folders and graph.mailbox"
            ) from None
        if self._after.move is not None:
            self._folder(self._after.move)
        if self._after != After() and newest:
            try:  # writes the current value: changes nothing, but shows whether writing is allowed
                self._json("PATCH", self._message(str(newest[0]["id"])), body={"isRead": newest[0]["isRead"]})
            except SignInRefused as error:
                problems.append((error.cause, error.next_step))
            except _NotThere:
                pass
        return FolderState(about.get("totalItemCount"), problems, self._notes())

    def _notes(self) -> list[str]:
        """Return a note if the token has permissions for every mailbox.

        Permissions through RBAC for Applications are not in the token.
        """
        try:
            claims = jwt.decode(self._tokens.token(), options={"verify_signature": False})
        except jwt.PyJWTError:
            return []
        wide = ", ".join(sorted(role for role in claims.get("roles", ()) if str(role).startswith("Mail.")))
        return (
            [f"the app has {wide} for every mailbox of the tenant: limit it by RBAC for Applications"] if wide else []
        )

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _json(self, method: str, url: str, *, body: Any = None, prefer: str = "") -> dict[str, Any]:
        content = self._send(method, url, body, prefer)
        try:
            answer = json.loads(content) if content else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise MailboxError("the response of Graph is not JSON", "check whether a proxy is in between")
        return answer

    def _send(self, method: str, url: str, body: Any = None, prefer: str = "") -> bytes:
        """Send a request, again with a new token or after the wait that the service asks for; return the body."""
        if urlsplit(url)[:2] != urlsplit(self._given.url)[:2]:
            raise MailboxError("Graph returned a link to another host", "check graph.url")
        tried, renewed = 1, False
        while True:
            status, headers, content = self._once(method, url, body, prefer)
            if status < 300:
                return content
            if status == 401 and not renewed and self._tokens.refused():
                renewed = True
                continue
            if status not in THROTTLED:
                raise _refusal(status, content)
            asked = seconds(headers.get("retry-after"))
            wait = _DEFAULT_WAIT * tried if asked is None else asked
            if tried == TRIES or wait > LONGEST_WAIT:
                raise MailboxError(
                    f"Graph limits the requests ({status})", "it is retried automatically", retry_after=wait
                )
            self._pause(wait)
            tried += 1

    def _once(self, method: str, url: str, body: Any, prefer: str) -> tuple[int, httpx.Headers, bytes]:
        """Send one request and return status, headers and body. Reading stops once the body exceeds the size limit."""
        self.open()
        assert self._client is not None
        headers = {"Authorization": f"Bearer {self._tokens.token()}", "Prefer": f'{prefer}IdType="ImmutableId"'}
        read = bytearray()
        try:
            with self._client.stream(method, url, json=body, headers=headers) as response:
                for chunk in response.iter_bytes():
                    read += chunk
                    if len(read) > self._max_bytes:
                        break
                return response.status_code, response.headers, bytes(read)
        except httpx.HTTPError as error:
            words = f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__})"
            raise MailboxError(words, "check the network and the proxy") from None


def _moment(written: object) -> datetime:
    return datetime.fromisoformat(str(written).replace("Z", "+00:00")).astimezone(UTC)


def _refusal(status: int, content: bytes) -> Exception:
    """Return the exception for a refused request."""
    try:
        code = str(json.loads(content)["error"]["code"])[:80]
    except (ValueError, KeyError, TypeError):
        code = ""
    words = f"{status} {code}".strip()
    if status == 410 or code.casefold() in ("syncstatenotfound", "resyncrequired"):
        return _Expired()
    if status == 404 and code == "MailboxNotEnabledForRESTAPI":
        return SignInRefused(f"there is no such mailbox in Exchange Online ({words})", "check graph.mailbox")
    if status == 404:
        return _NotThere()
    if status == 401:
        return SignInRefused(f"Graph refuses the token ({words})", "check tenant, client_id and secret")
    if status == 403:
        return SignInRefused(f"the app has no access to this mailbox ({words})", _NO_ACCESS)
    if status >= 500:
        return MailUnreadable(f"Graph responds with {words}", "nothing to do: sodan retries automatically")
    return MailboxError(f"Graph refuses a request ({words})", "report this line")
