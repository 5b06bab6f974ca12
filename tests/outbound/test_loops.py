"""sodan never answers automatic mail or unknown senders, and starts no mail loop.

Each mail is received, processed, perhaps answered, and sent to a real SMTP server.
"""

import time
from datetime import timedelta
from typing import Any

import pytest

from service.intake import receive
from service.mailbox.fetcher import envelope
from service.mailbox.settings import Mailbox
from service.outbound.policy import MAX_HOPS
from service.store import cases, feed, outbox, spool, spool_view
from service.store.database import Database
from tests.outbound.desk import START, Desk, Received, Smarthost, bounce, desk_with, report
from tests.tables import table_beside

UNANSWERED = table_beside(__file__, "machines.yaml")
ANSWERED = {
    "plain": report(),
    "a domain below": report(sender="Aiko <aiko@tokyo.corp.example>"),
    "headers that say no": report(headers="Auto-Submitted: no\nPrecedence: normal\nX-Auto-Response-Suppress: None\n"),
    "no date": report().replace("Date:", "X-Date:"),
}
MACHINES: dict[str, str] = {
    **{f"header {line}": report(headers=f"{line}\n") for line in UNANSWERED["headers"]},
    **{f"author {one}": report(sender=f"Somebody <{one}>") for one in UNANSWERED["authors"] + UNANSWERED["strangers"]},
    **{f"words {subject}": report(subject=subject, body=body) for subject, body in UNANSWERED["words"]},
    **UNANSWERED["mails"],
    "a delivery report": bounce("<unknown@corp.example>"),
    "two authors": report(sender="Aiko <aiko@corp.example>, Ben <ben@corp.example>"),
    "no author": report(sender=""),
    "an old mail": report(date=START - timedelta(days=9)),
    "a ticket desk": report(sender="Desk <corp@service-now.com>", headers="Auto-Submitted: auto-generated\n"),
}
RECEIVED = "Received: from a by b; Wed, 4 Nov 2026 01:00:00 +0000\n"
MAILBOX = Mailbox.model_validate({
    "name": "it", "address": "intake@corp.example", "since": "all", "authserv": "mx.example",
    "imap": {"host": "imap.example", "user": "u", "password": {"env": "X"}},
})  # fmt: skip


@pytest.mark.parametrize("mail", ANSWERED.values(), ids=ANSWERED.keys())
def test_a_report_of_the_organisation_is_acknowledged(desk: Desk, mail: str) -> None:
    desk.deliver(mail)
    assert [one["kind"] for one in desk.entries()] == ["acknowledgement"]


@pytest.mark.parametrize(
    ("mail", "given"),
    [
        *(pytest.param(mail, {}, id=name) for name, mail in MACHINES.items()),
        pytest.param(report(), {"mail_from": ""}, id="null reverse-path"),
        pytest.param(report(), {"channel": "import"}, id="an archive"),
    ],
)
def test_automatic_mail_and_mail_of_unknown_senders_get_no_answer(desk: Desk, mail: str, given: dict[str, Any]) -> None:
    desk.deliver(mail, **given)
    assert desk.entries() == []
    assert desk.send() == 0
    assert desk.host.received == []


@pytest.mark.parametrize(
    ("top", "answered"), [*UNANSWERED["fetched"], (RECEIVED * MAX_HOPS, True), (RECEIVED * (MAX_HOPS + 1), False)]
)
def test_a_fetched_mail_is_answered_unless_its_return_path_is_empty(desk: Desk, top: str, answered: bool) -> None:
    verdict = "Authentication-Results: mx.example; dmarc=pass header.from=corp.example\n"
    content = (verdict + top + report()).replace("\n", "\r\n").encode()
    receive(desk.database, [(envelope(MAILBOX, content), content)], desk.now)
    desk.take_in()
    assert [one["recipient"] for one in desk.entries()] == ["aiko@corp.example"] * answered


@pytest.mark.parametrize(
    "verdict",
    [
        "mx.corp.example; dmarc=fail header.from=corp.example",
        "mx.corp.example; dmarc=none",
        "mx.other.example; dmarc=pass header.from=corp.example",
    ],
)
def test_a_report_with_an_unverified_sender_gets_no_answer(sqlite: Database, host: Smarthost, verdict: str) -> None:
    desk = desk_with(sqlite, host, authserv_id="mx.corp.example")
    desk.deliver(report(headers=f"Authentication-Results: {verdict}\n"))
    assert desk.entries() == []
    passed = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\n"
    desk.deliver(report(2, subject="VPN", headers=passed))
    assert [one["recipient"] for one in desk.entries()] == ["aiko@corp.example"]


def test_mail_of_sodan_that_comes_back_is_not_answered(desk: Desk) -> None:
    got = desk.acknowledged(report())
    desk.deliver(_as_text(got), mail_from=got.mail_from)
    desk.deliver(_as_text(got).replace("Auto-Submitted: auto-replied\n", ""), mail_from="aiko@corp.example")
    assert desk.send() == 0
    assert len(desk.entries()) == 1


@pytest.mark.parametrize(("subject", "body"), UNANSWERED["replies"])
def test_a_reply_to_an_acknowledgement_is_never_acknowledged(desk: Desk, subject: str, body: str) -> None:
    got = desk.acknowledged(report())
    headers = f"In-Reply-To: {got.mail['Message-ID']}\n"
    for number in range(2, 6):
        mail = report(number, subject=subject, body=f"{body}\n\n{number}", headers=headers)
        desk.deliver(mail, rcpt=got.reply_to)
    assert desk.send() == 0
    assert len(desk.entries()) == 1


@pytest.mark.slow
def test_a_hundred_reports_of_one_address_lead_to_five_mails_and_drafts(sqlite: Database, host: Smarthost) -> None:
    desk = desk_with(sqlite, host)
    by_smtp = spool.Envelope("smtp", "aiko@corp.example", ("intake@corp.example",), peer="127.0.0.1")
    mails = [report(n, subject=f"Matter {n} of room {n * 7}", body=f"Device {n * 13} is broken.") for n in range(100)]
    receive(sqlite, [(by_smtp, mail.replace("\n", "\r\n").encode()) for mail in mails], desk.now)
    desk.take_in()
    desk.send()
    assert len(host.received) == 5
    assert all("more than 5 automatic mails to this address" in one["reason"] for one in desk.entries("draft"))
    counts = sqlite.read(outbox.counts)
    assert counts["sent"] == 5
    assert counts["draft"] == sqlite.read(lambda conn: cases.count(conn, cases.Filter(), "SD", 2000)) - 5
    assert sqlite.read(spool_view.counts_not_done) == {}


def test_mails_beyond_the_hourly_limit_are_drafts_with_a_reason(desk: Desk) -> None:
    desk.configure(acknowledge_per_hour=2)
    for number in range(4):
        desk.deliver(report(number, sender=f"P <p{number}@corp.example>", subject=f"Matter {number}"))
    desk.send()
    assert len(desk.host.received) == 2
    assert all(one["reason"].startswith("held: more than 2") for one in desk.entries("draft"))
    assert desk.database.read(outbox.last_held_by_hourly_limit) == desk.now
    kinds = [one["kind"] for one in desk.database.read(lambda conn: feed.since(conn, 0, 500, "SD"))]
    assert kinds.count("outbox.held") == 2
    desk.now += timedelta(hours=2)
    desk.deliver(report(9, sender="P <p9@corp.example>", subject="Later", date=desk.now))
    assert desk.send() == 1


def test_a_mail_is_retried_with_the_same_message_id_after_a_timeout(desk: Desk) -> None:
    desk.deliver(report())
    desk.host.before_reply = lambda _: time.sleep(1.5)
    sender = desk.sender()
    sender.seconds = 0.3
    assert sender.step()
    [entry] = desk.entries("waiting")
    assert entry["attempts"] == 1
    desk.host.before_reply = lambda _: None
    desk.now += timedelta(minutes=2)
    assert desk.send() == 1
    assert {got.mail["Message-ID"] for got in desk.host.received} == {entry["message_id"]}


@pytest.mark.both_databases
def test_a_delivery_report_is_stored_with_its_mail_and_not_answered(desk: Desk) -> None:
    got = desk.acknowledged(report())
    for _ in range(3):
        desk.deliver(bounce(got.mail["Message-ID"]), mail_from="", rcpt=got.mail_from)
    assert desk.send() == 0
    [entry] = desk.entries()
    assert (entry["state"], entry["reason"]) == ("failed", "returned to us: 5.1.1")
    assert (entry["report"]["status"], entry["report"]["recipients"]) == ("5.1.1", ["aiko@corp.example"])


def _as_text(got: Received) -> str:
    return got.mail.as_bytes().decode().replace("\r\n", "\n")
