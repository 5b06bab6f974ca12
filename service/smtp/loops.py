"""Refuses mail loops and senders beyond their rate. Mail that sodan sent itself is never answered."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address

from service.smtp.limits import network_of

TOO_MANY_HOPS = "554 5.4.6 too many hops: this mail goes round in circles"
TOO_MANY_MAILS = "450 4.7.1 too many mails from this sender within an hour, try again later"
TOO_MANY_FROM_THERE = "450 4.7.1 too many mails from your network, try again later"
HOUR = 3600.0
_KEYS = 10_000
"""Keys remembered; of more, those forgotten that were quiet for longest."""


class Rate:
    """How often something may happen within an hour, by key. ``most`` 0: as often as it likes.

    Not all of it at once: bursts up to ``burst`` (all, if not given), and what is used comes back evenly (GCRA).
    """

    def __init__(self, most: int, clock: Callable[[], float], burst: int | None = None) -> None:
        self._most = most
        self._clock = clock
        self._step = HOUR / most if most else 0.0
        self._depth = self._step * (burst or most)
        self._full_at: OrderedDict[str, float] = OrderedDict()
        """When each key will have used nothing any more."""

    def allows(self, key: str) -> bool:
        """Whether it may happen once more; it counts from now on."""
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
        """What was counted last does not count after all."""
        if key in self._full_at:
            self._full_at[key] -= self._step


class Rates:
    """How many mails may come: of one sender by one network, and of one network whatever sender it names.

    An envelope can be forged, so a sender's own network is not held to what others send in its name. This machine's
    own address is that of a mail server which passes on everybody's mail: no network rate holds for it.
    """

    def __init__(self, of_sender: int, of_network: int, clock: Callable[[], float]) -> None:
        self._of_sender = Rate(of_sender, clock)
        self._of_network = Rate(of_network, clock, burst=max(1, of_network // 6))

    def refusal(self, sender: str, host: str | None) -> str | None:
        """The reply to MAIL where it is too much, else None; the mail counts. The empty sender is everybody's."""
        network = network_of(host)
        local = host is None or ip_address(host.partition("%")[0]).is_loopback
        if not local and not self._of_network.allows(network):
            return TOO_MANY_FROM_THERE
        if sender in ("", "<>") or self._of_sender.allows(f"{network} {sender.casefold()}"):
            return None
        return TOO_MANY_MAILS
