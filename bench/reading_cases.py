"""How long the pages and the interface take over many cases: server CPU a request, and memory over many requests.

    python -m bench.reading_cases [--cases 200000] [--mails 5] [--url sqlite:///bench.db] [--keep]

Seeds an empty database (SQLite in a temporary folder unless ``--url`` names another), serves it in a process of its
own and prints, for each kind of request, the median CPU milliseconds of the server; then its memory before and after
10,000 requests.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.figure import Outcome, figure, outcome
from bench.installation import free_port
from service.store import search
from service.store.database import Database
from service.store.migrate import migrate
from tests.seeding import seed

REQUESTS = {
    "list": "/api/cases?limit=50",
    "list, second page": "",
    "filter": "/api/cases?waiting_on=team&priority=P1&limit=50",
    "filter, missing": "/api/cases?missing=version&sort=priority&limit=50",
    "filter, participant": "/api/cases?participant=user7@corp.example&limit=50",
    "filter, vendor_ref": "/api/cases?vendor_ref=2600000101",
    "case": "/api/cases/SD-101",
    "timeline": "/api/cases/SD-101/messages",
    "search, in every fifth case": "/api/cases?q=%E8%BF%94%E9%87%91&limit=50",
    "search, two words": "/api/cases?q=osaka+delayed&limit=50",
    "search, rare": "/api/cases?q=2600000101",
    "board": "/",
    "board, list": "/?status=open&waiting_on=vendor",
    "board, search": "/?q=%E5%85%A8%E7%A4%BE",
    "board, case": "/cases/SD-101",
}


def cpu(pid: int) -> float:
    """Seconds of CPU a process has used."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def fill(url: str, cases: int, mails: int) -> None:
    database = Database(url)
    migrate(database)
    began = time.monotonic()
    seed(database, cases, mails=mails, now=datetime.now(UTC), chunk=5000)
    print(f"seeded {cases} cases, {cases * mails} messages in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    while search.index_pending(database, 5000):
        pass
    print(f"indexed in {time.monotonic() - began:.0f} s", flush=True)
    database.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))
    database.close()


def cost(client: httpx.Client, pid: int, path: str, rounds: int, batch: int = 5) -> tuple[float, float]:
    """Median CPU and median time of a request, in ms. CPU is counted over small batches: the clock ticks in 10 ms."""
    cpus, times = [], []
    client.get(path).raise_for_status()
    for _ in range(rounds):
        before, began = cpu(pid), time.perf_counter()
        for _ in range(batch):
            client.get(path).raise_for_status()
        times.append((time.perf_counter() - began) / batch * 1000)
        cpus.append((cpu(pid) - before) / batch * 1000)
    return statistics.median(cpus), statistics.median(times)


@contextlib.contextmanager
def serving(url: str) -> Iterator[tuple[httpx.Client, int]]:
    """`sodan api` on this database: a client of it, and its process id."""
    port = free_port()
    environment = {
        **os.environ,
        "SODAN_DATABASE_URL": url,
        "SODAN_HTTP_LISTEN": f"127.0.0.1:{port}",
        "SODAN_HTTP_RATE": "1000000",
        "SODAN_LOG_LEVEL": "error",
    }
    server = subprocess.Popen([sys.executable, "-m", "service", "api"], env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(300):
                try:
                    client.get("/readyz").raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.1)
            yield client, server.pid
    finally:
        server.terminate()
        server.wait(20)


def _paths(client: httpx.Client) -> dict[str, str]:
    second = client.get(REQUESTS["list"]).json()["next"]
    return {**REQUESTS, "list, second page": f"{REQUESTS['list']}&cursor={second}"}


def measure(seconds: float, cases: int = 2000) -> Outcome:
    """Server CPU of the main requests, against one that only says that it is alive; in about so many seconds."""
    wanted = ("list", "filter", "case", "timeline", "search, two words", "board", "board, case")
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        fill(url, cases, 5)
        with serving(url) as (client, pid):
            paths = _paths(client)
            until = time.monotonic() + seconds * 0.6
            costs: dict[str, list[float]] = {name: [] for name in (*wanted, "alive")}
            while len(costs["alive"]) < 2 or time.monotonic() < until:
                for name in wanted:
                    costs[name].append(cost(client, pid, paths[name], 1, batch=10)[0])
                costs["alive"].append(cost(client, pid, "/healthz", 1, batch=50)[0])
    base = statistics.mean(costs.pop("alive"))
    figures = [
        figure(
            name,
            statistics.mean(found) / base,
            against="CPU of /healthz",
            detail={"ms": statistics.mean(found), "base_ms": base},
        )
        for name, found in costs.items()
    ]
    return outcome(figures)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200_000)
    parser.add_argument("--mails", type=int, default=5)
    parser.add_argument("--url")
    parser.add_argument("--filled", action="store_true", help="the database of --url is filled already")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--soak", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = args.url or f"sqlite:///{folder}/bench.db"
        if not args.filled:
            fill(url, args.cases, args.mails)
        with serving(url) as (client, pid):
            paths = _paths(client)
            for name, path in paths.items():
                used, took = cost(client, pid, path, args.rounds)
                print(f"{name:30} {used:7.1f} ms CPU  {took:7.1f} ms", flush=True)
            soak = [path for name, path in paths.items() if not name.startswith(("search", "board, search"))]
            for path in soak * 20:
                client.get(path)
            before = memory(pid)
            for number in range(args.soak):
                client.get(soak[number % len(soak)])
            after = memory(pid)
            print(f"memory {before / 1e6:.1f} MB before, {after / 1e6:.1f} MB after {args.soak} requests")
    return 0


if __name__ == "__main__":
    sys.exit(main())
