"""The benchmarks in one run of at most ten minutes, as ratios to a baseline that is measured in the same run.

Each is a function of ``seconds`` in a module of this folder. It runs in a process of its own, one after the
other. Writes a JSON file into ``bench/results``. Exit status 1 if a benchmark failed or was cut off. A target that was
missed is marked (!), but does not fail the run: on a busy machine it proves nothing.
"""

import json
import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import cyclopts

from bench import growth, judging, reading_cases, smtp, taking_in, workers
from bench.harness import ROOT, Figure

LONGEST = 600.0  # seconds after which what still runs is cut off
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

Names = Annotated[list[str], cyclopts.Parameter(consume_multiple=True, negative=())]


def main(*, only: Names | None = None, seconds: float = 420.0, compare: Path | None = None) -> int:
    """Run the benchmarks and print a table.

    Parameters
    ----------
    only: names of some benchmarks
    seconds: what all together should take; some of them take their share
    compare: the JSON file of another run, to be shown beside this one
    """
    if unknown := {*(only or ())} - {*BENCHES}:
        sys.exit(f"there is no benchmark {', '.join(unknown)}, only {', '.join(BENCHES)}")
    before = json.loads(compare.read_text(encoding="utf-8")) if compare else None
    run = measure(only or [*BENCHES], seconds)
    print("\n" + table(run, before))
    file = ROOT / "bench" / "results" / f"{run['commit']}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten to {file}")
    return 1 if run["failed"] else 0


def measure(names: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run these benchmarks one after the other; ``failed`` names those without a result, and why."""
    began, named = time.monotonic(), ["git", "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(named, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    machine = f"{cores} cores, load {load:.1f}, {platform.platform()}, Python {platform.python_version()}"
    print(machine, flush=True)
    run: dict[str, Any] = {"commit": commit, "machine": machine, "benches": {}, "failed": {}}
    whole = sum(bench.share for bench in BENCHES.values())
    for name in names:
        measure, share, title = BENCHES[name]
        print(f"{name}: {title} …", file=sys.stderr, flush=True)
        left = max(LONGEST, seconds) - (time.monotonic() - began)
        try:
            run["benches"][name] = _apart(measure, max(SHORTEST, seconds * share / whole), left)
        except Exception as error:  # the other benchmarks are still wanted
            run["failed"][name] = str(error) or type(error).__name__
    run["seconds"] = round(time.monotonic() - began, 1)
    return run


def _apart(measure: Callable[[float], list[Figure]], seconds: float, left: float) -> list[dict[str, Any]]:
    """The figures of one benchmark. Raises TimeoutError if no time is left, and what the benchmark raises."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return [asdict(figure) for figure in pool.submit(measure, seconds).result(max(1.0, left))]
        except TimeoutError:
            for process in multiprocessing.active_children():
                assert process.pid is not None
                os.kill(process.pid, signal.SIGINT)  # lets it stop the servers that it started
            raise


def table(run: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> str:
    """One line a figure: value, target, its value in another run, the numbers behind it."""
    lines = [f"sodan {run['commit']}, {run['seconds']:.0f} s" + (f", beside {before['commit']}" if before else "")]
    for name, figures in run["benches"].items():
        lines.append(f"\n{name}: {BENCHES[name].title}")
        earlier = {one["what"]: one for one in before["benches"].get(name, ())} if before else {}
        lines += [Figure(**one).line(earlier.get(one["what"])) for one in figures]
    return "\n".join([*lines, *(f"\n{name}: FAILED: {reason}" for name, reason in run["failed"].items())])


if __name__ == "__main__":
    app = cyclopts.App(help=__doc__)
    app.default(main)
    app()
