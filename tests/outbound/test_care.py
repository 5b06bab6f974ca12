"""The outbox in `sodan doctor`, metrics, `sodan erase` and retention."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from service.cli import doctor
from service.errors import Conflict
from service.mail.masking import Mask
from service.store import outbox
from service.store.blob_store import Folder
from service.store.contents import BlobWriter
from service.store.database import Database
from service.store.erasure import erase
from service.store.retention import remove_case
from tests.outbound.desk import START, Desk, report
from tests.running import Running


def _doctor(desk: Desk, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of `sodan doctor` about the outbox."""
    doctor.examine(desk.settings, desk.database, desk.now)
    return [line for line in capfd.readouterr().out.splitlines() if "outbox:" in line]


def test_the_doctor_reports_failed_held_and_unsent_mail(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    assert _doctor(desk, capfd) == ["ok     outbox: 0 sent, 0 waiting"]
    desk.configure(acknowledge_per_hour=2)
    for number in range(4):
        desk.deliver(report(number, sender=f"P <p{number}@corp.example>", subject=f"Matter {number}"))
    desk.now += timedelta(minutes=6)
    lines = _doctor(desk, capfd)
    assert any("a mail has been due since 2026-11-04 01:00Z; no sender process runs" in line for line in lines)
    assert any("was last reached at 2026-11-04 01:00Z" in line for line in lines)
    desk.host.refuse["RCPT"] = "550 5.1.1 no such user"
    desk.send()
    lines = _doctor(desk, capfd)
    assert any("2 mails failed; sodan does not retry them" in line for line in lines)
    assert not any("has been due since" in line for line in lines)


def _digests(database: Database, *states: outbox.State) -> None:
    for number, state in enumerate(states):
        draft = outbox.Draft(kind="digest", recipient=f"p{number}@corp.example", subject="s", text="t")
        database.transact(partial(outbox.write, draft=draft, state=state, now=START))


def test_metrics_count_outbox_entries_by_state_and_mails_in_doubt(embedded: Running) -> None:
    _digests(embedded.database, "waiting", "draft", "draft")
    for minutes in (0, 10):  # a sender claimed an entry, and died
        at = START + timedelta(minutes=minutes)
        embedded.database.transact(lambda conn, at=at: outbox.claim(conn, "x", at, timedelta(minutes=5)))  # type: ignore[misc]
    lines = embedded.client.get("/metrics").text.splitlines()
    assert 'sodan_outbox{state="waiting"} 1.0' in lines
    assert 'sodan_outbox{state="draft"} 2.0' in lines
    assert 'sodan_outbox{state="failed"} 0.0' in lines
    assert "sodan_outbox_in_doubt_total 1.0" in lines


@pytest.mark.both_databases
def test_after_an_erasure_no_outbox_entry_contains_the_person_and_none_is_sent(desk: Desk, tmp_path: Path) -> None:
    desk.deliver(report(1))
    desk.send()
    desk.configure(acknowledge="draft")
    desk.deliver(report(2, subject="The printer of room 4", body="The printer of room 4 eats paper."))
    desk.deliver(report(3, sender="Ben <ben@corp.example>", subject="Lift", body="The lift stands still."))
    assert [one["state"] for one in desk.entries()] == ["sent", "draft", "draft"]
    mask = Mask("aiko@corp.example", ["Aiko Tanaka"], "x9q4")
    erased = erase(desk.database, BlobWriter(Folder(tmp_path / "contents"), 10_000), mask, desk.now, apply=True)
    assert erased.left == 0
    rows = desk.entries()
    assert [one["state"] for one in rows] == ["sent", "discarded", "draft"]
    assert rows[1]["reason"] == "the recipient was erased"
    assert "aiko" not in f"{rows}".casefold()
    assert "tanaka" not in f"{rows}".casefold()
    assert rows[2]["recipient"] == "ben@corp.example"
    desk.host.received.clear()
    assert desk.send() == 0


@pytest.mark.both_databases
def test_no_person_is_erased_while_a_mail_to_them_is_being_sent(desk: Desk) -> None:
    desk.deliver(report())
    mask = Mask("aiko@corp.example", ["Aiko Tanaka"], "x9q4")
    refused: list[str] = []

    def erase_aiko() -> None:
        try:
            erase(desk.database, BlobWriter(), mask, desk.now, apply=True)
        except Conflict as error:
            refused.append(str(error))

    desk.host.before_reply = lambda _: erase_aiko()
    desk.send()
    assert refused == ["a mail to this person is being sent now; try again in a few minutes"]
    assert [(one["state"], one["recipient"]) for one in desk.entries()] == [("sent", "aiko@corp.example")]
    erase_aiko()
    assert len(refused) == 1
    assert "aiko" not in f"{desk.entries()}".casefold()


@pytest.mark.both_databases
def test_retention_deletes_outbox_entries_of_cases_and_old_other_entries(desk: Desk) -> None:
    desk.deliver(report(1))
    desk.deliver(report(2, sender="Ben <ben@corp.example>", subject="Lift", body="The lift stands still."))
    _digests(desk.database, "sent", "waiting")
    third = report(3, sender="Chie <chie@corp.example>", subject="Badge", body="The badge reader is dark.")
    desk.send()
    desk.deliver(third)
    later = desk.now + timedelta(days=40)
    assert desk.database.transact(lambda conn: outbox.delete_finished(conn, desk.now - timedelta(days=1))) == 0
    assert desk.database.transact(lambda conn: outbox.delete_finished(conn, later)) == 2
    for case in (1, 2):
        assert desk.database.transact(lambda conn, case=case: remove_case(conn, case, later)) is not None  # type: ignore[misc]
    assert [(one["case_id"], one["state"]) for one in desk.entries()] == [(3, "waiting")]
    assert desk.send() == 1
