"""`sodan mailbox test --round-trip`: a mail that is sent to a mailbox comes into it, or it is said why not."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from service.cli.mailbox_checks import examine
from tests.mailbox.conftest import Box, mail, states
from tests.outbound.desk import Smarthost, smarthost

VERDICT = b"Authentication-Results: mx.provider.example; dmarc=pass header.from=corp.example\r\n"


@pytest.fixture
def relay(box: Box) -> Iterator[Smarthost]:
    """A smart host that delivers into the mailbox, with what the provider's server says in front."""
    with smarthost() as host:
        host.before_reply = lambda content: box.deliver(VERDICT + content)
        sender = {"smarthost": f"smtp://127.0.0.1:{host.port}", "from_": "IT desk <it@corp.example>"}
        box.settings = box.settings.model_copy(update=sender)
        yield host


def tried(box: Box, capfd: pytest.CaptureFixture[str], seconds: float = 60, **given: Any) -> tuple[int, str]:
    status = examine(box.settings, [box.mailbox(**given)], box.database, seconds)
    return status, capfd.readouterr().out


@pytest.mark.usefixtures("relay")
def test_a_mail_that_is_sent_comes_into_the_mailbox_and_is_flagged(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    box.deliver(mail(1))
    status, said = tried(box, capfd, after={"flag": "flagged"}, authserv="mx.provider.example")
    assert status == 0, said
    assert "sent “sodan mailbox test" in said
    assert "INBOX: the mail arrived after" in said
    assert "the mail was flagged or moved" in said
    with box.server.client() as client:
        client.select_folder("INBOX")
        [flagged] = client.search("FLAGGED")
        assert flagged == 2, "the mail of the test, and no other"
    assert (box.kept, states(box.database)) == ([], [])


@pytest.mark.usefixtures("relay")
def test_another_server_than_authserv_is_named(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = tried(box, capfd, authserv="mx.google.com")
    assert status == 1
    assert "topmost Authentication-Results is from mx.provider.example, but authserv is mx.google.com" in said


@pytest.mark.parametrize(
    ("answer", "cause", "next_step"),
    [
        ("550 5.7.1 relaying denied", "the test mail could not be sent (550 5.7.1 relaying denied)", "SODAN_SMARTHOST"),
        ("250 taken, and thrown away", "no mail arrived in INBOX within 1 s", "its junk folder"),
    ],
)
def test_a_mail_that_does_not_come_is_told_with_the_next_step(
    answer: str, cause: str, next_step: str, box: Box, relay: Smarthost, capfd: pytest.CaptureFixture[str]
) -> None:
    relay.refuse["DATA"] = answer
    status, said = tried(box, capfd, 1)
    assert status == 1
    wrong = next(line for line in said.splitlines() if line.startswith("WRONG"))
    assert cause in wrong
    assert next_step in wrong


def test_without_a_smart_host_a_person_sends_the_mail(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    box.deliver(mail(1))
    sending = threading.Timer(2, box.deliver, [mail(2)])
    sending.start()
    status, said = tried(box, capfd)
    sending.join()
    assert status == 0, said
    assert "send a mail to support@corp.example now" in said
    assert "left unchanged" in said
