"""Limits the bytes of messages being received: in total, per address and per network.

An address may use a quarter of the total, a network half. If the total is used up, the slowest message of the network
that uses most is cut off, provided that network uses more than the newcomer's. So slow senders cannot block others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from service.smtp.limits import neighbourhood, network_of

GRACE_SECONDS = 5.0
"""A message younger than this is not treated as slow."""


@dataclass(eq=False, slots=True)
class Share:
    """The bytes used by one message."""

    host: str | None
    began: float
    cut_off: Callable[[], None]
    held: int = 0
    received: int = 0
    moving: bool = True
    """Still being received; a complete message is never cut off."""

    def speed(self, now: float) -> float:
        """Bytes per second so far."""
        return self.received / max(now - self.began, 0.001)


class Budget:
    """Limits the total bytes of messages that one process is receiving; ``total`` in bytes."""

    def __init__(self, total: int, clock: Callable[[], float]) -> None:
        self.total = total
        self.held = 0
        self._clock = clock
        self._shares: set[Share] = set()
        self._near: Counter[str] = Counter()
        self._network: Counter[str] = Counter()

    def open(self, host: str | None, cut_off: Callable[[], None]) -> Share:
        """Create the share of a message that begins now."""
        share = Share(host, self._clock(), cut_off)
        self._shares.add(share)
        return share

    def close(self, share: Share) -> None:
        """Release all bytes of a share; may be called twice."""
        self._add(share, -share.held)
        self._shares.discard(share)

    def reserve(self, share: Share, size: int) -> bool:
        """Raise ``share`` to at least ``size`` bytes; False if a limit forbids it."""
        more = size - share.held
        if more <= 0:
            return True
        if self._near[neighbourhood(share.host)] + more > self.total // 4:
            return False
        if self._network[network_of(share.host)] + more > self.total // 2:
            return False
        while self.held + more > self.total:
            slowest = self._slowest(share)
            if slowest is None:
                return False
            self.close(slowest)
            slowest.cut_off()
        self._add(share, more)
        return True

    def _slowest(self, newcomer: Share) -> Share | None:
        now = self._clock()
        own = network_of(newcomer.host)
        biggest, most = max(self._network.items(), key=lambda item: item[1], default=("", 0))
        if biggest == own or most <= self._network[own]:
            return None
        candidates = [
            share
            for share in self._shares
            if share.moving and share.held and now - share.began > GRACE_SECONDS and network_of(share.host) == biggest
        ]
        return min(candidates, key=lambda share: share.speed(now), default=None)

    def _add(self, share: Share, more: int) -> None:
        share.held += more
        self.held += more
        for counter, name in ((self._near, neighbourhood(share.host)), (self._network, network_of(share.host))):
            counter[name] += more
            if not counter[name]:
                del counter[name]
