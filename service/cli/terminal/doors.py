"""Checks as a client whether the listeners respond: a process that hangs accepts connections but sends nothing."""

from __future__ import annotations

import contextlib
import socket
import urllib.error
import urllib.request

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
        return False, f"SMTP: {listen}: accepts and says nothing: it hangs: restart it"
    except OSError:
        return True, f"SMTP: {listen}: nothing answers (not started?)"
    if said.startswith("220"):
        return True, f"SMTP: {listen}: something answers"
    return False, f"SMTP: {listen}: answers {said[:100] or 'nothing'}: clients are turned away"


def http(listen: Listen) -> Finding:
    """Check the response to ``/readyz``."""
    host, port = _where(listen)
    url = f"http://{Listen(host, port)}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS):
            return True, f"HTTP: {listen}: something answers, and is ready"
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return False, f"HTTP: {listen}: /readyz says 503: see the database above"
        return True, f"HTTP: {listen}: something answers"
    except (OSError, ValueError) as error:
        if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
            return False, f"HTTP: {listen}: accepts and says nothing: it hangs: restart it"
        return True, f"HTTP: {listen}: nothing answers (not started?)"


def _where(listen: Listen) -> tuple[str, int]:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 - asking, not listening
    return host, listen.port
