"""Durable accept against stock aiosmtpd that throws mail away: mails a second, as ratios within one run.

    python -m bench.accept [--seconds 2] [--rounds 3] [--json FILE] [--only sqlite]

Three servers stand side by side, each a process of its own: aiosmtpd's SMTP class on its own loop with a handler that
discards; `sodan smtp` on SQLite; `sodan smtp` on a PostgreSQL that flushes. A load generator, one more process on the
same cores, sends to one of them at a time, in turns; what counts is the median of the rounds' ratios. It speaks
plainly: no pipelining, one command, one reply. Exit status 1 where a ratio is under what was promised.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from bench.figure import Outcome, figure, median_ratio, outcome

CONNECTIONS = 32
WARM_UP = 0.4


@dataclass(frozen=True)
class Load:
    """What is sent, and what was promised: at least so many times the stock server's rate."""

    name: str
    size: int
    keep: bool
    promised: float


LOADS = (
    Load("3 KB, connection kept", 3_000, True, 2.0),
    Load("3 KB, one mail a connection", 3_000, False, 1.8),
    Load("1 MB, connection kept", 1_000_000, True, 2.0),
)


def content(size: int) -> bytes:
    """A mail of about ``size`` bytes as it goes over the wire: text where small, an attachment in base64 where big."""
    head = (
        "From: Aiko <aiko@example.org>\r\nTo: help@intake.example\r\nSubject: VPN\r\nMIME-Version: 1.0\r\n"
        "Message-ID: <bench@example.org>\r\nContent-Type: "
    )
    if size < 10_000:
        line = "It does not connect since this morning, and the message is 0x80070035.\r\n"
        text = f"{head}text/plain; charset=utf-8\r\n\r\n" + line * ((size - len(head)) // len(line))
    else:
        data = base64.encodebytes(random.Random(1).randbytes(size * 57 // 78)).decode().replace("\n", "\r\n")
        text = f"{head}image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n{data}"
    return text.encode() + b".\r\n"


# ── the load generator ──


class Sender(asyncio.Protocol):
    """One connection that sends mail after mail until it is told to stop."""

    def __init__(self, load: Load, state: dict[str, Any]) -> None:
        self._load = load
        self._state = state
        self._content: bytes = b""
        self._step = 0
        self._reply = b""

    def next_mail(self) -> bytes | None:
        """What to send next; None: nothing now, and whoever has more calls ``begin``."""
        content: bytes = self._state["content"]
        return content

    def taken(self) -> None:
        """The mail was answered with 250."""
        self._state["sent"] += 1

    def begin(self) -> None:
        """Send the next mail, if there is one."""
        content = self.next_mail()
        if content is not None:
            self._content = content
            self._step = 2
            self._transport.write(b"MAIL FROM:<aiko@example.org>\r\n")

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reply += data
        if not self._reply.endswith(b"\n"):
            return
        last = self._reply[self._reply.rfind(b"\n", 0, -1) + 1 :]
        if last[3:4] != b" ":
            return
        self._reply = b""
        if last[:1] not in b"23":
            self._state["refused"] = last.decode().strip()
            self._transport.close()
            return
        step, self._step = self._step, self._step + 1
        if step == 0:
            self._transport.write(b"EHLO bench.example\r\n")
        elif step == 1:
            self.begin()
        elif step == 2:
            self._transport.write(b"RCPT TO:<help@intake.example>\r\n")
        elif step == 3:
            self._transport.write(b"DATA\r\n")
        elif step == 4:
            self._transport.write(self._content)
        elif step == 5:
            self.taken()
            if self._load.keep:
                self.begin()
            else:
                self._transport.write(b"QUIT\r\n")
        else:
            self._transport.close()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self._load.keep and not self._state["over"]:
            self._state["connect"]()


async def _send(port: int, load: Load, seconds: float) -> tuple[float, str]:
    loop = asyncio.get_running_loop()
    state: dict[str, Any] = {"sent": 0, "over": False, "refused": "", "content": content(load.size)}
    connecting: set[asyncio.Task[Any]] = set()

    def connect() -> None:
        task = loop.create_task(loop.create_connection(lambda: Sender(load, state), "127.0.0.1", port))
        connecting.add(task)
        task.add_done_callback(connecting.discard)

    state["connect"] = connect
    for _ in range(CONNECTIONS):
        connect()
    await asyncio.sleep(WARM_UP)
    before, began = state["sent"], time.perf_counter()
    await asyncio.sleep(seconds)
    # big mails come in waves of one a connection: two waves at least, where the machine is not far too busy for that
    for _ in range(50):
        if state["sent"] - before >= 2 * CONNECTIONS:
            break
        await asyncio.sleep(seconds / 10)
    rate = (state["sent"] - before) / (time.perf_counter() - began)
    state["over"] = True
    return rate, state["refused"]


def _generate(port: int, index: int, seconds: float) -> None:
    rate, refused = uvloop.run(_send(port, LOADS[index], seconds))
    if refused:
        sys.exit(f"refused: {refused}")
    print(rate)


# ── the servers ──


class Discard:
    """A handler that forgets what it gets."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:
        return "250 2.0.0 OK"


def _discarding() -> None:
    """Our own protocol with the handler of the stock server: what accepting costs without keeping."""
    from service.smtp.limits import Limits
    from service.smtp.listener import Listener

    async def serve() -> None:
        listener = Listener(Discard(), hostname="ours.example", limits=Limits(message_bytes=36_700_160))
        server = await listener.listen("127.0.0.1", 0)
        print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()

    uvloop.run(serve())


def _stock() -> None:
    """aiosmtpd as it is, on its own loop."""
    from aiosmtpd.smtp import SMTP

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        limit = 36_700_160
        server = await loop.create_server(
            lambda: SMTP(Discard(), data_size_limit=limit, enable_SMTPUTF8=True, hostname="stock.example", loop=loop),
            "127.0.0.1",
            0,
            backlog=1024,
        )
        print(f"SMTP on 127.0.0.1:{server.sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextlib.contextmanager
def _running(command: list[str], **environment: str) -> Iterator[int]:
    """A server process; yields its port."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("SODAN_")}
    process = subprocess.Popen(
        [sys.executable, *command], env={**given, **environment}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if " on 127.0.0.1:" in line:
                yield int(line.rpartition("127.0.0.1:")[2].split()[0].strip(","))
                return
        raise SystemExit(f"{command} did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()


@contextlib.contextmanager
def stock() -> Iterator[int]:
    """The stock server, discarding; yields its port."""
    with _running(["-m", "bench.accept", "--stock"]) as port:
        yield port


@contextlib.contextmanager
def _sodan(url: str) -> Iterator[int]:
    from service.store.database import Database
    from service.store.migrate import migrate

    database = Database(url)
    migrate(database)
    database.close()
    with _running(
        ["-m", "service", "smtp"],
        SODAN_DATABASE_URL=url,
        SODAN_SMTP_LISTEN="127.0.0.1:0",
        SODAN_INTAKE="help@intake.example",
        SODAN_LOG_LEVEL="error",
    ) as port:
        yield port


@contextlib.contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """A server that flushes every commit, unlike the one of the tests."""
    from tests.postgres import Postgres

    server = Postgres(folder)
    server.start()
    try:
        for statement in (
            "ALTER SYSTEM SET fsync = on",
            "ALTER SYSTEM SET max_wal_size = '4GB'",
            "SELECT pg_reload_conf()",
        ):
            server._execute(statement)
        yield server.create("accept")
    finally:
        server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--generate", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--stock", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--discarding", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.generate:
        port, index, seconds = chosen.generate
        _generate(int(port), int(index), float(seconds))
        return 0
    if chosen.stock:
        _stock()
    if chosen.discarding:
        _discarding()
    kinds = [kind for kind in ("sqlite", "postgresql") if chosen.only in (None, kind)]
    with _servers(kinds) as ports:
        return _report(_measure(ports, chosen.seconds, chosen.rounds), chosen.json)


@contextlib.contextmanager
def _servers(kinds: Sequence[str]) -> Iterator[dict[str, int]]:
    """The stock server and those of ``kinds``; their ports by name."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sodan-bench-")))
        ports = {"stock": stack.enter_context(stock())}
        if "discarding" in kinds:
            ports["discarding"] = stack.enter_context(_running(["-m", "bench.accept", "--discarding"]))
        if "sqlite" in kinds:
            ports["sqlite"] = stack.enter_context(_sodan(f"sqlite:///{folder / 'sodan.db'}"))
        if "postgresql" in kinds:
            postgres = Path(tempfile.gettempdir()) / f"sodan-bench-{os.getpid()}"
            stack.callback(shutil.rmtree, postgres, ignore_errors=True)
            ports["postgresql"] = stack.enter_context(_sodan(stack.enter_context(_postgresql(postgres))))
        yield ports


def measure(seconds: float, kinds: Sequence[str] = ("discarding",)) -> Outcome:
    """Our protocol without keeping anything, against stock; in about so many seconds."""
    rounds = 3
    spent = 1.2 + WARM_UP  # a generator's start and warm-up
    each = max(0.5, seconds / (rounds * len(LOADS) * (1 + len(kinds))) - spent)
    with _servers(kinds) as ports:
        rates = _measure(ports, each, rounds)
    figures = []
    for load in LOADS:
        base = rates[load.name]["stock"]
        for name, of in rates[load.name].items():
            if name == "stock":
                continue
            figures.append(
                figure(
                    f"{load.name}, {name}",
                    ratio(of, base),
                    against="stock, discarding",
                    promised=None if name == "discarding" else load.promised,
                    detail={"rate": statistics.median(of), "base": statistics.median(base)},
                )
            )
    return outcome(figures)


def measure_durable(seconds: float) -> Outcome:
    """Durable before the 250, on both databases, against stock that discards."""
    return measure(seconds, ("sqlite", "postgresql"))


def _measure(ports: dict[str, int], seconds: float, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Rates by load and server, one a round; the servers take turns within each round."""
    rates: dict[str, dict[str, list[float]]] = {load.name: {name: [] for name in ports} for load in LOADS}
    for index, load in enumerate(LOADS):
        for _ in range(rounds):
            for name, port in ports.items():
                command = [sys.executable, "-m", "bench.accept", "--generate", str(port), str(index), str(seconds)]
                answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=7 * seconds + 30)
                rates[load.name][name].append(float(answer.stdout))
    return rates


def ratio(rates: list[float], stock: list[float]) -> float:
    """The median over the rounds of how many times the stock server's rate it was."""
    return median_ratio(rates, stock)


def _report(rates: dict[str, dict[str, list[float]]], file: Path | None) -> int:
    good = True
    ratios: dict[str, dict[str, float]] = {}
    for load in LOADS:
        found = rates[load.name]
        print(f"{load.name:<30} stock, discarding {statistics.median(found['stock']):>8,.0f}/s", end="")
        ratios[load.name] = {name: ratio(of, found["stock"]) for name, of in found.items() if name != "stock"}
        for name, times in ratios[load.name].items():
            good = good and times >= load.promised
            mark = "" if times >= load.promised else " (!)"
            print(f" | {name} {statistics.median(found[name]):>8,.0f}/s = {times:.2f} ×{mark}", end="")
        print(f"   promised {load.promised} ×")
    if file is not None:
        machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
        file.write_text(json.dumps({"machine": machine, "rates": rates, "ratios": ratios}, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
