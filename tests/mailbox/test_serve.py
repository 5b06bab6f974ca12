"""`sodan serve` fetches as one of its parts: a mail in the mailbox becomes a case."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.mailbox.conftest import mail, wait_until
from tests.mailbox.dovecot import PASSWORD, Dovecot
from tests.served import free_port


def cases(url: str) -> list[Any]:
    try:
        return list(httpx.get(f"{url}/api/cases", timeout=30).json()["items"])
    except (httpx.HTTPError, KeyError):
        return []


def test_a_mail_in_the_mailbox_becomes_a_case(dovecot: Dovecot, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    imap = {
        "host": "localhost", "port": dovecot.tls_port, "user": "support", "ca_file": str(dovecot.certificate),
        "password": {"file": str(tmp_path / "password")},
    }  # fmt: skip
    document = {"support": {"address": "support@corp.example", "since": "all", "imap": imap}}
    (tmp_path / "mailboxes.yaml").write_text(yaml.safe_dump({"mailboxes": document}))
    http = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SODAN_")},
        "SODAN_MAILBOXES": str(tmp_path / "mailboxes.yaml"), "SODAN_INTAKE": "support@corp.example",
        "SODAN_DATABASE_URL": f"sqlite:///{tmp_path}/sodan.db", "SODAN_HTTP_LISTEN": f"127.0.0.1:{http}",
        "SODAN_SMTP_LISTEN": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    log = (tmp_path / "log").open("wb")
    serving = subprocess.Popen([sys.executable, "-m", "service", "serve"], env=environment, stderr=log)
    try:
        for n in (1, 2):  # the first is there before, the second one is told by IDLE
            dovecot.deliver(mail(n).replace(b"does not connect", b"does not connect to printer %d" % n))
            wait_until(lambda n=n: len(cases(f"http://127.0.0.1:{http}")) == n, 150)  # type: ignore[misc]
    finally:
        serving.terminate()
        serving.wait(60)
        log.close()
