"""Mail that goes round in circles, and senders that never stop. Mail of sodan's own is never answered."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

TOO_MANY_HOPS = "554 5.4.6 too many hops: this mail goes round in circles"
TOO_MANY_MAILS = "450 4.7.1 too many mails from this sender within an hour, try again later"
HOUR = 3600.0
_SENDERS = 10_000
"""Senders remembered; of more, those forgotten who were quiet for longest."""


class Rate:
    """How much one sender may send within an hour. ``most`` 0: as much as it likes."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, sender: str) -> bool:
        """Whether one more mail may come; it counts from now on. The empty sender is that of everybody's bounces."""
        if not self._most or sender in ("", "<>"):
            return True
        now = self._clock()
        key = sender.casefold()
        sent = self._sent.setdefault(key, deque())
        self._sent.move_to_end(key)
        while sent and now - sent[0] > HOUR:
            sent.popleft()
        if len(sent) >= self._most:
            return False
        sent.append(now)
        if len(self._sent) > _SENDERS:
            self._sent.popitem(last=False)
        return True
