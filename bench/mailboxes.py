"""``python -m bench.mailboxes``: mailboxes on Dovecot, while fetcher and server are killed: each mail once, none lost.

Two mailboxes, one whose mail is flagged, one whose mail is moved. Mail comes into them all the time: that of the
corpus, where there is one, and made-up mail. What is counted in the end: how often each mail came, and where it lies.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from imapclient import IMAPClient

from service.store.packing import unpack
from tests.mailbox.dovecot import PASSWORD, USERS, Dovecot

MADE_UP = b"From: A <a@corp.example>\nSubject: VPN %d\nMessage-ID: <%d@corp.example>\n\nNo answer.\n"
MARK = b"X-Number: %d\r\n"


def mails(number: int, corpus: Path) -> list[bytes]:
    """Raw mails, each with a header of its own in front; line ends as IMAP gives them out."""
    files = sorted(file for file in corpus.rglob("*") if file.is_file() and file.suffix in (".eml", ".txt", ""))
    random.Random(1).shuffle(files)
    found = [file.read_bytes() for file in islice(files, number // 2)]
    while len(found) < number:
        n = len(found)
        found.append(
            b"From: A <a@corp.example>\nSubject: VPN %d\nMessage-ID: <%d@corp.example>\n\nNo answer.\n" % (n, n)
        )
    return [MARK % n + b"\r\n".join(one.splitlines()) + b"\r\n" for n, one in enumerate(found)]


def put(server: Dovecot, user: str, number: int, content: bytes) -> None:
    """As a delivery agent does: written beside, then renamed."""
    folder = server.folder / "home" / user / "Maildir"
    draft = folder / "tmp" / f"{number}"
    draft.write_bytes(content)
    shutil.chown(draft, server.owner)
    draft.rename(folder / "new" / f"{1_764_000_000 + number}.{number}.bench")


def environment(server: Dovecot, folder: Path) -> dict[str, str]:
    (folder / "password").write_text(PASSWORD)
    after = {"support": {"flag": "seen"}, "vendors": {"move": "Done"}}
    named = {
        user: {
            "address": f"{user}@corp.example", "since": "all", "after": after[user], "poll": 1,
            "imap": {
                "host": "localhost", "port": server.tls_port, "user": user, "ca_file": str(server.certificate),
                "password": {"file": str(folder / "password")}, "timeout": 30,
            },
        }
        for user in USERS
    }  # fmt: skip
    (folder / "mailboxes.yaml").write_text(yaml.safe_dump({"mailboxes": named}))
    return {
        **os.environ, "SODAN_MAILBOXES": str(folder / "mailboxes.yaml"), "SODAN_INTAKE": "@corp.example",
        "SODAN_DATABASE_URL": f"sqlite:///{folder}/sodan.db", "SODAN_LOG_LEVEL": "warning",
    }  # fmt: skip


def start(given: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "service", "mailbox", "run"], env=given, stderr=out)


def came(database: Path) -> Counter[int]:
    """How often each mail is in the spool, by the number in its first line."""
    found: Counter[int] = Counter()
    with sqlite3.connect(database, timeout=30) as connection:
        for codec, content in connection.execute("SELECT codec, bytes FROM contents"):
            first = (unpack(content) if codec == "zstd" else content).partition(b"\r\n")[0]
            found[int(first.partition(b": ")[2])] += 1
    return found


def kept(database: Path) -> int:
    with sqlite3.connect(database, timeout=30) as connection:
        return int(connection.execute("SELECT count(*) FROM spool").fetchone()[0])


def unfinished(database: Path) -> int:
    with sqlite3.connect(database, timeout=30) as connection:
        done, total = connection.execute("SELECT sum(state = 'done'), count(*) FROM mailbox_mails").fetchone()
    return int(total) - int(done or 0)


def numbers(client: IMAPClient, uids: list[int]) -> set[bytes]:
    """Which mails these are: a server that is killed within MOVE may have copied and not removed them."""
    found = client.fetch(uids, ["BODY.PEEK[HEADER.FIELDS (X-NUMBER)]"])
    return {value for row in found.values() for key, value in row.items() if key.startswith(b"BODY")}


def wait_for_more(database: Path, fetcher: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Return once another mail is kept, or there is none left that could be."""
    before, end = kept(database), time.monotonic() + seconds
    while kept(database) == before and fetcher.poll() is None and time.monotonic() < end:
        time.sleep(0.01)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--corpus", type=Path, default=Path("../shared/corpus"))
    parser.add_argument("--seed", type=int, default=20)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="sodan-bench-"))
    folder.chmod(0o755)  # Dovecot's user goes through it
    server = Dovecot(folder / "dovecot").start()
    for user in USERS:
        with server.client(user) as client:
            client.create_folder("Done")
            client.append("INBOX", b"Subject: makes the folders\r\n\r\n", flags=["\\Draft"])
    variables = environment(server, folder)
    subprocess.run([sys.executable, "-m", "service", "migrate"], env=variables, check=True, stderr=subprocess.DEVNULL)
    waiting = mails(given.mails, given.corpus)
    total, database = len(waiting), folder / "sodan.db"
    share = -(-total // (given.kills + 1))
    began = time.monotonic()
    fetcher, killed_at, server_kills = start(variables, folder / "log"), [], 0
    for kill in range(given.kills + 1):
        for number in range(kill * share, min(total, (kill + 1) * share)):
            put(server, USERS[number % 2], number, waiting[number])
        if kill == given.kills:
            break
        wait_for_more(database, fetcher)
        time.sleep(chance.uniform(0, 0.4))  # in the middle of what it does
        server.kill()
        server_kills += 1
        if kill % 2:  # the fetcher meets a server that is gone; else it is killed with the server
            server.start()
            wait_for_more(database, fetcher)
            time.sleep(chance.uniform(0, 0.4))
        fetcher.kill()
        fetcher.wait()
        killed_at.append(kept(database))
        if not kill % 2:
            server.start()
        fetcher = start(variables, folder / "log")
    end = time.monotonic() + 900
    while time.monotonic() < end and (kept(database) < total or unfinished(database)):
        time.sleep(1)
    fetcher.terminate()
    fetcher.wait()
    times = came(database)
    report: dict[str, Any] = {
        "mails": total,
        "of the corpus": min(total // 2, sum(b"No answer." not in one for one in waiting)),
        "fetcher killed": given.kills,
        "server killed": server_kills,
        "kept when killed": killed_at,
        "once": sum(count == 1 for count in times.values()),
        "twice": sum(count > 1 for count in times.values()),
        "lost": total - len(times),
        "not flagged or moved": unfinished(database),
        "seconds": round(time.monotonic() - began),
    }
    for user, place, flag in (("support", "INBOX", "SEEN"), ("vendors", "Done", "ALL")):
        with server.client(user) as client:
            client.select_folder(place, readonly=True)
            uids = client.search(["UNDRAFT", flag])
            report[f"{user}: {place} {flag}"] = len(uids)
            report[f"{user}: different mails there"] = len(numbers(client, uids))
            client.select_folder("INBOX", readonly=True)
            report[f"{user}: in INBOX"] = len(client.search(["UNDRAFT"]))
    server.kill()
    print(json.dumps(report, indent=2))
    shutil.rmtree(folder, ignore_errors=True)
    there = report["support: different mails there"] + report["vendors: different mails there"]
    return 0 if report["once"] == total == there and not report["twice"] else 1


if __name__ == "__main__":
    sys.exit(main())
