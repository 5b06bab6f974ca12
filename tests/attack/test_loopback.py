"""Without a token, only direct calls from this machine are allowed: none through a proxy."""

import http.client
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from service.store.database import Database
from tests.running import Running
from tests.served import free_port, started, wait_until

FORWARDED = {
    "X-Forwarded-For": "192.0.2.7",
    "X-Forwarded-Host": "sodan.corp.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Server": "proxy",
    "X-Real-IP": "192.0.2.7",
    "Forwarded": "for=192.0.2.7",
    "Via": "1.1 proxy",
}
OTHER_NAMES = ("sodan.corp.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "")


def ask(port: int, path: str, headers: dict[str, str], version: int = 11) -> int:
    """Return the status of a GET with only these headers, on a new connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection._http_vsn = version  # type: ignore[attr-defined]
    connection._http_vsn_str = f"HTTP/{version // 10}.{version % 10}"  # type: ignore[attr-defined]
    connection.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("headers", "version", "statuses"),
    [
        *(({"Host": f"{host}:8080"}, 11, (200,)) for host in ("127.0.0.1", "localhost", "[::1]")),
        *(({"Host": "127.0.0.1", name: value}, 11, (401,)) for name, value in FORWARDED.items()),
        *(({"Host": name}, 11, (400, 403)) for name in OTHER_NAMES),
        # a proxy that adds no header, as nginx with a bare ``proxy_pass http://127.0.0.1:8080;``
        ({"Host": "127.0.0.1:8080", "Connection": "close"}, 10, (401,)),
    ],
)
def test_only_a_direct_call_by_a_name_of_this_machine_needs_no_token(
    empty: Running, headers: dict[str, str], version: int, statuses: tuple[int, ...]
) -> None:
    assert ask(httpx.URL(empty.url).port or 0, "/api/cases", headers, version) in statuses


def test_calls_from_this_machine_need_a_token_once_one_exists(embedded: Running) -> None:
    port, secret = httpx.URL(embedded.url).port or 0, embedded.token("team", "read")
    for path in ("/api/cases", "/", "/metrics", "/api/spool", "/docs"):
        assert ask(port, path, {"Host": "127.0.0.1"}) in (303, 401), path
        assert ask(port, path, {"Host": "127.0.0.1", "Authorization": f"Bearer {secret}"}) in (200, 403), path
    assert ask(port, "/healthz", {"Host": "127.0.0.1"}) == 200


def test_without_trust_loopback_every_call_needs_a_token(sqlite: Database, tmp_path: Path) -> None:
    port, url = free_port(), f"sqlite:///{sqlite.url.database}"
    given = {"database_url": url, "http_listen": f"127.0.0.1:{port}", "trust_loopback": "no"}

    def is_up() -> bool:
        with suppress(OSError):
            return ask(port, "/healthz", {"Host": "127.0.0.1"}) == 200
        return False

    with started("api", cwd=tmp_path, **given):
        wait_until(is_up)
        assert ask(port, "/api/cases", {"Host": "127.0.0.1"}) == 401
