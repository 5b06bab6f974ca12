"""Limits how often something may happen, by key, in one process: mails of a sender, logins, HTTP requests."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

HOUR = 3600.0
_KEYS = 10_000
"""Keys remembered; beyond that, the ones unused for longest are dropped."""


class Rate:
    """``most`` times in ``seconds`` on average; 0: no limit.

    Up to ``burst`` (default ``most``) may happen at once; used capacity returns evenly over time (GCRA).
    """

    def __init__(
        self, most: int, clock: Callable[[], float] = time.monotonic, *, seconds: float = HOUR,
        burst: float | None = None,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._step = seconds / most if most else 0.0
        self._depth = self._step * (burst or most)
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        """When the full capacity of each key is available again, in seconds of ``clock``."""

    def wait(self, key: Hashable) -> float:
        """Return 0 and count it if it may happen now, otherwise the seconds until it may."""
        if not self._step:
            return 0.0
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._step
        wait = full_at - now - self._depth
        if wait > 1e-6:  # more than an error of rounding
            return wait
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _KEYS:
            self._full_at.popitem(last=False)
        return 0.0

    def allows(self, key: Hashable) -> bool:
        """Whether it may happen now; if so, it is counted."""
        return not self.wait(key)

    def forgive(self, key: Hashable) -> None:
        """Undo the last count of a key."""
        if key in self._full_at:
            self._full_at[key] -= self._step
