"""What our own mail server found out about who really sent a mail: Authentication-Results (RFC 8601).

Anybody can write such a header. So only the topmost one counts, and only under the name that our own server gives
itself (``authserv-id``): it writes above what came in, and takes away what bears its name (RFC 8601 §5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from service.mail.message import Mail

_COMMENT = re.compile(r"\([^()]*\)")
_DMARC = re.compile(r"\s*dmarc\s*(?:/\s*[0-9]+\s*)?=\s*([a-z]+)", re.I)


def dmarc(headers: Mapping[str, str], authserv: str) -> str | None:
    """The verdict of DMARC (``pass``, ``fail``, ``none``, …) by our own server, or None where it said nothing."""
    if not authserv:
        return None
    written = headers.get("authentication-results", "")
    while (without := _COMMENT.sub(" ", written)) != written:
        written = without
    named, *results = written.split(";")
    if named.split()[:1] != [] and named.split()[0].strip('"').casefold() == authserv.casefold():
        return next((found[1].casefold() for result in results if (found := _DMARC.match(result))), None)
    return None


def checked(mail: Mail, authserv: str) -> Mail:
    """The mail, with the defect ``dmarc-failed`` where our own server says that its author did not send it."""
    if dmarc(mail.headers, authserv) != "fail":
        return mail
    defect = "dmarc-failed"
    return replace(mail, defects=(*mail.defects, defect))


def is_forged(mail: Mail) -> bool:
    """Whether its author is believed no more than a stranger."""
    return "dmarc-failed" in mail.defects
