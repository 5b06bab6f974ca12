"""Caches an expensive result, so that computing it takes at most a twentieth of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")

SHARE = 19  # a result is kept this many times as long as it took to compute
LONGEST = 5.0  # seconds after which a result is computed again, however long computing it took


class CachedValue(Generic[Made]):
    """Calls ``make`` when the cached result has expired. Concurrent callers wait and get the same result."""

    def __init__(self, make: Callable[[], Made], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._guard = threading.Lock()
        self._made: Made | None = None
        self._until = 0.0

    def __call__(self) -> Made:
        """Return the cached or a new result. Raises what ``make`` raises; an error is not cached."""
        with self._guard:
            began = self._clock()
            if self._made is None or began >= self._until:
                self._made = self._make()
                ended = self._clock()
                self._until = ended + min(LONGEST, SHARE * (ended - began))
            return self._made
