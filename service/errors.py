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

PROBLEM_PAGES = "/problems/"
PROBLEM_TYPES = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    409: "conflict",
    412: "precondition-failed",
    413: "content-too-large",
    422: "invalid-request",
    429: "too-many-requests",
    503: "service-unavailable",
}
"""Status → name of the problem type; ``/problems/<name>`` says what it means and what to do (RFC 9457 §3.1.1)."""


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
