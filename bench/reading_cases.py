"""CPU time of the server for each kind of request over many cases.

    python -m bench.reading_cases [sqlite|postgresql|URL] [--messages 1000000]

Fills an empty database, serves it and prints for each request the median CPU milliseconds of the API process (on
PostgreSQL with its backends), the median time, and the size of the answer.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import cyclopts
import httpx
from sqlalchemy import text

from bench.harness import Figure, cpu_of_processes, databases, listening, opened, ratio, table
from service.store import search
from service.store.database import Connection, Database
from tests.seeding import seed

MAILS = 5
"""Of a case."""
MAIN = ("list", "filter", "case", "timeline", "search, two words", "board", "board, case")


def fill(url: str, cases: int) -> None:
    """Seed cases and index their mails."""
    with opened(url) as database:
        seed(database, cases, mails=MAILS, now=datetime.now(UTC), chunk=5000)
        database.transact(_received)
        while search.index_pending(database, 5000):
            pass
        database.transact(lambda conn: conn.exec_driver_sql("ANALYZE"))


def _received(conn: Connection) -> None:
    """An entry of the spool for each message, as if each had come as a mail."""
    number, listed, raw = (
        ("CAST(id AS text)", "CAST('[]' AS jsonb)", "CAST('mail' AS bytea)")
        if conn.dialect.name == "postgresql"
        else ("id", "'[]'", "zeroblob(700)")
    )
    for statement in (
        "INSERT INTO spool (id, received_at, channel, rcpt_tos, size, sha256, state, attempts, due_at) "
        f"SELECT {number}, received_at, 'smtp', {listed}, 700, {number}, 'done', 1, received_at FROM messages",
        f"INSERT INTO contents (id, codec, bytes) SELECT {number}, 'raw', {raw} FROM messages",
    ):
        conn.execute(text(statement))


@contextlib.contextmanager
def serving(url: str, cases: int) -> Iterator[tuple[httpx.Client, int]]:
    """`sodan api` on this database, filled with cases: a client of it, and its process id."""
    fill(url, cases)
    given = {"database_url": url, "http_listen": "127.0.0.1:0", "http_rate": "1000000", "log_level": "error"}
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(listening("-m", "service", "api", **given))
        yield stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{api.port}", timeout=60)), api.pid


def paths(client: httpx.Client) -> dict[str, str]:
    """The path of each request, by name."""
    second = client.get("/api/cases?limit=50").json()["next"]
    return {name: path.format(second=second) for name, path in table("requests").items()}


def cost(client: httpx.Client, pids: Sequence[int], path: str, batch: int = 5) -> tuple[float, float, int]:
    """CPU and time of a request, in ms, and the bytes of an answer; over a batch, since the clock of CPU is coarse."""
    used, began = cpu_of_processes(*pids), time.perf_counter()
    for _ in range(batch):
        answer = client.get(path).raise_for_status()
    took = time.perf_counter() - began
    return (cpu_of_processes(*pids) - used) / batch * 1000, took / batch * 1000, len(answer.content)


def measure(seconds: float, cases: int = 2000) -> list[Figure]:
    """The main requests, against one that only says that the service is alive; in about so many seconds."""
    with databases("sqlite") as create, serving(create("bench"), cases) as (client, pid):
        wanted = {name: path for name, path in paths(client).items() if name in MAIN}
        costs: dict[str, list[float]] = {name: [] for name in (*wanted, "alive")}
        until = time.monotonic() + seconds * 0.6
        while len(costs["alive"]) < 2 or time.monotonic() < until:
            for name, path in wanted.items():
                costs[name].append(cost(client, [pid], path, 10)[0])
            costs["alive"].append(cost(client, [pid], "/healthz", 50)[0])
    means = {name: [statistics.mean(found)] for name, found in costs.items()}  # a median would see the ticks
    return [ratio(name, means[name], means["alive"]) for name in wanted]


def main(database: str = "sqlite", *, messages: int = 1_000_000) -> None:
    with databases(database) as create:
        url = create("bench")
        with serving(url, messages // MAILS) as (client, pid):
            for name, path in paths(client).items():
                client.get(path)
                pids = [pid, *_backends(url)]
                cpu, took, size = zip(*(cost(client, pids, path) for _ in range(10)), strict=True)
                used = f"{statistics.median(cpu):7.1f} ms CPU  {statistics.median(took):7.1f} ms"
                print(f"{name:34} {used}  {size[0] / 1000:6.1f} kB", flush=True)


def _backends(url: str) -> list[int]:
    """The processes of a PostgreSQL on this machine that work for sodan; none on SQLite."""
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'sodan' AND pid <> pg_backend_pid()"
    if not url.startswith("postgresql"):
        return []
    database = Database(url)
    found = database.read(lambda conn: conn.execute(text(query)).scalars().all())
    database.close()
    return [int(pid) for pid in found]


if __name__ == "__main__":
    cyclopts.run(main)
