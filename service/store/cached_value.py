"""Caches an expensive result, so that computing it takes at most a twentieth of the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")

SHARE = 19
"""An answer stands so many times as long as making it took."""
LONGEST = 5.0
"""Seconds: nothing shown is older, however busy the machine was when it was made."""


class CachedValue(Generic[Made]):
    """Asks ``make`` when the answer before has stood long enough; who comes meanwhile waits and gets the same."""

    def __init__(self, make: Callable[[], Made], clock: Callable[[], float] = time.monotonic) -> None:
        self._make, self._clock = make, clock
        self._guard = threading.Lock()
        self._made: Made | None = None
        self._until = 0.0

    def __call__(self) -> Made:
        """Raises what ``make`` raises; then nothing is kept."""
        with self._guard:
            began = self._clock()
            if self._made is None or began >= self._until:
                self._made = self._make()
                ended = self._clock()
                self._until = ended + min(LONGEST, SHARE * (ended - began))
            return self._made
