"""Caches an expensive result. A result that takes longer to compute is kept for longer."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

SHARE = 19  # a value is kept this many times as long as its computation took, so computing takes 1/20 of the time
LONGEST = 5.0  # maximum seconds for which a value is kept


class CachedValue(Generic[Value]):
    """Returns the cached result of ``make``. Concurrent callers wait for the same result."""

    def __init__(self, make: Callable[[], Value], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._lock = threading.Lock()
        self._value: Value | None = None
        self._expires = 0.0

    def __call__(self) -> Value:
        """Return the cached or a new value. Raises what ``make`` raises; an error is not cached."""
        with self._lock:
            began = self._clock()
            if self._value is None or began >= self._expires:
                self._value = self._make()
                ended = self._clock()
                self._expires = ended + min(LONGEST, SHARE * (ended - began))
            return self._value
