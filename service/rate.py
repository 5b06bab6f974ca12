"""Rate limits within one process, for mails of a sender, logins and HTTP requests; the wait that a server requires."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

HOUR = 3600.0
_KEYS = 10_000  # maximum number of keys; the least recently used keys are forgotten


class Rate:
    """Allows at most ``most`` events of a key in ``seconds``, up to ``burst`` at once (GCRA). ``most`` 0: no limit."""

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, *, seconds: float = HOUR,
        burst: float | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._seconds_each = seconds / most if most else 0.0
        self._burst_seconds = self._seconds_each * (burst or most)
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        """Key → time at which its full capacity is available again, in seconds of ``clock``."""

    def wait(self, key: Hashable) -> float:
        """Count an event and return 0 if it may happen now; otherwise return the seconds to wait."""
        if not self._seconds_each:
            return 0.0
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._seconds_each
        wait = full_at - now - self._burst_seconds
        if wait > 1e-6:  # more than an error of rounding
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _KEYS:
            self._full_at.popitem(last=False)
        return 0.0

    def allows(self, key: Hashable) -> bool:
        return not self.wait(key)

    def uncount(self, key: Hashable) -> None:
        """Remove the last event of a key from the count."""
        if key in self._full_at:
            self._full_at[key] -= self._seconds_each


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in a ``Retry-After`` header, at most an hour; None if it is missing or a date."""
    try:
        return min(max(0.0, float(headers.get("retry-after", ""))), HOUR)
    except ValueError:
        return None
