"""Errors that cross rooms. Each says who must act, and whether to come back.

    SodanError
    ├── Refused       the caller must change something; the same again will be refused again   (SMTP 5xx, HTTP 4xx)
    │   ├── NotFound  what was named does not exist                                             (HTTP 404)
    │   └── Conflict  it changed meanwhile; read again, then decide                             (HTTP 409, 412)
    └── Unavailable   we must act; the same again later will do                                 (SMTP 4xx, HTTP 503)
        └── GaveUp    the database is there, but broke off just this: a lock, a deadlock, a time limit

The text of an error is public: it may be sent to whoever called. Inner reasons go to the log, never into it.
"""


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
