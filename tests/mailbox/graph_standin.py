"""A stand-in for Microsoft Graph and Microsoft Entra ID, written from the public documentation.

It follows these pages: delta query for messages (learn.microsoft.com/graph/delta-query-messages), MIME content
(/graph/outlook-get-mime-message), immutable ids (/graph/outlook-immutable-id), throttling (/graph/throttling), resync
by 410 (/graph/delta-query-overview), errors (/graph/errors), client credentials
(/entra/identity-platform/v2-oauth2-client-creds-grant-flow, /entra/identity-platform/certificate-credentials). The
service may behave differently in points that these pages do not describe.
"""

import base64
import json
import secrets
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.mailbox.dovecot import CERTIFICATE, KEY
from tests.mailbox.provider import Answer, http_server

USER = "support@corp.example"
TENANT = "corp-tenant"


@dataclass
class Message:
    """A mail in the mailbox; ``id`` is immutable."""

    id: str
    content: bytes
    received: datetime
    folder: str = "inbox-id"
    is_read: bool = False
    is_draft: bool = False
    flagged: bool = False
    categories: list[str] = field(default_factory=list)
    changed: int = 0


@dataclass
class StandIn:
    """The mailbox, and the state of the service, which tests change."""

    url: str = ""
    secret: str = "right"
    lasts: int = 3600
    messages: dict[str, Message] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=lambda: {"Inbox": "inbox-id", "Done": "done-id"})
    clock: int = 0
    valid: set[str] = field(default_factory=set)
    generation: int = 0  # delta tokens of an earlier generation get 410
    throttle_every: int = 0  # one of so many requests gets 429
    throttle_contents: set[str] = field(default_factory=set)  # ids whose ``$value`` gets 503 once
    forbidden: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens_given: int = 0
    roles: list[str] = field(default_factory=list)  # permissions of the app for all mailboxes
    fetched: dict[str, int] = field(default_factory=dict)  # id → number of times that the content was fetched
    guard: threading.RLock = field(default_factory=threading.RLock)

    def deliver(self, *contents: bytes, received: datetime | None = None, **given: Any) -> list[str]:
        ids = []
        with self.guard:
            for content in contents:
                self.clock += 1
                id = f"AAkALg{secrets.token_urlsafe(12)}="
                when = received or datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=self.clock)
                self.messages[id] = Message(id, content, when, changed=self.clock, **given)
                ids.append(id)
        return ids

    # ── answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def token(self, tenant: str, form: dict[str, str]) -> tuple[int, Any]:
        if tenant != TENANT:
            return 400, {"error": "invalid_request", "error_description": "AADSTS90002", "error_codes": [90002]}
        if not self.knows(f"{self.url}/{tenant}/oauth2/v2.0/token", form):
            return 401, {"error": "invalid_client", "error_description": "AADSTS7000215", "error_codes": [7000215]}
        assert form["scope"] == f"{self.url}/.default"
        token = jwt.encode({"jti": secrets.token_hex(8), "roles": self.roles}, "k" * 32)
        self.valid.add(token)
        self.tokens_given += 1
        return 200, {"token_type": "Bearer", "expires_in": self.lasts, "access_token": token}

    def knows(self, audience: str, form: dict[str, str]) -> bool:
        """Return whether the secret or the signed assertion of the app is valid."""
        if "client_assertion" not in form:
            return form.get("client_secret") == self.secret
        certificate = x509.load_pem_x509_certificate(CERTIFICATE.read_bytes())
        assertion = form["client_assertion"]
        digest = base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).decode().rstrip("=")
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert jwt.get_unverified_header(assertion)["x5t#S256"] == digest
        claims = jwt.decode(assertion, certificate.public_key(), ["PS256"], audience=audience)  # type: ignore[arg-type]
        return bool(claims["iss"] == claims["sub"] == form["client_id"] == "app" and claims["jti"] and claims["nbf"])

    def delta(self, folder: str, query: dict[str, str], size: int) -> tuple[int, Any]:
        """Return a page of changes with a link to the next page, or to the begin of the next round."""
        link = query.get("$skiptoken") or query.get("$deltatoken") or f"{self.generation}.0.{self.clock}.0"
        generation, since, until, done = map(int, link.split("."))
        if generation != self.generation:
            return 410, {"error": {"code": "SyncStateNotFound", "message": "The sync state generation is not found"}}
        if "$deltatoken" in query:
            until = self.clock
        there = [m for m in self.messages.values() if m.folder == folder and since < m.changed <= until]
        there.sort(key=lambda m: m.id)
        page, rest = there[done : done + size], there[done + size :]
        base = f"{self.url}/v1.0/users/{USER}/mailFolders('{folder}')/messages/delta"
        answer: dict[str, Any] = {"value": [self.row(m) for m in page]}
        if rest:
            answer["@odata.nextLink"] = f"{base}?$skiptoken={generation}.{since}.{until}.{done + size}"
        else:
            answer["@odata.deltaLink"] = f"{base}?$deltatoken={generation}.{until}.{until}.0"
            answer["value"].append({"id": "AAkALgone=", "@removed": {"reason": "deleted"}})
        return 200, answer

    @staticmethod
    def row(m: Message) -> dict[str, Any]:
        return {"id": m.id, "receivedDateTime": m.received.strftime("%Y-%m-%dT%H:%M:%SZ"), "isDraft": m.is_draft}

    def message(self, method: str, id: str, action: str, body: Any) -> tuple[int, Any]:
        m = self.messages.get(id)
        if m is None:
            return 404, {"error": {"code": "ErrorItemNotFound"}}
        if action == "$value":
            if id in self.throttle_contents:
                self.throttle_contents.discard(id)
                return 503, {"error": {"code": "ServiceUnavailable"}}
            self.fetched[id] = self.fetched.get(id, 0) + 1
            return 200, m.content
        if action == "move":
            m.folder = body["destinationId"]
            self.clock += 1
            m.changed = self.clock
            return 201, {"id": m.id}
        if method == "PATCH":
            m.is_read = body.get("isRead", m.is_read)
            m.flagged = body.get("flag", {}).get("flagStatus") == "flagged" or m.flagged
            m.categories = body.get("categories", m.categories)
            self.clock += 1
            m.changed = self.clock  # changes by sodan are reported, too
            return 200, {"id": m.id}
        return 200, {**self.row(m), "categories": m.categories, "parentFolderId": m.folder, "isRead": m.is_read}


def _answer(site: StandIn, method: str, path: str, headers: Any, body: bytes) -> Answer:
    parts = urlsplit(path)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    route = unquote(parts.path)
    if route.endswith("/oauth2/v2.0/token"):
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        status, answer = site.token(route.split("/")[1], form)
        return status, answer, {}
    site.requests.append((method, route))
    if headers.get("Authorization", "").removeprefix("Bearer ") not in site.valid:
        return 401, {"error": {"code": "InvalidAuthenticationToken"}}, {}
    if site.forbidden or not route.startswith(f"/v1.0/users/{USER}/"):
        return 403, {"error": {"code": "ErrorAccessDenied"}}, {}
    if site.throttle_every and len(site.requests) % site.throttle_every == 0:
        return 429, {"error": {"code": "TooManyRequests"}}, {"Retry-After": "7"}
    assert 'IdType="ImmutableId"' in headers.get("Prefer", "")
    rest = route.removeprefix(f"/v1.0/users/{USER}/").replace("('", "/").replace("')", "").split("/")
    if rest[0] == "messages":
        status, answer = site.message(method, rest[1], "/".join(rest[2:]), json.loads(body or b"null"))
        return status, answer, {"Retry-After": "2"} if status == 503 else {}
    if len(rest) == 1 or rest[-1] == "childFolders":
        wanted = query.get("$filter", "").partition("eq '")[2].rstrip("'")
        return 200, {"value": [{"id": id} for name, id in site.folders.items() if name == wanted]}, {}
    folder = "inbox-id" if rest[1] == "inbox" else rest[1]
    if folder not in site.folders.values():
        return 404, {"error": {"code": "ErrorItemNotFound"}}, {}
    if rest[-1] == "delta":
        size = int(headers.get("Prefer", "").partition("odata.maxpagesize=")[2].partition(",")[0] or 10)
        return *site.delta(folder, query, size), {}
    inside = [m for m in site.messages.values() if m.folder == folder]
    if rest[-1] == "messages":
        return 200, {"value": [{"id": m.id, "isRead": m.is_read} for m in inside[-1:]]}, {}
    return 200, {"id": folder, "totalItemCount": len(inside)}, {}


@contextmanager
def a_standin() -> Iterator[StandIn]:
    site = StandIn()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)

    def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
        with site.guard:
            return _answer(site, method, path, headers, body)

    with http_server(answer, context) as port:
        site.url = f"https://localhost:{port}"
        yield site
