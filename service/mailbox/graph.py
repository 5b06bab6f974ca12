"""A Microsoft 365 mailbox, read through Microsoft Graph with application permissions.

Folders are polled with delta queries (https://learn.microsoft.com/graph/delta-query-messages). Immutable ids are used,
so that a moved mail keeps its place. Mails are fetched as MIME through ``$value``. If the service no longer knows a
delta token (410), the folder is read from the beginning, and known mails are skipped by their id.
"""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import jwt

from service.mailbox.oauth import Tokens
from service.mailbox.settings import After, Graph
from service.mailbox.source import (
    FolderMissing,
    FolderState,
    ListedMail,
    MailboxError,
    MailUnreadable,
    Page,
    SignInRefused,
    decode_position,
    encode_position,
    tls_context,
)
from service.rate import retry_after

PAGE = 50
THROTTLED = (429, 503, 504)
TRIES = 5  # number of times that a throttled request is sent before it fails
LONGEST_WAIT = 120.0
"""Maximum seconds to wait before a throttled request is sent again; if the server requires more, it fails."""
_DEFAULT_WAIT = 5.0
_RETRIES = "sodan tries again automatically"
_NO_ACCESS = (
    "give the app Mail.Read (Mail.ReadWrite to flag or move) for this mailbox by RBAC for Applications; "
    "a new right takes up to two hours"
)


class _Expired(Exception):
    """The service no longer knows the delta token (410)."""


class _NotThere(Exception):
    """The mail, folder or mailbox does not exist (404)."""


@dataclass
class GraphSource:
    """One mailbox, read through Microsoft Graph."""

    config: Graph
    address: str
    after: After
    tokens: Tokens
    max_bytes: int
    pause: Callable[[float], object]  # waits for a number of seconds, or until the process stops
    batch: int = 10
    _client: httpx.Client | None = None
    _ids: dict[str, str] = field(default_factory=dict)  # path of a folder → its id

    @property
    def _user(self) -> str:
        return f"{self.config.url}/users/{quote(self.config.mailbox or self.address, safe='')}"

    def open(self) -> None:
        if self._client is None:
            self._client = httpx.Client(timeout=self.config.timeout, verify=tls_context(self.config.ca_file))

    def close(self) -> None:
        client, self._client = self._client, None
        self._ids = {}
        if client is not None:
            client.close()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self, folder: str, position: str | None, since: datetime | None) -> Iterator[Page]:
        if link := decode_position(position, since).get("link"):
            with contextlib.suppress(_Expired):  # then the folder is read from the beginning
                yield from self._pages_from(link, since)
                return
        start = f"{self._user}/mailFolders/{self._folder(folder)}/messages/delta"
        try:
            yield from self._pages_from(f"{start}?$select=receivedDateTime,isDraft", since)
        except _Expired:
            raise MailboxError("Graph lost its position while listing mail", _RETRIES) from None

    def _pages_from(self, link: str, since: datetime | None) -> Iterator[Page]:
        while True:
            page = self._json("GET", link, prefer=f"odata.maxpagesize={PAGE}, ")
            rows = [row for row in page.get("value", ()) if "@removed" not in row and not row.get("isDraft")]
            mails = filter(None, map(self._listed_mail, rows))
            wanted = [mail for mail in mails if since is None or mail.arrived_at >= since]
            following = page.get("@odata.nextLink") or page.get("@odata.deltaLink")
            if not following:
                raise MailboxError("a page of Graph contains no link to the next", f"{_RETRIES}; report it if it stays")
            yield Page(wanted, encode_position(since, link=following))
            if "@odata.nextLink" not in page:
                return
            link = following

    def _listed_mail(self, row: dict[str, Any]) -> ListedMail | None:
        """Return the list entry for a row of a delta query, or None. A row may have only the changed fields."""
        place = str(row["id"])
        return ListedMail(place, _time(row["receivedDateTime"])) if "receivedDateTime" in row else self.find("", place)

    def fetch(self, folder: str, mails: Sequence[ListedMail]) -> dict[str, bytes | None]:
        contents: dict[str, bytes | None] = {mail.place: None for mail in mails}
        for place in contents:
            with contextlib.suppress(_NotThere):
                contents[place] = self._send("GET", f"{self._message(place)}/$value")
        return contents

    def find(self, folder: str, place: str) -> ListedMail | None:
        try:
            message = self._json("GET", f"{self._message(place)}?$select=receivedDateTime")
        except _NotThere:
            return None
        return ListedMail(place, _time(message["receivedDateTime"]))

    def _message(self, place: str) -> str:
        return f"{self._user}/messages/{quote(place, safe='')}"

    def _folder(self, folder: str) -> str:
        """Return the id of a folder: ``inbox``, or a path of folder names such as ``Inbox/Support``."""
        if folder.casefold() == "inbox":
            return "inbox"
        if folder not in self._ids:
            url, folder_id = f"{self._user}/mailFolders", ""
            for name in folder.split("/"):
                if not folder_id and name.casefold() == "inbox":
                    folder_id = "inbox"
                else:
                    wanted = quote(name.replace("'", "''"), safe="")
                    folders = self._json("GET", f"{url}?$filter=displayName eq '{wanted}'&$select=id").get("value", ())
                    if not folders:
                        raise FolderMissing(f"there is no folder {folder}", "list an existing folder under folders")
                    folder_id = str(folders[0]["id"])
                url = f"{self._user}/mailFolders/{folder_id}/childFolders"
            self._ids[folder] = folder_id
        return self._ids[folder]

    def mark(self, folder: str, places: Sequence[str]) -> None:
        for place in places:
            with contextlib.suppress(_NotThere):  # somebody moved or deleted the mail, but sodan has stored it
                if self.after.move is not None:
                    self._move(self._message(place), self._folder(self.after.move))
                elif self.after.flag is not None:
                    self._flag(self._message(place), self.after.flag)

    def _flag(self, url: str, flag: str) -> None:
        if flag == "seen":
            change: dict[str, Any] = {"isRead": True}
        elif flag == "flagged":
            change = {"flag": {"flagStatus": "flagged"}}
        else:
            categories = self._json("GET", f"{url}?$select=categories").get("categories", [])
            if flag in categories:
                return
            change = {"categories": [*categories, flag]}
        self._json("PATCH", url, body=change)

    def _move(self, url: str, to: str) -> None:
        current = self._json("GET", f"{url}?$select=parentFolderId").get("parentFolderId")
        if current != to:
            self._json("POST", f"{url}/move", body={"destinationId": to})

    def wait(self, folders: Sequence[str], seconds: float, stop: threading.Event) -> None:
        stop.wait(seconds)

    def examine(self, folder: str) -> FolderState:
        problems: list[tuple[str, str]] = []
        try:
            url = f"{self._user}/mailFolders/{self._folder(folder)}"
            state = self._json("GET", f"{url}?$select=totalItemCount")
            newest = self._json("GET", f"{url}/messages?$top=1&$select=isRead").get("value", ())
        except _NotThere:
            raise FolderMissing(
                f"there is no folder {folder}, or no such mailbox", "check folders and graph.mailbox"
            ) from None
        if self.after.move is not None:
            self._folder(self.after.move)
        if self.after != After() and newest:
            try:  # write the current value, to test whether writing is allowed
                self._json("PATCH", self._message(str(newest[0]["id"])), body={"isRead": newest[0]["isRead"]})
            except SignInRefused as error:
                problems.append((error.cause, error.next_step))
            except _NotThere:
                pass
        return FolderState(state.get("totalItemCount"), problems, self._notes())

    def _notes(self) -> list[str]:
        """Return a warning if the app may access every mailbox of the tenant.

        The token lists permissions for all mailboxes, not those granted by RBAC for Applications.
        """
        try:
            claims = jwt.decode(self.tokens.token(), options={"verify_signature": False})
        except jwt.PyJWTError:
            return []
        permissions = ", ".join(sorted(role for role in claims.get("roles", ()) if str(role).startswith("Mail.")))
        note = f"the app has {permissions} for every mailbox of the tenant: limit it by RBAC for Applications"
        return [note] if permissions else []

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _json(self, method: str, url: str, *, body: Any = None, prefer: str = "") -> dict[str, Any]:
        content = self._send(method, url, body, prefer)
        try:
            answer = json.loads(content or b"{}")
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise MailboxError("the response of Graph is not JSON", "check whether a proxy changes the response")
        return answer

    def _send(self, method: str, url: str, body: Any = None, prefer: str = "") -> bytes:
        """Send a request and return the body. After 401, repeat it with a new token; if throttled, repeat it later."""
        if urlsplit(url)[:2] != urlsplit(self.config.url)[:2]:
            raise MailboxError("Graph returned a link to another host", "check graph.url")
        tries, has_new_token = 1, False
        while True:
            status, headers, content = self._send_once(method, url, body, prefer)
            if status < 300:
                return content
            if status == 401 and not has_new_token and self.tokens.refused():
                has_new_token = True
                continue
            if status not in THROTTLED:
                raise _error(status, content)
            required = retry_after(headers)
            wait = _DEFAULT_WAIT * tries if required is None else required
            if tries == TRIES or wait > LONGEST_WAIT:
                raise MailboxError(f"Graph limits the requests ({status})", _RETRIES, retry_after=wait)
            self.pause(wait)
            tries += 1

    def _send_once(self, method: str, url: str, body: Any, prefer: str) -> tuple[int, httpx.Headers, bytes]:
        """Send a request and return (status, headers, body). A body that is too large is truncated."""
        self.open()
        assert self._client is not None
        headers = {"Authorization": f"Bearer {self.tokens.token()}", "Prefer": f'{prefer}IdType="ImmutableId"'}
        body_read = bytearray()
        try:
            with self._client.stream(method, url, json=body, headers=headers) as response:
                for chunk in response.iter_bytes():
                    body_read += chunk
                    if len(body_read) > self.max_bytes:
                        break
                return response.status_code, response.headers, bytes(body_read)
        except httpx.HTTPError as error:
            cause = f"{urlsplit(url).netloc} cannot be reached ({type(error).__name__})"
            raise MailboxError(cause, "check the network and the proxy") from None


def _time(written: object) -> datetime:
    return datetime.fromisoformat(str(written).replace("Z", "+00:00")).astimezone(UTC)


def _error(status: int, content: bytes) -> Exception:
    try:
        code = str(json.loads(content)["error"]["code"])[:80]
    except (ValueError, KeyError, TypeError):
        code = ""
    status_text = f"{status} {code}".strip()
    if status == 410 or code.casefold() in ("syncstatenotfound", "resyncrequired"):
        return _Expired()
    if status == 404 and code == "MailboxNotEnabledForRESTAPI":
        return SignInRefused(f"there is no such mailbox in Exchange Online ({status_text})", "check graph.mailbox")
    if status == 404:
        return _NotThere()
    if status == 401:
        return SignInRefused(f"Graph refuses the token ({status_text})", "check tenant, client_id and secret")
    if status == 403:
        return SignInRefused(f"the app has no access to this mailbox ({status_text})", _NO_ACCESS)
    if status >= 500:
        return MailUnreadable(f"Graph responds with {status_text}", "nothing to do: sodan retries automatically")
    return MailboxError(f"Graph refuses a request ({status_text})", "report this line")
