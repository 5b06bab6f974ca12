"""Checks as a client whether the listeners respond: a process that hangs accepts connections but sends nothing."""

from __future__ import annotations

import contextlib
import socket

import httpx

from service.settings import Listen

SECONDS = 5.0

Finding = tuple[bool, str]


def smtp(listen: Listen) -> Finding:
    """Check the SMTP greeting (RFC 5321 §4.2): 220, or 421 while the server is full."""
    try:
        with socket.create_connection(_where(listen), timeout=SECONDS) as client:
            client.settimeout(SECONDS)
            said = client.recv(512).decode("ascii", errors="replace").strip()
            with contextlib.suppress(OSError):
                client.sendall(b"QUIT\r\n")
    except TimeoutError:
        return False, f"SMTP: {listen} accepts connections but sends nothing; the process hangs. Restart it"
    except OSError:
        return True, f"SMTP: nothing listens on {listen} (sodan is not running)"
    if said.startswith("220"):
        return True, f"SMTP: {listen} responds"
    return False, f"SMTP: {listen} replied {said[:100] or 'nothing'}; it refuses clients. Read the log of the process"


def http(listen: Listen) -> Finding:
    """Check the response to ``/readyz``."""
    try:
        status = httpx.get(f"http://{Listen(*_where(listen))}/readyz", timeout=SECONDS, trust_env=False).status_code
    except httpx.TimeoutException:
        return False, f"HTTP: {listen} accepts connections but sends nothing; the process hangs. Restart it"
    except (httpx.HTTPError, httpx.InvalidURL):
        return True, f"HTTP: nothing listens on {listen} (sodan is not running)"
    if status == 503:
        return (
            False,
            f"HTTP: {listen} is not ready (/readyz: 503); it cannot store mail. See the lines about the database",
        )
    return True, f"HTTP: {listen} responds{' and is ready' if status == 200 else ''}"


def _where(listen: Listen) -> tuple[str, int]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asking, not listening
    return host, listen.port
