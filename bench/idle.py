"""``python -m bench.idle``: seconds from a mail in a mailbox on Dovecot until it stands in a case of `sodan serve`."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

from bench.second_reading import count
from tests.mailbox.dovecot import PASSWORD, Dovecot
from tests.served import Served

PROMISED = 2.0
MAIL = (
    b"From: P <p%d@corp.example>\r\nTo: support@corp.example\r\nSubject: Printer of room %d\r\n"
    b"Message-ID: <%d@corp.example>\r\n\r\nThe printer of room %d does not print.\r\n"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=30)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sodan-bench-"))
    folder.chmod(0o755)  # Dovecot's user goes through it
    server = Dovecot(folder / "dovecot").start()
    (folder / "password").write_text(PASSWORD)
    imap = {
        "host": "localhost", "port": server.tls_port, "user": "support", "ca_file": str(server.certificate),
        "password": {"file": str(folder / "password")},
    }  # fmt: skip
    document = {"support": {"address": "support@corp.example", "since": "all", "poll": 3600, "imap": imap}}
    (folder / "mailboxes.yaml").write_text(yaml.safe_dump({"mailboxes": document}))
    database = folder / "sodan.db"
    served = Served(
        folder, intake="support@corp.example", database_url=f"sqlite:///{database}",
        mailboxes=str(folder / "mailboxes.yaml"),
    )  # fmt: skip
    try:
        seconds = [_follow(server, served, database, number) for number in range(given.mails + 1)][1:]
    finally:
        served.process.terminate()
        served.process.wait(60)
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    slowest, median = max(seconds), statistics.median(seconds)
    print(json.dumps({"mails": len(seconds), "median, s": round(median, 2), "slowest, s": round(slowest, 2)}))
    return int(slowest > PROMISED)


def _follow(server: Dovecot, served: Served, database: Path, number: int) -> float:
    """The first mail waits until fetching has begun; it is not counted."""
    server.deliver(MAIL % (number, number, number, number))
    began = time.monotonic()
    while count(database, "SELECT count(*) FROM messages WHERE case_id IS NOT NULL") <= number:
        assert served.process.poll() is None
        time.sleep(0.01)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
