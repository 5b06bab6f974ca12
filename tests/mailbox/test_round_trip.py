"""`sodan mailbox test --round-trip`: a mail that is sent to a mailbox comes into it, or it is said why not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from service.cli.mailbox_checks import examine
from service.settings import Settings
from service.store.database import Database
from tests.mailbox.conftest import kept, mail, mailbox, states
from tests.mailbox.dovecot import Dovecot
from tests.served import free_port


class Relay:
    """A smart host that delivers into the mailbox, with what the provider's server says in front."""

    def __init__(self, server: Dovecot, answer: str = "250 ok") -> None:
        self.server, self.answer = server, answer

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        if self.answer == "250 ok":
            verdict = b"Authentication-Results: mx.provider.example; dmarc=pass header.from=corp.example\r\n"
            threading.Thread(target=self.server.deliver, args=(verdict + envelope.content,)).start()
        return self.answer


@contextmanager
def relay(handler: Relay) -> Iterator[str]:
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


def tried(
    settings: Settings, database: Database, configured: Any, url: str, capfd: pytest.CaptureFixture[str],
    seconds: float = 60,
) -> tuple[int, str]:  # fmt: skip
    given = settings.model_copy(update={"smarthost": url, "from_": "IT desk <it@corp.example>" if url else ""})
    status = examine(given, [configured], database, seconds)
    return status, capfd.readouterr().out


def test_a_mail_that_is_sent_comes_into_the_mailbox_and_is_flagged(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dovecot.deliver(mail(1))
    configured = mailbox(dovecot, tmp_path / "password", after={"flag": "flagged"}, authserv="mx.provider.example")
    with relay(Relay(dovecot)) as url:
        status, said = tried(own_settings, sqlite, configured, url, capfd)
    assert status == 0, said
    assert "sent “sodan mailbox test" in said
    assert "INBOX: the mail arrived after" in said
    assert "the mail was flagged or moved" in said
    with dovecot.client() as client:
        client.select_folder("INBOX")
        [flagged] = client.search("FLAGGED")
        assert flagged == 2, "the mail of the test, and no other"
    assert (kept(sqlite), states(sqlite)) == ([], [])


def test_another_server_than_authserv_is_named(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    configured = mailbox(dovecot, tmp_path / "password", authserv="mx.google.com")
    with relay(Relay(dovecot)) as url:
        status, said = tried(own_settings, sqlite, configured, url, capfd)
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
    answer: str, cause: str, next_step: str, dovecot: Dovecot, own_settings: Settings, sqlite: Database,
    tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    with relay(Relay(dovecot, answer)) as url:
        status, said = tried(own_settings, sqlite, mailbox(dovecot, tmp_path / "password"), url, capfd, 1)
    assert status == 1
    wrong = next(line for line in said.splitlines() if line.startswith("WRONG"))
    assert cause in wrong
    assert next_step in wrong


def test_without_a_smart_host_a_person_sends_the_mail(
    dovecot: Dovecot, own_settings: Settings, sqlite: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dovecot.deliver(mail(1))
    sending = threading.Timer(2, dovecot.deliver, [mail(2)])
    sending.start()
    status, said = tried(own_settings, sqlite, mailbox(dovecot, tmp_path / "password"), "", capfd)
    sending.join()
    assert status == 0, said
    assert "send a mail to support@corp.example now" in said
    assert "left unchanged" in said
