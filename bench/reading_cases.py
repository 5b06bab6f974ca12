"""CPU time of the server for each kind of request over many cases, against a request for `/healthz`.

    python -m bench.reading_cases [sqlite|postgresql] [--messages 1000000]

Fills an empty database, serves it and prints for each request the CPU milliseconds of the API process (on PostgreSQL
with its backends), the time, and the size of the answer. The figures are means.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
from sqlalchemy import text

from bench.harness import Figure, cpu_of_processes, databases, listening, opened, ratio, run_alone, table
from service.store import search
from tests.seeding import seed

MAILS = 5  # of a case
BACKENDS = text("SELECT pid FROM pg_stat_activity WHERE application_name = 'sodan' AND pid <> pg_backend_pid()")
"""The processes of a PostgreSQL on this machine that work for sodan."""


def cost(client: httpx.Client, pids: Sequence[int], path: str, batch: int) -> tuple[float, float, int]:
    """CPU and time of a request, in ms, and the bytes of an answer; over a batch, since the clock of CPU is coarse."""
    used, began = cpu_of_processes(*pids), time.perf_counter()
    for _ in range(batch):
        answer = client.get(path).raise_for_status()
    took = time.perf_counter() - began
    return (cpu_of_processes(*pids) - used) / batch * 1000, took / batch * 1000, len(answer.content)


def compare(database: str = "sqlite", *, messages: int = 1_000_000, seconds: float = 60) -> list[Figure]:
    """All requests in turns for so many seconds."""
    found: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    with databases(database) as create, opened(url := create("bench")) as store:
        seed(store, messages // MAILS, mails=MAILS, now=datetime.now(UTC), chunk=5000)
        while search.index_pending(store, 5000):
            pass
        store.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))
        given = {"database_url": url, "http_listen": "127.0.0.1:0", "http_rate": "1000000", "log_level": "error"}
        api, retry = listening("-m", "service", "api", **given), httpx.HTTPTransport(retries=5)
        with api as (pid, port), httpx.Client(transport=retry, timeout=60) as client:
            client.base_url = f"http://127.0.0.1:{port}"
            second = client.get("/api/cases?limit=50").json()["next"]
            paths = {name: path.format(second=second) for name, path in table("requests").items()}
            for path in paths.values():
                client.get(path)  # the first is slower
            pids = [pid, *(store.read(lambda conn: conn.scalars(BACKENDS).all()) if store.postgresql else ())]
            until = time.monotonic() + seconds
            while len(found["alive"]) < 2 or time.monotonic() < until:
                for name, path in paths.items():
                    found[name].append(cost(client, pids, path, 10))
                found["alive"].append(cost(client, pids, "/healthz", 50))
    means = {name: [statistics.mean(column) for column in zip(*its, strict=True)] for name, its in found.items()}
    base = [means.pop("alive")[0]]
    sizes = {name: {"wall ms": took, "kB": size / 1000} for name, (_, took, size) in means.items()}
    return [ratio(name, [cpu], base, **sizes[name]) for name, (cpu, *_) in means.items()]


def measure(seconds: float) -> list[Figure]:
    """2,000 cases, in about so many seconds."""
    return compare(messages=2000 * MAILS, seconds=seconds * 0.6)


if __name__ == "__main__":
    run_alone(compare)
