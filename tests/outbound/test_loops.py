"""No loop, no mail to a machine or a stranger, never more than one automatic mail a case, nothing lost.

Each mail goes the whole way: received, taken in, judged, answered or not, sent to a real SMTP server.
"""

import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.intake import receive, rejudge
from service.mailbox.fetcher import envelope
from service.mailbox.file import Mailbox
from service.outbound.policy import MAX_HOPS
from service.store import cases, corrections, feed, outbox, spool, spool_view
from service.store.database import Database
from service.store.migrate import migrate
from tests.outbound.desk import START, Desk, Received, Smarthost, bounce, desk_with, report, smarthost

UNANSWERED = yaml.safe_load(Path(__file__).with_name("machines.yaml").read_text(encoding="utf-8"))
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
def test_a_report_of_one_of_our_people_is_answered(small: Desk, mail: str) -> None:
    small.deliver(mail)
    assert [one["kind"] for one in small.entries()] == ["acknowledgement"]


@pytest.mark.parametrize(
    ("mail", "given"),
    [
        *(pytest.param(mail, {}, id=name) for name, mail in MACHINES.items()),
        pytest.param(report(), {"mail_from": ""}, id="null reverse-path"),
        pytest.param(report(), {"channel": "import"}, id="an archive"),
    ],
)
def test_a_machine_a_list_a_stranger_or_an_archive_hears_nothing(small: Desk, mail: str, given: dict[str, Any]) -> None:
    small.deliver(mail, **given)
    assert small.entries() == []
    assert small.send() == 0
    assert small.host.received == []


@pytest.mark.parametrize(
    ("top", "answered"), [*UNANSWERED["fetched"], (RECEIVED * MAX_HOPS, True), (RECEIVED * (MAX_HOPS + 1), False)]
)
def test_a_fetched_mail_without_return_path_is_answered_but_none_with_a_null_one(
    small: Desk, top: str, answered: bool
) -> None:
    verdict = "Authentication-Results: mx.example; dmarc=pass header.from=corp.example\n"
    content = (verdict + top + report()).replace("\n", "\r\n").encode()
    receive(small.database, [(envelope(MAILBOX, content), content)], small.now)
    small.take_in()
    assert [one["recipient"] for one in small.entries()] == ["aiko@corp.example"] * answered


@pytest.mark.parametrize(
    "verdict",
    [
        "mx.corp.example; dmarc=fail header.from=corp.example",
        "mx.corp.example; dmarc=none",
        "mx.other.example; dmarc=pass header.from=corp.example",
    ],
)
def test_the_name_of_one_of_ours_is_not_enough(sqlite: Database, host: Smarthost, verdict: str) -> None:
    desk = desk_with(sqlite, host, authserv_id="mx.corp.example")
    desk.deliver(report(headers=f"Authentication-Results: {verdict}\n"))
    assert desk.entries() == []
    passed = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\n"
    desk.deliver(report(2, subject="VPN", headers=passed))
    assert [one["recipient"] for one in desk.entries()] == ["aiko@corp.example"]


def test_two_houses_that_acknowledge_each_other_stop_at_once(sqlite: Database, host: Smarthost, tmp_path: Path) -> None:
    with smarthost() as other_host, closing(Database(f"sqlite:///{tmp_path / 'other.db'}")) as database:
        migrate(database)
        organisation = "corp.example,partner.example"
        one = desk_with(sqlite, host, organisation=organisation)
        given = {"intake": "help@partner.example", "from_": "help-desk@partner.example"}
        other = desk_with(database, other_host, organisation=organisation, hostname="sodan.partner.example", **given)
        one.deliver(report())
        one.send()
        for _ in range(5):
            for source, target in ((one, other), (other, one)):
                for got in list(source.host.received):
                    target.deliver(_as_text(got), mail_from=got.mail_from)
                target.send()
        assert len(one.host.received) == 1
        assert other.host.received == []


def test_our_own_mail_that_comes_back_is_not_answered(small: Desk) -> None:
    got = small.acknowledged(report())
    small.deliver(_as_text(got), mail_from=got.mail_from)
    small.deliver(_as_text(got).replace("Auto-Submitted: auto-replied\n", ""), mail_from="aiko@corp.example")
    assert small.send() == 0
    assert len(small.entries()) == 1


@pytest.mark.parametrize(("subject", "body"), UNANSWERED["replies"])
def test_a_reply_to_an_acknowledgement_is_never_acknowledged(small: Desk, subject: str, body: str) -> None:
    got = small.acknowledged(report())
    headers = f"In-Reply-To: {got.mail['Message-ID']}\n"
    for number in range(2, 6):
        mail = report(number, subject=subject, body=f"{body}\n\n{number}", headers=headers)
        small.deliver(mail, rcpt=got.reply_to)
    assert small.send() == 0
    assert len(small.entries()) == 1


def test_a_reply_to_an_acknowledgement_of_a_merged_case_goes_where_the_case_went(small: Desk) -> None:
    small.deliver(report())
    small.deliver(report(2, subject="Payroll", body="The payroll export is empty.", sender="Ben <ben@corp.example>"))
    small.send()
    first, _ = small.host.received

    def merge(conn: Any) -> None:
        event = corrections.merge(conn, 1, 2, "mika", small.now)
        rejudge(conn, corrections.changed_cases(conn, event), small.context, now=small.now)

    small.database.transact(merge)
    small.deliver(report(3, subject="answer", body="1. just me"), rcpt=first.reply_to)
    assert small.case(2)["messages"] == 3
    assert small.send() == 0


def test_a_reply_in_a_closed_case_opens_it_and_is_not_acknowledged(small: Desk) -> None:
    got = small.acknowledged(report())
    small.set({"status": "closed"})
    small.now += timedelta(days=1)
    small.deliver(report(3, subject="answer", body="It is still broken.", date=small.now), rcpt=got.reply_to)
    assert small.case()["messages"] == 2
    assert small.send() == 0


@pytest.mark.slow
def test_a_hundred_reports_of_one_address_bring_five_mails_and_drafts(sqlite: Database, host: Smarthost) -> None:
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


def test_the_hourly_limit_holds_further_mails_as_drafts_and_says_so(sqlite: Database, host: Smarthost) -> None:
    desk = desk_with(sqlite, host, acknowledge_per_hour=2)
    for number in range(4):
        desk.deliver(report(number, sender=f"P <p{number}@corp.example>", subject=f"Matter {number}"))
    desk.send()
    assert len(host.received) == 2
    assert all(one["reason"].startswith("held: more than 2") for one in desk.entries("draft"))
    assert sqlite.read(outbox.last_held_by_hourly_limit) == desk.now
    kinds = [one["kind"] for one in sqlite.read(lambda conn: feed.since(conn, 0, 500, "SD"))]
    assert kinds.count("outbox.held") == 2
    desk.now += timedelta(hours=2)
    desk.deliver(report(9, sender="P <p9@corp.example>", subject="Later", date=desk.now))
    assert desk.send() == 1


def test_a_smart_host_that_is_slow_is_tried_again_with_the_same_message_id(small: Desk) -> None:
    small.deliver(report())
    small.host.before_reply = lambda _: time.sleep(1.5)
    sender = small.sender()
    sender.seconds = 0.3
    assert sender.step()
    [entry] = small.entries("waiting")
    assert entry["attempts"] == 1
    small.host.before_reply = lambda _: None
    small.now += timedelta(minutes=2)
    assert small.send() == 1
    assert {got.mail["Message-ID"] for got in small.host.received} == {entry["message_id"]}


@pytest.mark.both_databases
def test_a_delivery_report_is_filed_at_its_mail_and_not_answered(desk: Desk) -> None:
    got = desk.acknowledged(report())
    for _ in range(3):
        desk.deliver(bounce(got.mail["Message-ID"]), mail_from="", rcpt=got.mail_from)
    assert desk.send() == 0
    [entry] = desk.entries()
    assert (entry["state"], entry["reason"]) == ("failed", "returned to us: 5.1.1")
    assert (entry["report"]["status"], entry["report"]["recipients"]) == ("5.1.1", ["aiko@corp.example"])


def _as_text(got: Received) -> str:
    return got.mail.as_bytes().decode().replace("\r\n", "\n")
