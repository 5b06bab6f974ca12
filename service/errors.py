"""Errors shared by all packages. Each says who must act, and whether a retry can succeed.

    SodanError
    ├── Refused       the caller must change something; a retry fails again                    (SMTP 5xx, HTTP 4xx)
    │   ├── NotFound  what was named does not exist                                            (HTTP 404)
    │   └── Conflict  it changed meanwhile; read again, then decide                            (HTTP 409, 412)
    └── Unavailable   a problem on our side; a later retry can succeed                         (SMTP 4xx, HTTP 503)
        └── GaveUp    the database works, but aborted this call: lock, deadlock, time limit

The text of an error is public: it may be sent to the caller. Internal reasons go only to the log. Of a foreign
exception the log gets its type and place (``where``), not its text, which may quote a mail.
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
"""Status → name of the problem type; ``/problems/<name>`` explains it (RFC 9457 §3.1.1)."""


class SodanError(Exception):
    """Base of all errors whose text may be shown to callers."""


class Refused(SodanError):
    """The caller must change something."""


class NotFound(Refused):
    """What was named does not exist."""


class Conflict(Refused):
    """It changed meanwhile, or its state does not allow the request."""


class AlreadyMerged(Conflict):
    """The case is a part of another one now."""


class Unavailable(SodanError):
    """Not possible now; retry later."""


class GaveUp(Unavailable):
    """The database aborted this call, although it may work; if this repeats, the request itself is the cause."""


def where(error: BaseException) -> str:
    """Return where an error was raised, for the log, without its text (PostgreSQL quotes the whole refused row)."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "site-packages" not in frame.filename]
    return "".join(traceback.format_list([*ours[-8:], *(frame for frame in frames[-1:] if frame not in ours)]))
