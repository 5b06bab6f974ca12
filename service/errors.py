"""Errors that all packages use. Each says who must act, and whether a retry can succeed.

    SodanError
    ├── Refused       the caller must change the request; a retry fails again                  (SMTP 5xx, HTTP 4xx)
    │   ├── NotFound  what the caller names does not exist                                     (HTTP 404)
    │   └── Conflict  the state does not allow it; read it again, then decide                  (HTTP 409, 412)
    └── Unavailable   a problem of the service; a later retry can succeed                      (SMTP 4xx, HTTP 503)
        └── GaveUp    the database works, but aborted this call: lock, deadlock, time limit

The text of these errors is public: it may be sent to the caller. Internal reasons are only logged. Of other exceptions
the type and place (``where``) are logged, not the text, which may quote a mail.
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
    """The request is not valid or not allowed; the caller must change it."""


class NotFound(Refused):
    """The object that the caller names does not exist."""


class Conflict(Refused):
    """The object was changed meanwhile, or its state does not allow the change."""


class AlreadyMerged(Conflict):
    """The case was merged into another case."""


class Unavailable(SodanError):
    """The service cannot do now what the caller wants; a later retry can succeed."""


class GaveUp(Unavailable):
    """The database aborted this call. If this repeats while the database works, the call itself is the cause."""


def where(error: BaseException) -> str:
    """Return the traceback of an error without its text, in which PostgreSQL quotes whole rows."""
    frames = traceback.extract_tb(error.__traceback__)
    sodan = [frame for frame in frames if "site-packages" not in frame.filename]
    return "".join(traceback.format_list([*sodan[-8:], *(frame for frame in frames[-1:] if frame not in sodan)]))
