"""The name of the person who makes an HTTP request, to be recorded with a change."""

import pwd
import sys
from ipaddress import ip_address
from pathlib import Path

from service.store.tokens import Token

UNNAMED = "local"  # name of a local user whose login name is unknown


def name_of(token: Token | None, client: tuple[str, int] | None) -> str:
    """Return the name of the token or, without a token, of the local user at ``client``."""
    return (token.name if token else "") or login_name(client) or UNNAMED


def login_name(client: tuple[str, int] | None) -> str:
    """Return the local user who opened a connection, from Linux's table of sockets, or ""."""
    if client is None or not client[1]:
        return ""
    try:
        address = ip_address(client[0])
        raw = address.packed
        if sys.byteorder == "little":
            raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
        local_address = f"{raw.hex().upper()}:{client[1]:04X}"
        table = Path("/proc/net/tcp6" if address.version == 6 else "/proc/net/tcp").read_text(encoding="ascii")
        sockets = (line.split() for line in table.splitlines()[1:])
        owner = next((int(fields[7]) for fields in sockets if fields[1] == local_address), None)
        return "" if owner is None else pwd.getpwuid(owner).pw_name
    except (OSError, ValueError, LookupError):
        return ""
