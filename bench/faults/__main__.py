"""Real faults, one after the other, while mail comes in; nothing that got 250 may be lost or doubled.

    python -m bench.faults --minutes 30 --seed 7                # SQLite and PostgreSQL side by side
    python -m bench.faults --minutes 5 sqlite

A `sodan serve` on each database, somebody who starts it again when it ends, senders that write down every 250, and
faults: processes killed and held, flushes and writes that fail or are slow (strace), a disk that is full, hangs or is
read-only (ext4 in a file), PostgreSQL stopped, killed, read-only and failing over to its standby, a clock that jumps
(libfaketime). After each fault the service must be ready and take mail again by itself within 90 seconds. In the end
all that was promised is looked up. Exit status 1 where something is lost, doubled, changed, or did not recover.
As root, with strace, mount and libfaketime; what is missing is left out and named.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from subprocess import CalledProcessError, SubprocessError

from bench.faults.account import Account, Done, compare, table
from bench.faults.cluster import Cluster
from bench.faults.disk import Disk
from bench.faults.installation import Installation
from bench.faults.kinds import Kind, Site, beside, kinds
from bench.faults.senders import Senders
from bench.machine import ROOT, commit, facts
from service.errors import Unavailable
from service.store import spool_view
from service.store.database import Database

RECOVER_SECONDS = 90.0
DRAIN_SECONDS = 600.0
MEGABYTES = {"sqlite": 600, "postgresql": 1600}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.faults", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=6, help="mails a second to each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="only faults whose name holds these words")
    parser.add_argument("--json", type=Path, help="default: bench/results/faults-<commit>.json")
    parser.add_argument("--keep", type=Path, help="folder for logs and journals, kept")
    asked = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        folder = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sodan-faults-")))
        with ThreadPoolExecutor(len(asked.databases)) as pool:
            runs = [
                pool.submit(run, name, folder / name, 60 * asked.minutes, asked.rate, asked.seed, asked.only or "")
                for name in asked.databases
            ]
            accounts = [one.result() for one in runs]
    document = {
        "commit": commit(),
        "machine": facts(),
        "minutes": asked.minutes,
        "seed": asked.seed,
        "faults": sum(len(one.done) for one in accounts),
        "databases": [one.document() for one in accounts],
    }
    file = asked.json or ROOT / "bench" / "results" / f"faults-{document['commit']}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(table(accounts))
    print(f"{document['faults']} faults; kept in {file}")
    return 0 if all(one.good for one in accounts) else 1


def run(name: str, folder: Path, seconds: float, rate: float, seed: int, only: str = "") -> Account:
    """One database for so long, then the count."""
    folder.mkdir(parents=True, exist_ok=True)
    account = Account(name)
    began = time.monotonic()
    with _site(name, folder, seed) as site:
        house = site.house
        if not house.wait_ready(120):
            raise RuntimeError(f"{name}: the service does not start")
        senders = Senders(house.smtp, folder / "journal", name=name, rate=rate)
        chosen = [kind for kind in kinds(site) if only in kind.name]
        start = time.monotonic()
        with (folder / "faults.jsonl").open("a") as log:
            while time.monotonic() < start + seconds:
                kind = site.choice.choices(chosen, [one.weight for one in chosen])[0]
                for done in _together(site, senders, [kind, *beside(kind, site)], start):
                    account.faults.append(done)
                    log.write(json.dumps(asdict(done)) + "\n")
                log.flush()
                time.sleep(site.choice.uniform(0, 0.3))
        house.jump(0)
        senders.stop(RECOVER_SECONDS)
        account.replies = dict(senders.replies.most_common())
        database = Database(house.url)
        _drain(database)
        house.wait_ready(RECOVER_SECONDS)
        compare(account, database, house.http, senders.sent, senders.promised, seed)
        database.close()
        account.restarts = house.restarts
    account.seconds = time.monotonic() - began
    return account


def _together(site: Site, senders: Senders, some: Sequence[Kind], start: float) -> list[Done]:
    """Do these at the same time, watch, and wait until all is well again."""
    began = time.monotonic()
    over, red = threading.Event(), threading.Event()

    def watch() -> None:
        while not over.wait(0.4):
            if site.house.readiness(3) != 200:
                red.set()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with ThreadPoolExecutor(len(some)) as pool:
        troubles = list(pool.map(lambda kind: _do(site, kind), some))
    ended = time.monotonic()
    recovered = _recovered(site, senders, ended)
    over.set()
    watching.join()
    return [
        Done(kind.name, round(began - start, 1), round(ended - began, 1), red.is_set(), recovered, trouble)
        for kind, trouble in zip(some, troubles, strict=True)
    ]


def _do(site: Site, kind: Kind) -> str:
    """Do it; returns why it could not be done."""
    try:
        kind.do(site)
    except (OSError, SubprocessError, RuntimeError) as error:
        if site.cluster is not None:
            with contextlib.suppress(RuntimeError):
                site.cluster.start()
        return str(error)[:200] or repr(error)
    return ""


def _recovered(site: Site, senders: Senders, ended: float) -> float | None:
    """Seconds until it is ready, and since then has taken a mail."""
    while time.monotonic() < ended + RECOVER_SECONDS:
        if site.house.readiness(3) == 200:
            before = senders.acknowledged
            for _ in range(20):
                if senders.acknowledged > before:
                    return round(time.monotonic() - ended, 1)
                time.sleep(0.05)
        time.sleep(0.1)
    return None


@contextlib.contextmanager
def _site(name: str, folder: Path, seed: int) -> Iterator[Site]:
    # short paths: a socket's may have 107 bytes; a folder that PostgreSQL's own user may enter
    mount = Path(tempfile.mkdtemp(prefix=f"sodan-{name[:2]}-"))
    mount.chmod(0o755)
    with contextlib.ExitStack() as stack:
        disk = None
        try:
            disk = Disk(folder / "disk.img", mount, MEGABYTES[name])
            stack.callback(disk.remove)
            mount.chmod(0o755)
        except (OSError, CalledProcessError) as error:
            print(f"{name}: no disk of its own ({error}): faults of disks are left out", file=sys.stderr)
        cluster = None
        if name == "postgresql":
            cluster = Cluster(mount)
            stack.callback(cluster.remove)
        house = Installation(cluster.url if cluster else f"sqlite:///{mount / 'sodan.db'}", folder)
        stack.callback(house.stop)
        if not house.has_clock:
            print(f"{name}: no libfaketime: the clock does not jump", file=sys.stderr)
        yield Site(house, disk, cluster, random.Random(f"{name} {seed}"))


def _drain(database: Database) -> None:
    end = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(Unavailable):
            if not database.read(spool_view.ledger).waiting:
                return
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
