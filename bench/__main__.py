"""The benchmarks in one run of at most ten minutes, as ratios against a baseline that is measured in the same run.

    python -m bench [--only NAME…] [--seconds N] [--json FILE] [--compare FILE]

Each bench is a function ``measure(seconds)`` in a module of this folder and runs in a process of its own, one after
the other. Prints the machine and one table; writes a JSON and, beside it, a picture. Exit status 1 where a bench
failed or was cut off; a promise that is not kept is marked (!), since what a busy machine shows proves nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bench.figure import kept
from bench.machine import ROOT, commit, facts
from bench.plot import svg

LONGEST = 600.0
"""Seconds after which what still runs is cut off."""
USUAL = 420.0
SHORTEST = 5.0


class Bench(NamedTuple):
    """Where it is found, and its share of the time."""

    module: str
    function: str
    share: float
    says: str


BENCHES: dict[str, Bench] = {
    "accept": Bench("bench.accept", "measure", 10, "SMTP without keeping the mail"),
    "durable": Bench("bench.accept", "measure_durable", 20, "SMTP, durable before the 250"),
    "reading": Bench("bench.reading", "measure", 6, "bytes to a mail"),
    "judging": Bench("bench.judging", "measure", 6, "a mail of 4 KB by all shipped rules"),
    "placing": Bench("bench.taking_in", "measure", 10, "spool to case, stage by stage, on the mix"),
    "through": Bench("bench.through", "measure", 22, "end to end, on the mix"),
    "api": Bench("bench.reading_cases", "measure", 8, "requests over 2,000 cases"),
    "growth": Bench("bench.growth", "measure", 12, "taking in beside many messages"),
    "workers": Bench("bench.workers", "measure", 8, "two workers against one"),
    "memory": Bench("bench.through", "measure_memory", 6, "resident memory of each process"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=[*BENCHES], metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--seconds", type=float, default=USUAL, help="what all benches together should take")
    parser.add_argument("--json", type=Path, help="default: bench/results/<commit>.json")
    parser.add_argument("--compare", type=Path, help="the JSON of another run, to stand beside this one")
    parser.add_argument("--one", choices=[*BENCHES], help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.one:
        bench = BENCHES[asked.one]
        found = getattr(importlib.import_module(bench.module), bench.function)(asked.seconds)
        asked.json.write_text(json.dumps(found), encoding="utf-8")
        return 0
    then = json.loads(asked.compare.read_text(encoding="utf-8")) if asked.compare else None
    run = measure(asked.only or [*BENCHES], asked.seconds)
    print("\n" + table(run, then))
    file = asked.json or ROOT / "bench" / "results" / f"{run['commit']}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    picture = file.with_suffix(".svg")
    picture.write_text(svg(run), encoding="utf-8")
    print(f"\nkept in {file} and {picture}")
    return 1 if run["failed"] else 0


def measure(names: Sequence[str], seconds: float) -> dict[str, Any]:
    """Run these benches one after the other; ``failed`` names those without a result, and why."""
    began = time.monotonic()
    run: dict[str, Any] = {"commit": commit(), "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "machine": facts()}
    run |= {"seconds": 0.0, "benches": {}, "failed": {}}
    print(", ".join(f"{name} {value}" for name, value in run["machine"].items()), flush=True)
    due = sum(BENCHES[name].share for name in names)
    seconds = seconds if len(names) == len(BENCHES) else seconds * due / sum(bench.share for bench in BENCHES.values())
    for name in names:
        bench = BENCHES[name]
        gone = time.monotonic() - began
        given = max(SHORTEST, (seconds - gone) * bench.share / due)  # what was lost on a busy machine is shared by all
        due -= bench.share
        print(f"{name}: {bench.says} …", file=sys.stderr, flush=True)
        try:
            run["benches"][name] = _apart(name, given, max(LONGEST, seconds) - gone)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            run["failed"][name] = str(error)
            print(f"{name}: FAILED: {error}", file=sys.stderr, flush=True)
    run["seconds"] = round(time.monotonic() - began, 1)
    run["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    return run


def _apart(name: str, seconds: float, left: float) -> dict[str, Any]:
    """One bench in a process of its own, cut off when no time is left. Raises SubprocessError."""
    with tempfile.TemporaryDirectory(prefix="sodan-bench-") as folder:
        file = Path(folder, "outcome.json")
        command = [sys.executable, "-m", "bench", "--one", name, "--seconds", str(seconds), "--json", str(file)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            status = process.wait(max(1.0, left))
            if status:
                raise subprocess.CalledProcessError(status, command)
        finally:
            if process.poll() is None:  # let it stop the servers that it started
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(30)
                process.kill()
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found


def table(run: Mapping[str, Any], then: Mapping[str, Any] | None = None) -> str:
    """One line a figure: value, what was promised, what it was at another commit, the numbers behind it."""
    lines = [f"sodan {run['commit']}, {run['seconds']:.0f} s" + (f", beside {then['commit']}" if then else "")]
    for name, bench in run["benches"].items():
        lines.append(f"\n{name}: {BENCHES[name].says}")
        before = {one["what"]: one for one in (then or {}).get("benches", {}).get(name, {}).get("figures", [])}
        for one in bench["figures"]:
            value = f"{one['value']:.2f} {one['unit']}"
            promised = f"{'≤' if one['at_most'] else '≥'} {one['promised']:.4g}" if one["promised"] is not None else ""
            mark = "" if kept(one) else " (!)"
            numbers = ", ".join(f"{key} {number:,.4g}" for key, number in one["detail"].items())
            line = f"  {one['what']:<40} {value:>12} {promised + mark:<12}"
            if then:
                old = before.get(one["what"])
                line += f" {old['value']:>9.2f} {100 * (one['value'] / old['value'] - 1):>+5.0f} %" if old else " " * 18
            lines.append(f"{line} {numbers}".rstrip())
    lines += [f"\n{name}: FAILED: {reason}" for name, reason in run["failed"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
