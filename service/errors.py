"""Errors that cross rooms. Each says who must act, and whether to come back.

    SodanError
    ├── Refused       the caller must change something; the same again will be refused again   (SMTP 5xx, HTTP 4xx)
    │   ├── NotFound  what was named does not exist                                             (HTTP 404)
    │   └── Conflict  it changed meanwhile; read again, then decide                             (HTTP 409, 412)
    └── Unavailable   we must act; the same again later will do                                 (SMTP 4xx, HTTP 503)
        └── GaveUp    the database is there, but broke off just this: a lock, a deadlock, a time limit

The text of an error is public: it may be sent to whoever called. Inner reasons go to the log, never into it: there the
kind of an error of somebody else's and where it came up (``where``), for its own words may be those of a mail.
"""

import traceback


class SodanError(Exception):
    """Base of all errors that are meant for the outside."""


class Refused(SodanError):
    """The caller must change something."""


class NotFound(Refused):
    """What was named does not exist."""


class Conflict(Refused):
    """It changed meanwhile."""


class Unavailable(SodanError):
    """Not now; come back later."""


class GaveUp(Unavailable):
    """Broken off by a database that may be well: if it always is, what was asked is to blame."""


def where(error: BaseException) -> str:
    """Where it came up, for the log, without its own words (PostgreSQL shows the whole row that it refuses)."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return "".join(traceback.format_list([*ours[-8:], *(frame for frame in frames[-1:] if frame not in ours)]))
