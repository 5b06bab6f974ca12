"""Limits on mail loops and on the rate of senders and networks."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address

from service.smtp.limits import network_of

TOO_MANY_HOPS = "554 5.4.6 too many Received lines, probably a mail loop"
TOO_MANY_MAILS = "450 4.7.1 too many mails from this sender within an hour, try again later"
TOO_MANY_FROM_THERE = "450 4.7.1 too many mails from your network, try again later"
HOUR = 3600.0
_KEYS = 10_000
"""Keys remembered; beyond that, the ones unused for longest are dropped."""


class Rate:
    """Limits how often something may happen per hour, by key. ``most`` 0: no limit.

    Up to ``burst`` (default ``most``) may happen at once; used capacity returns evenly over time (GCRA).
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic, burst: int | None = None) -> None:
        self._most = most
        self._clock = clock
        self._step = HOUR / most if most else 0.0
        self._depth = self._step * (burst or most)
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When the full capacity of each key is available again, in seconds of ``clock``."""

    def allows(self, key: str) -> bool:
        """Whether it may happen once more; if so, it is counted."""
        if not self._most:
            return True
        now = self._clock()
        full_at = max(self._full_at.get(key, now), now) + self._step
        if full_at - now > self._depth + self._step / 2:
            return False
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > _KEYS:
            self._full_at.popitem(last=False)
        return True

    def forgive(self, key: str) -> None:
        """Undo the last count of a key."""
        if key in self._full_at:
            self._full_at[key] -= self._step


class Rates:
    """Limits mails per sender within one network, and per network for all its senders together.

    Envelopes can be forged, so what others send in a sender's name does not reduce the rate in the sender's own
    network. Loopback has no network limit, since a mail server on this machine passes on mail of everybody.
    """

    def __init__(self, of_sender: int, of_network: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._of_sender = Rate(of_sender, clock)
        self._of_network = Rate(of_network, clock, burst=max(1, of_network // 6))

    def refusal(self, sender: str, host: str | None) -> str | None:
        """Count a mail; return the reply to MAIL if a limit is exceeded, else None.

        The empty sender has only a network limit.
        """
        network = network_of(host)
        local = host is None or ip_address(host.partition("%")[0]).is_loopback
        if not local and not self._of_network.allows(network):
            return TOO_MANY_FROM_THERE
        if sender in ("", "<>") or self._of_sender.allows(f"{network} {sender.casefold()}"):
            return None
        return TOO_MANY_MAILS
