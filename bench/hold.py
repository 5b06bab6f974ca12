"""Memory of the acceptor while many big mails are on their way, and after they came.

usage: python -m bench.hold [CONNECTIONS] [MEGABYTES]

Starts `sodan smtp` on an empty SQLite database. Each connection comes from an address of its own (127.x.y.1), sends its
content but for the final dot, waits until all have, then ends it. Prints the resident memory and the budget's answers.
Exit status 1 where the acceptor holds 400 MB or more meanwhile, or 150 MB or more 30 seconds after.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from service.store.database import Database
from service.store.migrate import migrate
from tests.served import environment, free_port

DURING, AFTER = 400, 150
"""Megabytes."""
REST_SECONDS = 30


def resident(pid: int) -> float:
    """Megabytes of physical memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return 0.0


def hold(port: int, number: int, size: int, all_sent: threading.Barrier, replies: Counter[str]) -> None:
    """One connection: everything but the end, then the end."""
    with socket.socket() as client:
        client.bind((f"127.{1 + number // 250}.{1 + number % 250}.1", 0))
        client.connect(("127.0.0.1", port))
        client.settimeout(600)
        file = client.makefile("rb")
        said = file.readline()
        for command in (b"HELO c", b"MAIL FROM:<a@corp.example>", b"RCPT TO:<help@corp.example>", b"DATA"):
            client.sendall(command + b"\r\n")
            said = file.readline()
        try:
            if said.startswith(b"354"):
                client.sendall(b"Subject: %d\r\n\r\n" % number)
                chunk = (b"x" * 998 + b"\r\n") * 65
                for _ in range(size // len(chunk)):
                    client.sendall(chunk)
        except OSError:
            said = b"cut off"
        all_sent.wait()
        try:
            if said.startswith(b"354"):
                client.sendall(b".\r\n")
                said = file.readline()
        except OSError:
            said = b"cut off"
        replies[said[:9].decode().strip() or "closed"] += 1


def main(arguments: list[str]) -> int:
    connections = int(arguments[0]) if arguments else 200
    size = int(float(arguments[1]) * 1_000_000) if len(arguments) > 1 else 30_000_000
    with tempfile.TemporaryDirectory(dir="var" if Path("var").is_dir() else None) as name:
        folder = Path(name)
        url = f"sqlite:///{folder}/sodan.db"
        database = Database(url)
        migrate(database)
        database.close()
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "smtp"],
            env=environment(database_url=url, smtp_listen=f"127.0.0.1:{port}", intake="help@corp.example"),
        )
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.1)
            return measure(process.pid, port, connections, size)
        finally:
            process.terminate()
            process.wait()


def measure(pid: int, port: int, connections: int, size: int) -> int:
    before = resident(pid)
    highest = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            highest[0] = max(highest[0], resident(pid))

    threading.Thread(target=watch, daemon=True).start()
    all_sent = threading.Barrier(connections)
    replies: Counter[str] = Counter()
    threads = [
        threading.Thread(target=hold, args=(port, number, size, all_sent, replies)) for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    time.sleep(REST_SECONDS)
    done.set()
    after = resident(pid)
    print(f"{connections} connections of {size / 1e6:g} MB: {dict(replies)}")
    print(f"acceptor: {before:.0f} MB before, {highest[0]:.0f} MB at most, {after:.0f} MB {REST_SECONDS} s after")
    return 1 if highest[0] >= DURING or after >= AFTER else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
