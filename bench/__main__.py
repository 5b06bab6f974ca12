"""Run the benchmarks in at most ten minutes, and print each figure as a ratio to a baseline of the same run.

Each benchmark is a function of ``seconds`` in a module of this folder. They run one after the other, each in its own
process. The exit status is 1 if a benchmark failed or took too long. A missed target is marked (!), but does not change
the exit status, because a busy machine also misses targets.
"""

import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated, NamedTuple

import cyclopts

from bench import growth, judging, reading_cases, smtp, taking_in, workers
from bench.harness import Figure, show

LONGEST = 600.0  # seconds after which a benchmark that still runs is stopped
SHORTEST = 5.0


class Bench(NamedTuple):
    """A benchmark, and its share of the time."""

    measure: Callable[[float], list[Figure]]
    share: float
    title: str


BENCHES: dict[str, Bench] = {
    "accept": Bench(smtp.measure_accept, 30, "SMTP, durable before the 250, against stock aiosmtpd"),
    "judging": Bench(judging.measure, 6, "CPU of all rules on 4 KB, against the standard library"),
    "placing": Bench(taking_in.measure, 10, "CPU of spool to case, against the standard library parsing"),
    "through": Bench(smtp.measure_through, 22, "end to end on the mix, against stock aiosmtpd; memory"),
    "api": Bench(reading_cases.measure, 8, "server CPU of requests over 2,000 cases, against /healthz"),
    "growth": Bench(growth.measure, 12, "placing beside many messages, against beside few"),
    "workers": Bench(workers.measure, 8, "two workers, against one"),
}


def main(
    *,
    only: Annotated[list[str] | None, cyclopts.Parameter(consume_multiple=True, negative=())] = None,
    seconds: float = 420.0,
) -> int:
    """Run the benchmarks.

    Parameters
    ----------
    only: names of some benchmarks
    seconds: planned duration of all benchmarks together
    """
    if unknown := {*(only or ())} - {*BENCHES}:
        sys.exit(f"there is no benchmark {', '.join(unknown)}, only {', '.join(BENCHES)}")
    ends, all_shares, failed = time.monotonic() + max(LONGEST, seconds), sum(b.share for b in BENCHES.values()), 0
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"{cores} cores, load {load:.1f}, {platform.platform()}, Python {platform.python_version()}", flush=True)
    for name in only or BENCHES:
        bench = BENCHES[name]
        print(f"\n{name}: {bench.title}", flush=True)
        try:
            show(in_own_process(bench.measure, max(SHORTEST, seconds * bench.share / all_shares), ends))
        except Exception as error:  # the other benchmarks still run
            print(f"  FAILED: {error or type(error).__name__}", flush=True)
            failed = 1
    return failed


def in_own_process(measure: Callable[[float], list[Figure]], seconds: float, ends: float) -> list[Figure]:
    """Return the figures of a benchmark. Raises TimeoutError at the time ``ends``, and the errors of the benchmark."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measure, seconds).result(max(1.0, ends - time.monotonic()))
        except TimeoutError:
            for process in multiprocessing.active_children():
                assert process.pid is not None
                os.kill(process.pid, signal.SIGINT)  # the benchmark then stops the servers that it started
            raise


if __name__ == "__main__":
    app = cyclopts.App(help=__doc__)
    app.default(main)
    app()
