"""Checks whether the SMTP and HTTP servers respond. A process that hangs accepts connections but sends nothing."""

import contextlib
import socket

import httpx

from service.settings import Listen

SECONDS = 5.0  # time limit for a response

Finding = tuple[bool, str]  # whether all is well, and the text for the user


def smtp(listen: Listen) -> Finding:
    """Check the SMTP greeting: it must be 220 (RFC 5321 §4.2)."""
    try:
        with socket.create_connection(_address(listen), timeout=SECONDS) as client:
            client.settimeout(SECONDS)
            greeting = client.recv(512).decode("ascii", errors="replace").strip()
            with contextlib.suppress(OSError):
                client.sendall(b"QUIT\r\n")
    except TimeoutError:
        return False, f"SMTP: {listen} accepts connections but sends nothing; the process hangs. Restart it"
    except OSError:
        return True, f"SMTP: nothing listens on {listen} (sodan is not running)"
    if greeting.startswith("220"):
        return True, f"SMTP: {listen} responds"
    reply = greeting[:100] or "nothing"
    return False, f"SMTP: {listen} replied {reply}; it refuses clients. Read the log of the process"


def http(listen: Listen) -> Finding:
    """Check the response to ``/readyz``."""
    try:
        status = httpx.get(f"http://{Listen(*_address(listen))}/readyz", timeout=SECONDS, trust_env=False).status_code
    except httpx.TimeoutException:
        return False, f"HTTP: {listen} accepts connections but sends nothing; the process hangs. Restart it"
    except (httpx.HTTPError, httpx.InvalidURL):
        return True, f"HTTP: nothing listens on {listen} (sodan is not running)"
    if status == 503:
        why = "it cannot store mail. See the lines about the database"
        return False, f"HTTP: {listen} is not ready (/readyz: 503); {why}"
    return True, f"HTTP: {listen} responds{' and is ready' if status == 200 else ''}"


def _address(listen: Listen) -> tuple[str, int]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asking, not listening
    return host, listen.port
