"""An OAuth 2.0 provider with token endpoint and introspection (RFC 6749, RFC 7662); a server for HTTP tests."""

import json
import secrets
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import parse_qs

import jwt


@dataclass
class Provider:
    """The state of the provider, which tests change while sodan runs."""

    url: str = ""
    lasts: int = 3600  # ``expires_in`` of access tokens, in seconds
    refresh_tokens: set[str] = field(default_factory=lambda: {"first"})
    rotates: bool = False  # whether each refresh token can be used only once
    valid: set[str] = field(default_factory=set)  # valid access tokens
    given: list[dict[str, str]] = field(default_factory=list)  # token requests, oldest first
    status: int = 200
    error: str = "temporarily_unavailable"  # the error code if ``status`` is not 200
    public_key: Any = None  # of the service account

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.given.append(form)
        if self.status != 200:
            return self.status, {"error": self.error}
        answer: dict[str, Any] = {"token_type": "Bearer", "expires_in": self.lasts}
        kind = form.get("grant_type")
        if kind == "refresh_token":
            if form.get("refresh_token") not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
            if self.rotates:
                self.refresh_tokens.discard(form["refresh_token"])
                answer["refresh_token"] = secrets.token_hex(8)
                self.refresh_tokens.add(answer["refresh_token"])
        elif kind == "urn:ietf:params:oauth:grant-type:jwt-bearer":
            claims = jwt.decode(form["assertion"], self.public_key, algorithms=["RS256"], audience=f"{self.url}/token")
            if claims["sub"] != "support":
                return 400, {"error": "invalid_grant"}
        else:
            return 400, {"error": "unsupported_grant_type"}
        answer["access_token"] = secrets.token_hex(8)
        self.valid.add(answer["access_token"])
        return 200, answer

    def revoke_all(self) -> None:
        """Revoke all tokens, as an administrator who ends all sessions of the app."""
        self.valid.clear()
        self.refresh_tokens.clear()


@contextmanager
def a_provider() -> Iterator[Provider]:
    provider = Provider()

    def answer(_method: str, path: str, _headers: Any, body: bytes) -> Answer:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if path == "/token":
            return *provider.grant(form), {}
        active = form.get("token") in provider.valid
        return 200, {"active": active, **({"username": "support"} if active else {})}, {}

    with http_server(answer) as port:
        provider.url = f"http://127.0.0.1:{port}"
        yield provider


Answer = tuple[int, Any, dict[str, str]]  # status, content (bytes, or a document for JSON), further headers


@contextmanager
def http_server(answer: Callable[[str, str, Any, bytes], Answer], tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a server; the value is its port. ``answer`` gets method, path, headers and body of a request."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # otherwise each response waits 40 ms for an acknowledgement

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, headers = answer(self.command, self.path, self.headers, body)
            written = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            kind = "text/plain" if isinstance(content, bytes) else "application/json"
            usual = {"Content-Type": kind, "Content-Length": str(len(written))}
            for name, value in {**usual, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(written)
            self.close_connection |= headers.get("Content-Length", usual["Content-Length"]) != usual["Content-Length"]

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def dovecot_settings(provider: Provider) -> str:
    """Return the configuration of a Dovecot that lets the provider check each token."""
    return Template(Path(__file__).with_name("oauth.conf").read_text()).substitute(url=provider.url)
