"""Limits the bytes of messages being received: in total, per address and per network.

An address may use a quarter of the total, a network half. If the total is used up, the slowest message of the network
that uses most is cut off, provided that network uses more than the newcomer's. So slow senders cannot block others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from service.smtp.limits import Usage, network_of

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


class Budget:
    """Limits the bytes of messages that one process is receiving or committing; most of them are on disk."""

    def __init__(self, total: int = 1_073_741_824, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._shares: set[Share] = set()
        self._usage = Usage()

    @property
    def held(self) -> int:
        return self._usage.total

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
        usage = self._usage
        if usage.near(share.host) + more > self._total // 4 or usage.network(share.host) + more > self._total // 2:
            return False
        while usage.total + more > self._total:
            slowest = self._slowest(share)
            if slowest is None:
                return False
            self.close(slowest)
            slowest.cut_off()
        self._add(share, more)
        return True

    def _slowest(self, newcomer: Share) -> Share | None:
        """Return the slowest message of the network that must make room."""
        network, now = self._usage.to_cut(newcomer.host), self._clock()
        slow = [one for one in self._shares if one.moving and one.held and now - one.began > GRACE_SECONDS]
        candidates = [one for one in slow if network_of(one.host) == network]
        return min(candidates, key=lambda one: one.received / (now - one.began), default=None)

    def _add(self, share: Share, more: int) -> None:
        share.held += more
        self._usage.add(share.host, more)
