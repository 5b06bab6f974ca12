"""Measures the CPU time of the server for each kind of request over many cases, against `/healthz`.

    python -m bench.reading_cases [sqlite|postgresql] [--messages 1000000]

It fills an empty database and serves it. For each request, it prints the median CPU time of the API process
in milliseconds (on PostgreSQL with its backends).
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import cyclopts
import httpx
from sqlalchemy import text

from bench.harness import Figure, cpu_of_processes, empty, listening, ratio, show, table, url_of
from service.store import search
from service.store.database import Database
from tests.seeding import seed

MAILS = 5  # of a case
BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE application_name = 'sodan' AND pid <> pg_backend_pid()")
"""Selects the PostgreSQL processes that work for sodan."""
MAIN = ("list", "filter", "case", "timeline", "search, two words", "board", "board, case")


def fill(database: Database, cases: int) -> None:
    """Seed cases and index their mails."""
    seed(database, cases, mails=MAILS, now=datetime.now(UTC), chunk=5000)
    while database.transact(lambda conn: search.index_pending(conn, 5000)):
        pass
    database.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))


def cost(client: httpx.Client, pids: Sequence[int], path: str, batch: int) -> float:
    """Return the CPU time of a request in ms. It sends a batch, because the clock of the CPU time is coarse."""
    used = cpu_of_processes(*pids)
    for _ in range(batch):
        client.get(path).raise_for_status()
    return (cpu_of_processes(*pids) - used) / batch * 1000


def compare(kind: str, cases: int, seconds: float, names: Sequence[str] = ()) -> list[Figure]:
    """Measure the requests of these names, or all, in turns for so many seconds."""
    found, base = defaultdict[str, list[float]](list), list[float]()
    with empty(kind) as database:
        fill(database, cases)
        given = {"database_url": url_of(database), "http_rate": "1000000", "log_level": "error"}
        with (
            listening("service", "api", http_listen="{at}", **given) as (pid, port),
            httpx.Client(timeout=60) as client,
        ):
            client.base_url = f"http://127.0.0.1:{port}"
            second = client.get("/api/cases?limit=50").json()["next"]
            requests = table("requests")
            paths = {name: requests[name].format(second=second) for name in names or requests}
            for path in paths.values():
                client.get(path)  # the first is slower
            pids = [pid, *(database.read(lambda conn: conn.scalars(BACKENDS).all()) if database.postgresql else ())]
            until = time.monotonic() + seconds
            while len(base) < 2 or time.monotonic() < until:
                for name, path in paths.items():
                    found[name].append(cost(client, pids, path, 10))
                base.append(cost(client, pids, "/healthz", 50))
    return [ratio(name, its, base) for name, its in found.items()]


def measure(seconds: float) -> list[Figure]:
    """Measure the main requests over 2,000 cases, in about so many seconds."""
    return compare("sqlite", 2000, seconds * 0.6, MAIN)


def main(database: str = "sqlite", *, messages: int = 1_000_000, seconds: float = 60) -> None:
    show(compare(database, messages // MAILS, seconds))


if __name__ == "__main__":
    cyclopts.run(main)
