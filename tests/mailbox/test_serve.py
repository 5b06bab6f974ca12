"""`sodan serve` fetches as one of its parts: a mail in the mailbox becomes a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.mailbox.conftest import mail
from tests.mailbox.dovecot import PASSWORD, Dovecot
from tests.served import free_port, started, wait_until


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
    given = {
        "mailboxes": str(tmp_path / "mailboxes.yaml"), "intake": "support@corp.example",
        "http_listen": f"127.0.0.1:{http}", "smtp_listen": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    with started("serve", cwd=tmp_path, **given):
        for n in (1, 2):  # the first is there before, the second one is told by IDLE
            dovecot.deliver(mail(n).replace(b"does not connect", b"does not connect to printer %d" % n))
            wait_until(lambda n=n: len(cases(f"http://127.0.0.1:{http}")) == n, 150)  # type: ignore[misc]
