"""`sodan serve` fetches as one of its parts: a mail in the mailbox becomes a case."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.mailbox.conftest import mail
from tests.mailbox.dovecot import PASSWORD, Dovecot
from tests.served import Served


def test_a_mail_in_the_mailbox_becomes_a_case(dovecot: Dovecot, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    imap = {
        "host": "localhost", "port": dovecot.tls_port, "user": "support", "ca_file": str(dovecot.certificate),
        "password": {"file": str(tmp_path / "password")},
    }  # fmt: skip
    document = {"support": {"address": "support@corp.example", "since": "all", "imap": imap}}
    (tmp_path / "mailboxes.yaml").write_text(yaml.safe_dump({"mailboxes": document}))
    printers = [mail(n).replace(b"does not connect", b"does not connect to printer %d" % n) for n in (1, 2)]
    dovecot.deliver(printers[0])  # is there before; the second one is told by IDLE
    served = Served(tmp_path, mailboxes=str(tmp_path / "mailboxes.yaml"), intake="support@corp.example")
    try:
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 1)
        dovecot.deliver(printers[1])
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 2)
    finally:
        served.stop()
