"""A day's worth of mail at a constant rate, while memory, open files, the database and the waiting are watched.

    python -m bench.soak --mails 200000 --minutes 60 [--desks] [--workers 2] [--json FILE] [sqlite|postgresql]

The realistic mix (`bench.mix`, dated on from now), or with `--desks` the mail of a house and its vendors
(`bench.desks`), by SMTP into `sodan serve`, each at its own moment: what a mail waits
for its 250 counts from the moment it was due, not from when a connection was free. One mail a second is followed from
its 250 until the API shows it. Every ten seconds: resident memory, open files and CPU of each process, bytes of the
database, mails that wait for a worker.
Exit status 1 where a mail is not accounted for in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import uvloop

from bench import desks, mix
from bench.accept import LOADS, Sender
from bench.installation import Installation, installation
from bench.kill import database_url
from bench.machine import ROOT, commit, facts
from bench.mix import Made
from bench.soak_plot import svg
from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Database

CONNECTIONS = 16
ZONE = ZoneInfo("Asia/Tokyo")
"""Of the house: the default of `SODAN_ZONE`."""
LOOK_SECONDS = 10.0
FOLLOW_SECONDS = 1.0
AHEAD = 256
"""Mails made before they are due."""
PATIENCE = 900.0
"""Seconds in which all that was sent must be taken in, after the last one."""
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Stream:
    """Mails that are due one after the other, over as many connections as it takes."""

    def __init__(self, made: Iterator[Made], count: int, rate: float) -> None:
        self.count, self.sent = count, 0
        self.refusals: Counter[str] = Counter()
        self.waits: list[float] = []
        """Milliseconds from due to 250, since somebody last took them."""
        self.followed: asyncio.Queue[tuple[str, float]] = asyncio.Queue()
        self.idle: list[StreamSender] = []
        self._made, self._rate = made, rate
        self._ready: deque[tuple[str, bytes]] = deque()
        self.due: deque[tuple[float, str, bytes]] = deque()
        self._last_followed = 0.0

    async def deliver(self, port: int) -> float:
        """Send all; returns the seconds it took."""
        loop = asyncio.get_running_loop()
        for _ in range(CONNECTIONS):
            await loop.create_connection(lambda: StreamSender(self, port), "127.0.0.1", port)
        began, given = loop.time(), 0
        while self.sent < self.count:
            now = loop.time()
            while given < self.count and began + given / self._rate <= now:
                self._prepare(1)
                self.due.append((began + given / self._rate, *self._ready.popleft()))
                given += 1
            while self.idle and self.due:
                self.idle.pop().begin()
            self._prepare(4)
            await asyncio.sleep(0.002)
        return loop.time() - began

    def _prepare(self, least: int) -> None:
        for _ in range(least):
            if len(self._ready) < AHEAD and (one := next(self._made, None)):
                wire = one.content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n"
                self._ready.append((one.message_id, wire))

    def taken(self, due: float, message_id: str) -> None:
        now = asyncio.get_running_loop().time()
        self.sent += 1
        self.waits.append((now - due) * 1000)
        if now - self._last_followed > FOLLOW_SECONDS:
            self._last_followed = now
            self.followed.put_nowait((message_id, now))


class StreamSender(Sender):
    """A connection of the stream; what is refused is due again, on a new connection."""

    def __init__(self, stream: Stream, port: int) -> None:
        self._refusal: dict[str, Any] = {"sent": 0, "over": True, "refused": "", "content": b""}
        super().__init__(LOADS[0], self._refusal)
        self._stream, self._port = stream, port
        self._mail: tuple[float, str, bytes] | None = None

    def next_mail(self) -> bytes | None:
        if not self._stream.due:
            self._stream.idle.append(self)
            return None
        self._mail = self._stream.due.popleft()
        return self._mail[2]

    def taken(self) -> None:
        assert self._mail is not None
        self._stream.taken(*self._mail[:2])
        self._mail = None

    def connection_lost(self, _error: Exception | None) -> None:
        self._stream.refusals[self._refusal["refused"] or "connection lost"] += 1
        if self._mail is not None:
            self._stream.due.appendleft(self._mail)
        if self in self._stream.idle:
            self._stream.idle.remove(self)
        loop = asyncio.get_running_loop()
        loop.call_later(1, lambda: loop.create_task(self._again()))

    async def _again(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: StreamSender(self._stream, self._port), "127.0.0.1", self._port)
        except OSError:
            loop.call_later(1, lambda: loop.create_task(self._again()))


class Watch:
    """What is seen from outside, every ten seconds."""

    def __init__(self, sodan: Installation, database: Database, stream: Stream) -> None:
        self.rows: list[dict[str, Any]] = []
        self.visible: list[float] = []
        """Milliseconds from 250 to shown, since the last look."""
        self.unseen = 0
        self._sodan, self._database, self._stream = sodan, database, stream
        self._list_ms = 0.0

    async def look(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        sent = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            processes = {name: _process(pid) for name, pid in self._sodan.processes().items()}
            waits, self._stream.waits = self._stream.waits, []
            visible, self.visible = self.visible, []
            ledger = await asyncio.to_thread(_ledger, self._database)
            row = {
                "at": round(loop.time() - began, 1),
                "sent": self._stream.sent,
                "rate": round((self._stream.sent - sent) / LOOK_SECONDS, 2),
                "behind": len(self._stream.due),
                "waiting": ledger.waiting if ledger else None,
                "shunted": ledger.shunted if ledger else None,
                "accept_ms": _quantiles(waits),
                "visible_ms": _quantiles(visible),
                "list_ms": round(self._list_ms, 1),
                "database_mb": round(await asyncio.to_thread(_size, self._database) / 1e6, 2),
                "load": round(os.getloadavg()[0], 2),
                "processes": processes,
            }
            sent = self._stream.sent
            self.rows.append(row)
            memory = ", ".join(f"{name} {one['mb']:.0f}" for name, one in processes.items())
            print(
                f"{row['at']:7.0f} s  {row['sent']} sent, {row['waiting']} waiting, 250 after {row['accept_ms']}, "
                f"shown after {row['visible_ms']} ms, MB {memory}, database {row['database_mb']}, load {row['load']}",
                flush=True,
            )

    async def follow(self) -> None:
        """Each of the chosen mails from its 250 until it is shown, several at a time where they are slow."""
        async with httpx.AsyncClient(base_url=self._sodan.url, timeout=60) as client, asyncio.TaskGroup() as group:
            while True:
                message_id, taken = await self._stream.followed.get()
                group.create_task(self._seen(client, message_id, taken))

    async def _seen(self, client: httpx.AsyncClient, message_id: str, taken: float) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.02
        while loop.time() < taken + PATIENCE:
            answer = await client.get("/api/messages", params={"message_id": message_id})
            if answer.status_code == 200 and answer.json()["items"]:
                self.visible.append((loop.time() - taken) * 1000)
                asked = loop.time()
                await client.get("/api/cases", params={"limit": 50})
                self._list_ms = (loop.time() - asked) * 1000
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.3, 1.0)
        self.unseen += 1


def _process(pid: int) -> dict[str, float]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6
        files = len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return {"mb": 0, "files": 0, "cpu_s": 0}
    return {"mb": round(resident, 1), "files": files, "cpu_s": round((int(stat[11]) + int(stat[12])) / TICK, 2)}


def _ledger(database: Database) -> spool_view.Ledger | None:
    try:
        return database.read(spool_view.ledger)
    except Unavailable:
        return None


def _size(database: Database) -> float:
    if database.postgresql:
        query = "SELECT pg_database_size(current_database())"
        return float(database.read(lambda conn: conn.exec_driver_sql(query).scalar_one()))
    path = Path(database.url.database or "")
    return float(sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.exists()))


def _quantiles(values: Sequence[float]) -> list[float]:
    """Median, 99th of a hundred, longest; nothing of nothing."""
    if not values:
        return []
    ordered = sorted(values)
    return [round(v, 1) for v in (statistics.median(ordered), ordered[int(0.99 * (len(ordered) - 1))], ordered[-1])]


async def _run(
    sodan: Installation, database: Database, made: Iterator[Made], count: int, rate: float
) -> dict[str, Any]:
    stream = Stream(made, count, rate)
    watch = Watch(sodan, database, stream)
    loop = asyncio.get_running_loop()
    began = loop.time()
    tasks = [loop.create_task(watch.look(began)), loop.create_task(watch.follow())]
    took = await stream.deliver(sodan.smtp)
    ended = loop.time()
    ledger = None
    while loop.time() < ended + PATIENCE:
        ledger = await asyncio.to_thread(_ledger, database)
        if ledger is not None and ledger.taken_in + ledger.shunted >= count:
            break
        await asyncio.sleep(0.5)
    drained = loop.time() - ended
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "sent": stream.sent,
        "seconds": round(took, 1),
        "rate": round(count / took, 2),
        "drained_seconds": round(drained, 1),
        "refusals": dict(stream.refusals),
        "unseen": watch.unseen,
        "accepted": ledger.accepted if ledger else None,
        "taken_in": ledger.taken_in if ledger else None,
        "waiting": ledger.waiting if ledger else None,
        "shunted": ledger.shunted if ledger else None,
        "rows": watch.rows,
    }


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The second sixth of the run beside its last: by then all is warm."""
    sixth = max(1, len(rows) // 6)
    parts = {"early": rows[sixth : 2 * sixth] or rows[:1], "late": rows[-sixth:]}

    def mean(some: Sequence[dict[str, Any]], *path: str | int) -> float:
        values = []
        for row in some:
            found: Any = row
            for step in path:
                found = found[step] if not isinstance(step, int) or found else None
            if found is not None:
                values.append(float(found))
        return round(statistics.mean(values), 2) if values else 0.0

    names = list(rows[0]["processes"])
    return {
        when: {
            "accept_median_ms": mean(some, "accept_ms", 0),
            "accept_p99_ms": mean(some, "accept_ms", 1),
            "visible_median_ms": mean(some, "visible_ms", 0),
            "visible_p99_ms": mean(some, "visible_ms", 1),
            "waiting": mean(some, "waiting"),
            "list_ms": mean(some, "list_ms"),
            "load": mean(some, "load"),
            **{f"{name}_mb": mean(some, "processes", name, "mb") for name in names},
            **{f"{name}_files": mean(some, "processes", name, "files") for name in names},
            "kb_a_mail": round(
                1000 * (some[-1]["database_mb"] - some[0]["database_mb"]) / max(1, some[-1]["sent"] - some[0]["sent"]),
                2,
            ),
        }
        for when, some in parts.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--mails", type=int, default=200_000)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=1, choices=[1, 2])
    parser.add_argument("--desks", action="store_true", help="conversations of a house and its vendors")
    parser.add_argument("--json", type=Path, help="default: bench/results/soak-<commit>.json")
    asked = parser.parse_args(arguments)
    began = time.time()
    with (
        tempfile.TemporaryDirectory() as folder,
        database_url(asked.database, Path(folder)) as url,
        installation(url, workers=asked.workers, team=f"@{desks.TEAM}") as sodan,
    ):
        database = Database(url)
        now = datetime.now(ZONE)
        made = (
            desks.mails(asked.mails, now, prefix="soak")
            if asked.desks
            else mix.mails(asked.mails, prefix="soak", begun=now)
        )
        found = uvloop.run(_run(sodan, database, made, asked.mails, asked.mails / (60 * asked.minutes)))
        database.close()
    run = {
        "commit": commit(),
        "database": asked.database,
        "workers": asked.workers,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
        "machine": facts(),
        **{name: value for name, value in found.items() if name != "rows"},
        **summary(found["rows"]),
        "rows": found["rows"],
    }
    file = asked.json or ROOT / "bench" / "results" / f"soak-{run['commit']}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    file.with_suffix(".svg").write_text(svg(run), encoding="utf-8")
    print(json.dumps({name: value for name, value in run.items() if name not in ("rows", "machine")}, indent=1))
    whole = run["accepted"] == asked.mails == run["taken_in"] and not run["unseen"]
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
