"""`sodan serve` fetches as one of its parts: a mail in the mailbox becomes a case."""

from pathlib import Path

from tests.mailbox.conftest import Box, mail
from tests.served import Served


def test_a_mail_in_the_mailbox_becomes_a_case(box: Box, tmp_path: Path) -> None:
    printers = [mail(n).replace(b"does not connect", b"does not connect to printer %d" % n) for n in (1, 2)]
    box.deliver(printers[0])  # is there before; the second one is told by IDLE
    served = Served(tmp_path, mailboxes=str(box.write(poll=3600)), intake="support@corp.example")
    try:
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 1)
        box.deliver(printers[1])
        served.wait_for(lambda: len(served.get("/api/cases").json()["items"]) == 2)
    finally:
        served.stop()
