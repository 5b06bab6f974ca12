"""Finds the name recorded with a change: that of the token, or of the local user who made the request."""

from __future__ import annotations

import pwd
import sys
from ipaddress import ip_address
from pathlib import Path

from service.store.tokens import Token

UNNAMED = "local"  # a local user whose login name is unknown


def name_of(token: Token | None, client: tuple[str, int] | None) -> str:
    """Return the token's name, else the login name of the local user. ``client``: remote end of the connection."""
    return (token.name if token else "") or login_name(client) or UNNAMED


def login_name(client: tuple[str, int] | None) -> str:
    """Return the local user whose process owns ``client``, an end of a TCP connection; empty if unknown.

    Linux lists the owner of every socket in /proc/net/tcp, with the address in the machine's byte order.
    """
    if client is None or not client[1]:
        return ""
    try:
        address = ip_address(client[0])
        raw = address.packed
        if sys.byteorder == "little":
            raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        wanted = f"{raw.hex().upper()}:{client[1]:04X}"
        table = Path("/proc/net/tcp6" if address.version == 6 else "/proc/net/tcp").read_text(encoding="ascii")
        sockets = (line.split() for line in table.splitlines()[1:])
        owner = next((int(fields[7]) for fields in sockets if fields[1] == wanted), None)
        return "" if owner is None else pwd.getpwuid(owner).pw_name
    except (OSError, ValueError, LookupError):
        return ""
