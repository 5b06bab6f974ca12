"""Limits of SMTP for one connection (RFC 5321 §4.5.3, §7.8), IP address and network."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from service.rate import Rate
from service.settings import Networks

COMMAND_LINE = 512  # maximum bytes of a command line, including CRLF (RFC 5321 §4.5.3.1.4)
LONGER_LINES = {
    "MAIL": 512 + 26 + 17 + 10 + 500,  # SIZE (RFC 1870 §3), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §3)
    "VRFY": 512 + 9,  # SMTPUTF8 (RFC 6531 §3.7.4.2)
    "AUTH": 12_288,  # RFC 4954 §4
}
LONGEST_LINE = max(LONGER_LINES.values())
PATH = 256
"""Maximum bytes of an address in angle brackets (RFC 5321 §4.5.3.1.3). The local part may exceed its limit of 64 bytes,
because bounce addresses do."""
DOMAIN = 255  # maximum bytes of a domain (RFC 5321 §4.5.3.1.2)
TOO_MANY_MAILS = "450 4.7.1 too many mails from this sender within an hour, try again later"
TOO_MANY_FROM_THERE = "450 4.7.1 too many mails from your network, try again later"
FAILED_LOGINS = 20  # maximum failed logins per hour of one ``neighbourhood``
GRACE_SECONDS = 5.0  # seconds at the beginning of a message in which it is not treated as slow
BYTES_PER_SECOND = 64.0  # minimum speed of a message, on average over SODAN_SMTP_TIMEOUT
CONTENT_SECONDS = 1800.0  # maximum time for a whole message
DISCARDED_BYTES = 67_108_864
"""Maximum bytes of a message beyond its limit; they are discarded, then the connection is closed."""
BAD_COMMANDS = 20  # wrong commands after which a session is closed
UNKNOWN_COMMANDS = 5  # unknown commands after which a session is closed
REFUSED_RECIPIENTS = 100  # refused recipients after which a session is closed, because it may guess addresses
IDLE_COMMANDS = 100  # maximum number of NOOP, RSET, HELO, EHLO, VRFY, HELP between two mails
SESSION_FAILED_LOGINS = 3


def admits(networks: Networks, host: str | None) -> bool:
    """Return whether the IP address ``host`` may send mail. Without ``networks``, every address may."""
    return not networks or host is None or any(_address(host) in network for network in networks)


def _address(host: str) -> IPv4Address | IPv6Address:
    address = ip_address(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(4096)
def network_of(host: str | None) -> str:
    """Return a name for the network of an IP address: /24 (IPv4) or /48 (IPv6). Such a network often has one owner."""
    address = neighbourhood(host)
    return address.rpartition(".")[0] if "." in address else address[:14]


@lru_cache(4096)
def neighbourhood(host: str | None) -> str:
    """Return the IPv4 address, or a name for the /64 of an IPv6 address. Both usually belong to one customer."""
    if host is None or ":" not in host:
        return host or ""
    address = _address(host)
    return str(address) if address.version == 4 else address.exploded[:19]


class Usage:
    """Counts what each neighbourhood and network uses of connections or bytes."""

    def __init__(self) -> None:
        self.total = 0
        self._by_neighbourhood: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()

    def add(self, host: str | None, more: int) -> None:
        """Add ``more`` to the usage of ``host``; a negative number reduces it."""
        self.total += more
        for counter, name in ((self._by_neighbourhood, neighbourhood(host)), (self._by_network, network_of(host))):
            counter[name] += more
            if not counter[name]:
                del counter[name]

    def of_neighbourhood(self, host: str | None) -> int:
        return self._by_neighbourhood[neighbourhood(host)]

    def of_network(self, host: str | None) -> int:
        return self._by_network[network_of(host)]

    def largest_network(self, newcomer: str | None) -> str | None:
        """Return the network that uses most; None if the network of ``newcomer`` uses as much."""
        network, most = max(self._by_network.items(), key=lambda item: item[1], default=("", 0))
        return network if most > self.of_network(newcomer) else None


@dataclass(eq=False, slots=True)
class Share:
    """The part of the budget that one message uses: ``held`` bytes."""

    host: str | None
    began: float
    cut_off: Callable[[], None]
    held: int = 0
    received: int = 0
    receiving: bool = True  # whether the message is not complete yet; a complete message is never cut off


class Budget:
    """Limits the total bytes of the messages that a process is receiving or committing.

    A neighbourhood (see `neighbourhood`) may use a quarter of the total, and a network may use half of it. If the total
    is used up, the slowest message of the network that uses most is cut off. But if the new message comes from that
    network, the new message is refused instead.
    """

    def __init__(self, total: int = 1_073_741_824, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._shares: set[Share] = set()
        self._usage = Usage()

    @property
    def held(self) -> int:
        return self._usage.total

    def open(self, host: str | None, cut_off: Callable[[], None]) -> Share:
        """Return the share of a message that begins now. ``cut_off`` is called to end the connection of the message."""
        share = Share(host, self._clock(), cut_off)
        self._shares.add(share)
        return share

    def close(self, share: Share) -> None:
        """Release the bytes of a share. May be called twice."""
        self._add(share, -share.held)
        self._shares.discard(share)

    def reserve(self, share: Share, size: int) -> bool:
        """Increase a share to ``size`` bytes; return False if a limit forbids it."""
        more = size - share.held
        if more <= 0:
            return True
        usage = self._usage
        of_neighbourhood, of_network = usage.of_neighbourhood(share.host), usage.of_network(share.host)
        if of_neighbourhood + more > self._total // 4 or of_network + more > self._total // 2:
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
        """Return the slowest message of the network that uses most, or None."""
        network, now = self._usage.largest_network(newcomer.host), self._clock()
        slow = [share for share in self._shares if share.receiving and share.held and now - share.began > GRACE_SECONDS]
        candidates = [share for share in slow if network_of(share.host) == network]
        return min(candidates, key=lambda share: share.received / (now - share.began), default=None)

    def _add(self, share: Share, more: int) -> None:
        share.held += more
        self._usage.add(share.host, more)


class Rates:
    """Limits the mails per hour of a network, and of each sender address in a network.

    Senders are counted per network, because others can forge an address and use up its rate. There is no network limit
    for loopback, because a mail server on this machine delivers mail of everybody.
    """

    def __init__(self, sender_rate: int, network_rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._sender_rate = Rate(sender_rate, clock)
        self._network_rate = Rate(network_rate, clock, burst=max(1, network_rate // 6))

    def refusal(self, sender: str, host: str | None) -> str | None:
        """Count a mail, and return the reply that refuses it, or None.

        A mail with an empty sender counts only for its network.
        """
        network = network_of(host)
        local = host is None or _address(host).is_loopback
        if not local and not self._network_rate.allows(network):
            return TOO_MANY_FROM_THERE
        if sender in ("", "<>") or self._sender_rate.allows(f"{network} {sender.casefold()}"):
            return None
        return TOO_MANY_MAILS
