"""How long the pages and the interface take over many cases: server CPU of a request.

    python -m bench.reading_cases [--messages 1000000] [--mails 5] [sqlite|postgresql|URL]

Fills an empty database, serves it by `sodan api` and prints, for each kind of request, the median CPU milliseconds of
the server; on PostgreSQL with those of its backends.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import text

from bench.figure import Outcome, figure, outcome
from bench.stores import databases
from service.store import search
from service.store.database import Connection, Database
from service.store.migrate import migrate
from tests.seeding import seed
from tests.served import environment, free_port

REQUESTS = {
    "list": "/api/cases?limit=50",
    "list, second page": "",
    "filter": "/api/cases?waiting_on=team&priority=P1&limit=50",
    "filter, missing": "/api/cases?missing=version&sort=priority&limit=50",
    "filter, participant": "/api/cases?participant=user7@corp.example&limit=50",
    "filter, vendor_ref": "/api/cases?vendor_ref=2600000101",
    "case": "/api/cases/SD-101",
    "timeline": "/api/cases/SD-101/messages",
    "search, in every fifth case": "/api/cases?q=返金&limit=50",
    "search, two words": "/api/cases?q=osaka+delayed&limit=50",
    "search, two words of every mail": "/api/cases?q=世話+願い&limit=50",
    "search, a sentence of every mail": "/api/cases?q=お世話になっております",
    "search, a word unfinished": "/api/cases?q=mail+exampl",
    "search, one letter": "/api/cases?q=e",
    "search, words that never meet": "/api/cases?q=osaka+返金",
    "search, rare": "/api/cases?q=2600000101",
    "board": "/",
    "board, list": "/?status=open&waiting_on=vendor",
    "board, search": "/?q=全社",
    "board, case": "/cases/SD-101",
    "vendors": "/api/vendors",
    "metrics": "/metrics",
}


def cpu(*pids: int) -> float:
    """Seconds of CPU these processes have used."""
    ticks = 0
    for pid in pids:
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def backends(url: str) -> list[int]:
    """The processes of a PostgreSQL on this machine that work for sodan; none on SQLite."""
    database = Database(url)
    if not database.postgresql:
        return []
    query = text("SELECT pid FROM pg_stat_activity WHERE application_name = 'sodan' AND pid <> pg_backend_pid()")
    found = [int(pid) for pid in database.read(lambda conn: conn.execute(query).scalars().all())]
    database.close()
    return found


def fill(url: str, cases: int, mails: int) -> None:
    database = Database(url)
    migrate(database)
    began = time.monotonic()
    seed(database, cases, mails=mails, now=datetime.now(UTC), chunk=5000)
    database.transact(_received)
    print(f"seeded {cases} cases, {cases * mails} messages in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    while search.index_pending(database, 5000):
        pass
    print(f"indexed in {time.monotonic() - began:.0f} s", flush=True)
    database.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))
    database.close()


def _received(conn: Connection) -> None:
    """An entry of the spool for each message, as if each had come as a mail."""
    number, listed = (
        ("CAST(id AS text)", "CAST('[]' AS jsonb)") if conn.dialect.name == "postgresql" else ("id", "'[]'")
    )
    raw = "CAST('mail' AS bytea)" if conn.dialect.name == "postgresql" else "zeroblob(700)"
    for statement in (
        "INSERT INTO spool (id, received_at, channel, rcpt_tos, size, sha256, state, attempts, due_at) "
        f"SELECT {number}, received_at, 'smtp', {listed}, 700, {number}, 'done', 1, received_at FROM messages",
        f"INSERT INTO contents (id, codec, bytes) SELECT {number}, 'raw', {raw} FROM messages",
    ):
        conn.execute(text(statement))


def cost(
    client: httpx.Client, pids: Sequence[int], path: str, rounds: int, batch: int = 5
) -> tuple[float, float, float]:
    """Median CPU and median time of a request, in ms, and the bytes of an answer.

    CPU is counted over small batches: its clock ticks in 10 ms.
    """
    cpus, times = [], []
    size = len(client.get(path).raise_for_status().content)
    for _ in range(rounds):
        before, began = cpu(*pids), time.perf_counter()
        for _ in range(batch):
            client.get(path).raise_for_status()
        times.append((time.perf_counter() - began) / batch * 1000)
        cpus.append((cpu(*pids) - before) / batch * 1000)
    return statistics.median(cpus), statistics.median(times), size


@contextlib.contextmanager
def serving(url: str) -> Iterator[tuple[httpx.Client, int]]:
    """`sodan api` on this database: a client of it, and its process id."""
    port = free_port()
    given = {"database_url": url, "http_listen": f"127.0.0.1:{port}", "http_rate": "1000000", "log_level": "error"}
    server = subprocess.Popen([sys.executable, "-m", "service", "api"], env=environment(**given))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            for _ in range(1200):
                with contextlib.suppress(httpx.HTTPError):
                    if client.get("/readyz").status_code == 200:
                        break
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
    with databases("sqlite") as create:
        url = create("bench")
        fill(url, cases, 5)
        with serving(url) as (client, pid):
            paths = _paths(client)
            until = time.monotonic() + seconds * 0.6
            costs: dict[str, list[float]] = {name: [] for name in (*wanted, "alive")}
            while len(costs["alive"]) < 2 or time.monotonic() < until:
                for name in wanted:
                    costs[name].append(cost(client, [pid], paths[name], 1, batch=10)[0])
                costs["alive"].append(cost(client, [pid], "/healthz", 1, batch=50)[0])
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
    parser.add_argument("database", nargs="?", default="sqlite", help="sqlite, postgresql, or the URL of an empty one")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--mails", type=int, default=5, help="of a case")
    parser.add_argument("--rounds", type=int, default=10)
    asked = parser.parse_args()
    with databases(asked.database) as create:
        url = create("bench")
        fill(url, asked.messages // asked.mails, asked.mails)
        with serving(url) as (client, pid):
            for name, path in _paths(client).items():
                client.get(path)
                used, took, size = cost(client, [pid, *backends(url)], path, asked.rounds)
                print(f"{name:34} {used:7.1f} ms CPU  {took:7.1f} ms  {size / 1000:6.1f} kB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
