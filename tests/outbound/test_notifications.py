"""Notifications: one per event, with reason and link, and only urgent ones in the quiet hours."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from service import model_reader
from service.errors import Refused
from service.intake import receive
from service.outbound.setup import notifier_of
from service.store import mailboxes, spool
from service.store.database import Database
from service.store.tables import cases
from tests.mailbox.provider import Answer, http_server
from tests.outbound.desk import START, Desk, Smarthost, copy_case, desk_with, report
from tests.running import take_in

OUTAGE = (
    "Nobody in the Osaka office can work: all 300 people are down and the whole factory has stopped. No workaround."
)

ENVELOPE = spool.Envelope("smtp", "aiko@corp.example", ("intake@corp.example",), peer="127.0.0.1")


class Target:
    """An HTTP service that receives the messages of Apprise."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status, self.url = 200, ""

    def answer(self, _method: str, _path: str, _headers: Any, body: bytes) -> Answer:
        if self.status == 200:
            self.messages.append(json.loads(body))
        return self.status, b"", {}

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.messages]


@contextmanager
def a_target() -> Iterator[Target]:
    up = Target()
    with http_server(up.answer) as port:
        up.url = f"json://127.0.0.1:{port}/hook"
        yield up


@pytest.fixture
def target() -> Iterator[Target]:
    with a_target() as up:
        yield up


@pytest.fixture
def desk(sqlite: Database, host: Smarthost, target: Target) -> Desk:
    return desk_with(sqlite, host, acknowledge="off", notify=target.url, public_url="https://sodan.corp.example")


@pytest.mark.parametrize("priority", ["P1", "P2"])
def test_a_high_priority_is_notified_once_with_reason_and_link(desk: Desk, target: Target, priority: str) -> None:
    desk.deliver(report(body=OUTAGE, subject="Osaka is down"))
    desk.set({"priority": priority})
    for number in range(2, 6):
        headers = "In-Reply-To: <r1@corp.example>\n"
        desk.deliver(report(number, body=f"Still down {number}.", subject="Re: Osaka is down", headers=headers))
    desk.send()
    text = "\n".join(f"{one['title']}\n{one['message']}" for one in target.messages)
    assert text.count(f"{priority} SD-1 Osaka is down") == 1
    assert "https://sodan.corp.example/cases/SD-1" in text


def test_notifications_within_a_minute_are_one_message(desk: Desk, target: Target) -> None:
    for number in range(1, 6):
        desk.deliver(report(number, sender=f"P <p{number}@corp.example>", subject=f"Matter {number}"))
    desk.later(minutes=45)
    assert len(target.messages) == 1
    desk.deliver(report(9, sender="P <p9@corp.example>", subject="Matter 9", date=desk.now))
    desk.later(minutes=45)
    assert len(target.messages) == 2


def test_a_case_that_needs_triage_is_notified_after_business_minutes(desk: Desk, target: Target) -> None:
    desk.configure(triage_minutes=30)
    desk.deliver(report())
    desk.later(minutes=20)
    assert target.messages == []
    desk.now += timedelta(minutes=15)
    desk.write_due()
    desk.later()
    assert target.titles == ["SD-1 needs triage: Outlook"]


def test_notifications_that_are_not_urgent_wait_for_the_end_of_the_quiet_hours(desk: Desk, target: Target) -> None:
    desk.configure(notify_quiet="20:00-07:30", triage_minutes=1)
    desk.deliver(report())
    desk.now = START.replace(hour=13)  # 22:00 in Tokyo
    desk.now += timedelta(minutes=2)
    desk.write_due()
    assert desk.send() == 0
    morning = desk.now.astimezone(ZoneInfo("Asia/Tokyo")) + timedelta(hours=10)
    desk.now = morning.astimezone(desk.now.tzinfo)
    desk.send()
    assert len(target.messages) == 1


def test_the_team_is_notified_when_it_has_to_act_again(desk: Desk, target: Target) -> None:
    desk.configure(acknowledge="on")
    desk.deliver(report())
    desk.now += timedelta(minutes=1)
    desk.send()
    reply_to = desk.host.received[0].reply_to
    desk.now += timedelta(hours=1)
    desk.deliver(report(2, subject="answer", body="1. just me", date=desk.now), rcpt=reply_to)
    desk.send()
    assert "SD-1 is your turn: Outlook" in target.titles


def test_a_mail_that_waits_too_long_is_notified(desk: Desk, target: Target) -> None:
    receive(desk.database, [(ENVELOPE, report().encode())], desk.now)
    desk.later(minutes=20)
    assert target.titles == ["sodan: a mail has waited for 20 minutes"]


def test_each_shunted_mail_is_notified(desk: Desk, target: Target) -> None:
    for messages in (1, 2):
        [id] = receive(desk.database, [(ENVELOPE, report(messages).encode())], desk.now)
        desk.database.transact(lambda conn, id=id: spool.shunt(conn, [id], "no memory", desk.now))  # type: ignore[misc]
        desk.write_due()
        desk.later(minutes=1)
        assert target.titles == ["sodan: 1 mails were set aside"] * messages
        desk.database.transact(lambda conn, id=id: spool.retry(conn, id, desk.now))  # type: ignore[misc]
        take_in(desk.database, desk.context, desk.now)


def test_a_mailbox_that_fails_for_ten_minutes_is_notified_once_with_the_next_step(desk: Desk, target: Target) -> None:
    desk.configure(notify_quiet="20:00-07:30")
    began, lease = desk.now, timedelta(seconds=60)

    def fail(conn: Any) -> None:
        mailboxes.record_failure(conn, "support", "a", "the sign-in is refused", "renew the secret", desk.now)

    desk.database.transact(lambda conn: mailboxes.acquire(conn, "support", "a", began, lease))
    desk.database.transact(lambda conn: mailboxes.record_success(conn, "support", "a", began))
    for minutes, messages in ((9, 0), (2, 1), (30, 1)):
        desk.now += timedelta(minutes=minutes)
        desk.database.transact(fail)
        desk.later()
        assert len(target.messages) == messages, minutes
    assert target.messages[0]["title"] == "sodan: mailbox support has not been read for 11 minutes"
    assert target.messages[0]["message"] == "the sign-in is refused: renew the secret"
    desk.database.transact(lambda conn: mailboxes.record_success(conn, "support", "a", desk.now))
    desk.now += timedelta(minutes=12)
    desk.database.transact(fail)
    desk.later()
    assert len(target.messages) == 2, "another failure is another message"


def test_a_language_model_that_fails_for_hours_is_notified_once_a_day(desk: Desk, target: Target) -> None:
    desk.configure(model_url="http://127.0.0.1:9/v1", model="m", triage_minutes=10_000)
    desk.after = model_reader.after_judging(desk.settings)
    desk.deliver(report())
    model = model_reader.model_of(desk.settings)
    reader = model_reader.ModelReader(desk.database, desk.context, model, desk.settings, lambda: desk.now)
    titles = []
    for minutes in (1, 60, 70, 30):
        desk.now += timedelta(minutes=minutes)
        reader.step("test")
        desk.later()
        titles.append(target.titles)
    assert titles == [[], [], *[["sodan: the language model does not answer"]] * 2]
    assert "Mail is still processed." in target.messages[0]["message"]


def test_an_overdue_promise_is_notified_once_with_its_quote(desk: Desk, target: Target) -> None:
    desk.configure(triage_minutes=10_000)
    desk.deliver(report())
    _promise(desk, desk.now.isoformat(), kept="m2")
    desk.later(days=5)
    assert target.messages == []
    _promise(desk, (desk.now + timedelta(days=2)).isoformat())
    for days, messages in ((1, 0), (2, 1), (2, 1)):
        desk.later(days=days)
        assert len(target.messages) == messages
    assert target.messages[0]["title"] == "SD-1 promise overdue: Outlook"
    assert "by Friday" in target.messages[0]["message"]
    assert "https://sodan.corp.example/cases/SD-1" in target.messages[0]["message"]


def test_an_imported_archive_leads_to_no_notification(desk: Desk, target: Target) -> None:
    desk.configure(triage_minutes=1)
    now, desk.now = desk.now, START - timedelta(days=900)
    old = [report(1, body=OUTAGE, date=desk.now), report(2, sender="B <b@corp.example>", date=desk.now)]
    reply = "In-Reply-To: <r2@corp.example>\n"
    answer = {"sender": "Mika <mika@corp.example>", "subject": "Re: Outlook", "headers": reply}
    old.append(report(3, body="Please call Ben.", date=desk.now + timedelta(hours=1), **answer))
    desk.now = now
    for mail in old:
        desk.deliver(mail, channel="import")
    _promise(desk, "2024-06-01T00:00:00+00:00")
    desk.now += timedelta(days=1)
    desk.write_due()
    assert desk.entries() == []


def test_new_mail_with_an_old_date_is_notified(desk: Desk, target: Target) -> None:
    desk.deliver(report(body=OUTAGE, date=START - timedelta(days=900)))
    assert [entry["subject"] for entry in desk.entries()] == ["P1 SD-1 Outlook"]


def test_a_due_case_is_notified_even_if_many_other_cases_exist(desk: Desk, target: Target) -> None:
    desk.configure(triage_minutes=1)
    desk.deliver(report())
    _promise(desk, desk.now.isoformat())
    later = START + timedelta(hours=1)
    done = {"promises": [], "needs_triage": False}
    desk.database.transact(
        lambda conn: copy_case(
            conn, priority="P1", needs_triage=False, updated_at=later, opened_at=later, document=done
        )
    )
    desk.now += timedelta(days=1)
    desk.write_due()
    subjects = [entry["subject"] for entry in desk.entries()]
    assert subjects == ["SD-1 promise overdue: Outlook", "SD-1 needs triage: Outlook"]


def test_a_failed_notification_is_retried_and_shows_the_reason(desk: Desk, target: Target) -> None:
    desk.configure(triage_minutes=1)
    desk.deliver(report())
    desk.now += timedelta(minutes=5)
    target.status = 500
    desk.later()
    [entry] = desk.entries("waiting")
    assert "did not accept the message" in entry["reason"]
    assert target.url.split("/")[2] not in f"{entry}"
    target.status = 200
    desk.now += timedelta(minutes=2)
    desk.send()
    assert len(target.messages) == 1


@pytest.mark.parametrize("url", ["nosuch://x", "slack://", "json://"])
def test_the_error_for_an_unknown_target_names_the_setting(sqlite: Database, host: Smarthost, url: str) -> None:
    desk = desk_with(sqlite, host, notify=url)
    with pytest.raises(Refused, match="SODAN_NOTIFY"):
        notifier_of(desk.settings)


def _promise(desk: Desk, due: str, kept: str | None = None) -> None:
    """Write a promise into the document of the first case, as judging does."""
    promise = {"promise": "fix", "quote": "by Friday", "due": due, "kept": kept}
    document = desk.case() | {"promises": [promise]}
    desk.database.transact(lambda conn: conn.execute(update(cases).where(cases.c.id == 1).values(document=document)))
