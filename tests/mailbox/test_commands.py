"""The commands `sodan mailbox`: what they print, and how they explain failures."""

import json
from typing import Any

import pytest

from service.cli.main import main
from tests.mailbox.conftest import Box, mail
from tests.tables import table_beside

TABLES = table_beside(__file__, "settings.yaml")


@pytest.fixture(autouse=True)
def configured(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SODAN_MAILBOXES", str(box.write()))
    monkeypatch.setenv("SODAN_INTAKE", "support@corp.example")
    monkeypatch.setenv("SODAN_DATABASE_URL", f"sqlite:///{box.database.url.database}")
    monkeypatch.setenv("SODAN_KEY_FILE", str(box.folder / "installation.key"))


def test_a_working_mailbox_has_no_problems(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    box.deliver(mail(1), mail(2))
    assert main(["mailbox", "test"]) == 0
    output = capfd.readouterr().out
    assert "signed in; the folder INBOX has 2 mails" in output
    assert "WRONG" not in output


def test_a_header_of_another_server_than_authserv_is_reported(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    box.deliver(b"Authentication-Results: mx.provider.example; dmarc=pass\r\n" + mail(1))
    box.write(authserv="mx.google.com")
    assert main(["mailbox", "test"]) == 0
    output = capfd.readouterr().out
    assert "Authentication-Results of this mail is from mx.provider.example, but authserv is mx.google.com" in output


@pytest.mark.parametrize(("given", "cause", "next_step"), TABLES["failures"])
def test_each_failure_is_printed_with_its_cause_and_the_next_step(
    given: dict[str, Any], cause: str, next_step: str, box: Box, capfd: pytest.CaptureFixture[str]
) -> None:
    box.write(**given)
    assert main(["mailbox", "test", "support"]) == 1
    wrong = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("WRONG"))
    assert cause in wrong
    assert next_step in wrong


@pytest.mark.parametrize(("given", "reason"), TABLES["wrong"])
def test_the_error_for_a_wrong_file_is_one_line_with_the_key(
    given: dict[str, Any], reason: str, box: Box, capfd: pytest.CaptureFixture[str]
) -> None:
    box.write(**given)
    assert main(["mailbox", "list"]) == 2
    error = capfd.readouterr().err
    assert error.startswith("sodan: SODAN_MAILBOXES: ")
    assert error.count("\n") == 1
    assert reason in error
    assert "secret'" not in error


def test_the_list_shows_states_and_mails_that_were_not_fetched(box: Box, capfd: pytest.CaptureFixture[str]) -> None:
    box.deliver(mail(1), mail(2) + b"x" * 5000)
    box.settings = box.settings.model_copy(update={"max_message_bytes": 2000})
    with box.fetching():
        box.is_well()
    capfd.readouterr()
    assert main(["mailbox", "list", "--json"]) == 1
    output = capfd.readouterr()
    row = json.loads(output.out)
    assert (row["name"], row["state"], row["taken"], row["failed"]) == ("support", "ok", 1, 1)
    assert "more than SODAN_MAX_MESSAGE_BYTES (2000)" in output.err


def test_a_mailbox_that_is_no_longer_configured_can_be_forgotten(
    box: Box, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with box.fetching():
        box.is_well()
    monkeypatch.delenv("SODAN_MAILBOXES")
    assert main(["mailbox", "list"]) == 1
    assert "sodan mailbox forget support" in capfd.readouterr().out.replace("\n", " ")
    assert main(["mailbox", "forget", "support"]) == 0
    assert main(["mailbox", "list"]) == 0
    assert main(["mailbox", "forget", "elsewhere"]) == 1
