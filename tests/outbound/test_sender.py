"""The sender sends each outbox entry once, retries temporary failures, and gives up after permanent ones."""

from dataclasses import replace
from datetime import timedelta

import pytest

from service.errors import Conflict, Refused, Unavailable
from service.outbound import smarthost
from service.store import outbox
from tests.flow.crew import Deadly
from tests.outbound.desk import Desk, report
from tests.tables import table_beside

SMARTHOSTS = table_beside(__file__, "smarthosts.yaml")


@pytest.mark.both_databases
@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_temporary_refusal_is_retried_later(desk: Desk, command: str) -> None:
    desk.host.refuse[command] = "451 4.3.0 not now"
    desk.deliver(report())
    assert desk.send() == 1
    [entry] = desk.entries("waiting")
    assert (entry["attempts"], entry["reason"]) == (1, "451 4.3.0 not now")
    assert desk.send() == 0
    desk.host.refuse.clear()
    desk.now += timedelta(minutes=2)
    assert desk.send() == 1
    assert len(desk.host.received) == 1
    assert desk.entries("sent")[0]["reply"] == "2.0.0 queued"


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
def test_a_permanent_refusal_fails_with_the_reply_of_the_server(desk: Desk, command: str) -> None:
    desk.host.refuse[command] = "550 5.1.1 no such user"
    desk.deliver(report())
    desk.send()
    [entry] = desk.entries("failed")
    assert entry["reason"] == "550 5.1.1 no such user"
    desk.host.refuse.clear()
    desk.database.transact(lambda conn: outbox.send_again(conn, entry["id"], "mika", desk.now))
    desk.send()
    assert len(desk.host.received) == 1


@pytest.mark.parametrize(("url", "meant"), SMARTHOSTS)
def test_the_setting_of_the_smart_host_contains_a_server_and_no_password(
    url: str, meant: tuple[str, int, str, str] | None
) -> None:
    if meant is None:
        with pytest.raises(Refused, match=r"^SODAN_SMARTHOST: "):
            smarthost.Smarthost.parse(url)
    else:
        assert smarthost.Smarthost.parse(url) == smarthost.Smarthost(*meant)


def test_an_unexpected_error_is_shown_and_the_mail_is_retried(desk: Desk) -> None:
    desk.configure(smarthost=f"smtp://{'a' * 64}.example:25")
    desk.deliver(report())
    assert desk.send() == 1
    [waiting] = desk.entries("waiting")
    assert waiting["due_at"] > desk.now
    assert "label empty or too long" in waiting["reason"]


def test_a_mail_fails_if_the_server_is_unreachable_for_days(desk: Desk) -> None:
    desk.deliver(report())
    desk.configure(smarthost="smtp://127.0.0.1:9")
    for _ in range(8):
        assert desk.send() == 1
        desk.now += timedelta(days=1)
    assert desk.send() == 0
    [entry] = desk.entries("failed")
    assert entry["attempts"] == 8


@pytest.mark.both_databases
def test_another_sender_continues_after_a_dead_one_and_counts_it(desk: Desk) -> None:
    desk.deliver(report())
    [dead] = desk.database.transact(lambda conn: outbox.claim(conn, "dead", desk.now, timedelta(minutes=5)))
    assert desk.send() == 0
    desk.now += timedelta(minutes=6)
    assert desk.send() == 1
    assert len(desk.host.received) == 1
    assert desk.host.received[0].mail["Message-ID"] == dead.message_id
    assert desk.database.read(outbox.in_doubt) == 1
    desk.database.transact(lambda conn: outbox.sent(conn, dead.id, "dead", "too late", desk.now))
    assert desk.entries("sent")[0]["reply"] == "2.0.0 queued"


@pytest.mark.both_databases
def test_a_mail_that_kills_each_sender_fails_and_does_not_block_the_others(desk: Desk) -> None:
    for number, name in enumerate(("aiko", "ken")):
        desk.deliver(report(number, sender=f"{name}@corp.example", subject=f"Outlook of {name}"))
    deadly, other = (entry["id"] for entry in desk.entries("waiting"))
    for _ in range(len(outbox.BACK_OFF) + 1):
        [dead] = desk.database.transact(lambda conn: outbox.claim(conn, "dead", desk.now, timedelta(minutes=5)))
        assert dead.id == deadly
        desk.now += timedelta(minutes=6)
    assert (desk.send(), desk.send()) == (0, 1)
    assert len(desk.host.received) == 1
    [failed], [sent] = desk.entries("failed"), desk.entries("sent")
    assert (failed["id"], failed["in_doubt"], sent["id"]) == (deadly, 8, other)
    assert failed["reason"] == "the sender did not survive it, 8 times"


@pytest.mark.both_databases
def test_a_mail_is_sent_once_if_the_database_fails_after_it_was_accepted(desk: Desk) -> None:
    desk.deliver(report())
    sender = desk.sender()

    def rename(old: str, new: str) -> None:
        desk.database.transact(lambda conn: conn.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}"))

    desk.host.before_reply = lambda _: rename("outbox", "away")
    with pytest.raises(Unavailable):
        sender.step()
    rename("away", "outbox")
    desk.host.before_reply = lambda _: None
    desk.now += timedelta(minutes=6)
    assert not sender.step()
    assert len(desk.host.received) == 1
    [sent] = desk.entries()
    assert (sent["state"], sent["reply"], sent["in_doubt"]) == ("sent", "2.0.0 queued", 0)


@pytest.mark.both_databases
def test_a_mail_is_sent_once_if_its_case_cannot_be_judged_afterwards(desk: Desk) -> None:
    desk.deliver(report(body="Outlook cannot send mail since 9:00 today. raises in judging"))
    [waiting] = desk.entries()
    desk.context = replace(desk.context, rules=Deadly(desk.context.rules))  # type: ignore[arg-type]
    for _ in range(3):
        desk.send()
        desk.now += timedelta(minutes=6)
    assert len(desk.host.received) == 1
    [sent] = desk.entries()
    assert (sent["id"], sent["state"]) == (waiting["id"], "sent")


@pytest.mark.both_databases
def test_a_mail_that_is_being_sent_cannot_be_discarded(desk: Desk) -> None:
    desk.deliver(report())
    [waiting] = desk.entries()
    refused: list[str] = []

    def discard() -> None:
        try:
            desk.database.transact(lambda conn: outbox.discard(conn, waiting["id"], "mika", desk.now))
        except Conflict as error:
            refused.append(str(error))

    desk.host.before_reply = lambda _: discard()
    desk.send()
    assert refused == [f"outbox entry {waiting['id']} is being sent now; look at it again in a few minutes"]
    [sent] = desk.entries()
    assert (sent["state"], sent["reply"]) == ("sent", "2.0.0 queued")
    discard()
    assert refused[1] == f"outbox entry {waiting['id']} was sent already"
