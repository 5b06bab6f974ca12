"""The faults: each does its harm, lasts a while, and ends. What follows must happen by itself."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.faults.cluster import Cluster
from bench.faults.disk import Disk, injected
from bench.faults.installation import Installation


@dataclass
class Site:
    """Where faults are done."""

    house: Installation
    disk: Disk | None
    cluster: Cluster | None
    choice: random.Random

    def hold(self, least: float, most: float) -> None:
        time.sleep(self.choice.uniform(least, most))


@dataclass(frozen=True, slots=True)
class Kind:
    """``weight``: how often, against the others."""

    name: str
    do: Callable[[Site], None]
    weight: float = 1.0


def kinds(site: Site) -> list[Kind]:
    """What can be done here."""
    found = [
        *(Kind(f"SIGKILL {role}", _killed(role), weight) for role, weight in _KILLED),
        Kind("SIGKILL all at once", _all_killed, 0.2),
        Kind("SIGTERM serve", _ended, 0.2),
        *(Kind(f"SIGSTOP, SIGCONT {role}", _held(role)) for role in ("smtp", "worker", "api")),
    ]
    if site.house.has_clock:
        found += [Kind("clock forward", _jump(1), 1.5), Kind("clock backward", _jump(-1), 1.5)]
    if site.cluster is not None:
        return found + _of_postgresql(site)
    return found + _of_sqlite(site)


LIGHT = ("clock", "PostgreSQL all connections", "flush: EIO", "write: E")
"""Faults that are soon over, so that they fall into another often."""
_KILLED = (("smtp", 1.5), ("worker", 2.0), ("api", 0.3), ("serve", 0.3))


def beside(first: Kind, site: Site) -> list[Kind]:
    """Further faults in the middle of the first: a process that dies while its database is unwell, and the like."""
    if any(words in first.name for words in ("serve", "all at once", "disk read-only")):
        return []  # whoever restarts everything cannot be disturbed much more
    light = [
        *(Kind(f"SIGKILL {role}", _killed(role), weight) for role, weight in (("worker", 3.0), ("smtp", 0.5))),
        Kind("SIGSTOP, SIGCONT worker", _held("worker")),
        *(kind for kind in kinds(site) if kind.name.startswith(LIGHT)),
    ]
    number = site.choice.choices((0, 1, 2), (0.2, 0.4, 0.4))[0]
    drawn = site.choice.choices(light, [kind.weight for kind in light], k=number)
    some = {kind.name: kind for kind in drawn if kind.name != first.name}
    return [Kind(kind.name, _later(kind.do, site.choice.uniform(0, 1.5))) for kind in some.values()]


def _of_sqlite(site: Site) -> list[Kind]:
    sync, write = "fsync,fdatasync", "pwrite64"
    found = [
        Kind(f"{call}: {fault} {role}", _injected(role, calls, what), 0.6)
        for role in ("smtp", "worker")
        for call, calls, fault, what in (
            ("flush", sync, "EIO", "error=EIO:when={n}+{m}"),
            ("flush", sync, "slow", "delay_enter=200000"),
            ("write", write, "EIO", "error=EIO:when={n}+{m}"),
            ("write", write, "ENOSPC", "error=ENOSPC:when={n}+{m}"),
            ("write", write, "EROFS", "error=EROFS:when={n}+{m}"),
        )
    ]
    if site.disk is not None:
        found += [Kind("disk full", _full, 1.5), Kind("disk hangs", _frozen), Kind("disk read-only", _read_only, 0.4)]
    return found


def _of_postgresql(site: Site) -> list[Kind]:
    found = [
        Kind("PostgreSQL stop immediate", _stopped("immediate")),
        Kind("PostgreSQL restart fast", _stopped("fast")),
        Kind("PostgreSQL SIGKILL postmaster", _stopped("kill")),
        Kind("PostgreSQL SIGKILL a backend", _backend_killed),
        Kind("PostgreSQL all connections terminated", _terminated, 2.0),
        Kind("PostgreSQL hangs", _hangs),
        Kind("PostgreSQL read-only", _refuses),
        Kind("PostgreSQL flush: EIO in a backend", _backend_injected),
        Kind("PostgreSQL failover", _failed_over, 0.6),
    ]
    if site.disk is not None:
        found.append(Kind("PostgreSQL disk full", _postgresql_full, 0.7))
        found.append(Kind("disk hangs", _frozen, 0.7))
    return found


# ── processes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _one(site: Site, role: str) -> list[int]:
    """One living process of this role; waits for it."""
    end = time.monotonic() + 15
    while not (found := site.house.pids(role)) and time.monotonic() < end:
        time.sleep(0.05)
    return [site.choice.choice(found)] if found else []


def _killed(role: str) -> Callable[[Site], None]:
    return lambda site: _signal(_one(site, role), signal.SIGKILL)


def _later(do: Callable[[Site], None], seconds: float) -> Callable[[Site], None]:
    def then(site: Site) -> None:
        time.sleep(seconds)
        do(site)

    return then


def _all_killed(site: Site) -> None:
    _signal(site.house.everyone(), signal.SIGKILL)


def _ended(site: Site) -> None:
    _signal(_one(site, "serve"), signal.SIGTERM)


def _held(role: str) -> Callable[[Site], None]:
    def do(site: Site) -> None:
        pids = _one(site, role)
        _signal(pids, signal.SIGSTOP)
        try:
            site.hold(0.5, 4)
        finally:
            _signal(pids, signal.SIGCONT)

    return do


def _jump(sign: int) -> Callable[[Site], None]:
    """The clock is wrong from now on, until the next jump."""
    return lambda site: site.house.jump(sign * site.choice.choice((5, 90, 3600, 86400, 40 * 86400)))


def _injected(role: str, calls: str, what: str) -> Callable[[Site], None]:
    def do(site: Site) -> None:
        words = what.format(n=site.choice.randint(1, 3), m=site.choice.randint(1, 3))
        for pid in _one(site, role):
            with injected(pid, calls, words):
                site.hold(0.5, 2.5)

    return do


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _full(site: Site) -> None:
    assert site.disk is not None
    with site.disk.full():
        site.hold(1, 5)


def _frozen(site: Site) -> None:
    assert site.disk is not None
    with site.disk.frozen():
        site.hold(0.5, 4)


def _read_only(site: Site) -> None:
    """As after a reboot with a damaged disk: all start again, and the disk is read-only for a while."""
    assert site.disk is not None
    serve = site.house.pids("serve")
    _signal(serve, signal.SIGSTOP)
    try:
        _signal([pid for pid in site.house.everyone() if pid not in serve], signal.SIGKILL)
        done = False
        for _ in range(20):
            done = done or site.disk.read_only()
            if done:
                break
            time.sleep(0.05)
    finally:
        _signal(serve, signal.SIGCONT)
    if not done:
        raise RuntimeError("the disk is in use, it cannot be made read-only")
    try:
        site.hold(4, 9)
    finally:
        site.disk.writable()


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _postgresql(site: Site) -> Cluster:
    assert site.cluster is not None
    return site.cluster


def _stopped(how: str) -> Callable[[Site], None]:
    def do(site: Site) -> None:
        _postgresql(site).stop(how)
        site.hold(0, 4)
        _postgresql(site).start()

    return do


def _backend_killed(site: Site) -> None:
    """The server then ends all others too and recovers from its log."""
    if pids := _postgresql(site).backends():
        _signal([site.choice.choice(pids)], signal.SIGKILL)


def _terminated(site: Site) -> None:
    _postgresql(site).terminate_all()


def _hangs(site: Site) -> None:
    _postgresql(site).pause(True)
    try:
        site.hold(0.5, 5)
    finally:
        _postgresql(site).pause(False)


def _refuses(site: Site) -> None:
    _postgresql(site).read_only(True)
    try:
        site.hold(1, 4)
    finally:
        _postgresql(site).read_only(False)


def _backend_injected(site: Site) -> None:
    """A failed flush makes the server stop itself and recover: it does not trust its memory either."""
    with contextlib.ExitStack() as stack:
        for pid in _postgresql(site).backends()[:6]:
            stack.enter_context(injected(pid, "fsync,fdatasync", "error=EIO:when=1"))
        site.hold(0.5, 2)
    _postgresql(site).start()


def _failed_over(site: Site) -> None:
    _postgresql(site).fail_over(site.choice.uniform(0, 3))


def _postgresql_full(site: Site) -> None:
    assert site.disk is not None
    with site.disk.full():
        site.hold(1, 5)
    _postgresql(site).start()
    _postgresql(site).follow()
