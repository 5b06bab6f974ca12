"""The second reading by a language model: it never delays mail, and every statement quotes the mail."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service import model_reader
from service.cli import doctor
from service.intake import AppContext
from service.model_reader import ModelReader
from service.outbound import setup
from service.outbound.due_mail import DueMail
from service.replay import replay
from service.settings import Settings
from service.store import outbox, second_readings
from service.store.database import Database
from service.store.tables import events, messages
from service.store.tables import second_readings as jobs
from tests.flow.crew import Deadly
from tests.mailbox.provider import Answer
from tests.model.endpoint import endpoint, refuses, statements
from tests.outbound import desk as outbound_desk
from tests.outbound.desk import START
from tests.running import running

BODY = "各部署で伝票が出せません。\n回避策はありません。\n昨日の夕方からです。"
HIGH = {"unit": 1, "meaning": "impact.high", "state": "value", "quote": "各部署で伝票が出せません"}
NONE = {"unit": 2, "meaning": "urgency.high", "state": "value", "quote": "回避策はありません"}


class Desk(outbound_desk.Desk):
    """An installation with a language model and without a smart host."""

    def give(self, body: str = BODY, number: int = 1, sender: str = "aiko@corp.example", headers: str = "") -> None:
        self.after = model_reader.after_judging(self.settings)
        headers += "Content-Type: text/plain; charset=utf-8\n"
        mail = outbound_desk.report(number, sender=sender, subject=f"伝票 {number}", body=body, headers=headers)
        self.deliver(mail, mail_from=sender)

    def reader(self, url: str, *, seconds: float = 20.0, **limits: Any) -> ModelReader:
        settings = self.settings.model_copy(update={"model_url": url, "model_seconds": seconds, **limits})
        return ModelReader(self.database, self.context, model_reader.model_of(settings), settings, lambda: self.now)

    def job(self) -> Any:
        return self.database.read(lambda conn: conn.execute(select(jobs)).first())

    def results(self) -> list[tuple[str, str | None]]:
        """Return state and reason of each job."""
        query = select(jobs.c.state, jobs.c.reason).order_by(jobs.c.message_id)
        return [(state, reason) for state, reason in self.database.read(lambda conn: conn.execute(query).all())]

    def readers(self) -> list[str]:
        query = select(messages.c.statements).order_by(messages.c.id)
        return [one["reader"] for one in self.database.read(lambda conn: conn.execute(query)).scalars().all()]


@pytest.fixture
def desk(database: Database, context: AppContext, model_settings: Settings) -> Desk:
    return Desk(database, outbound_desk.Smarthost(), model_settings, context)


def test_the_statements_of_the_model_replace_those_of_the_embedded_reader(desk: Desk) -> None:
    desk.give(f"{BODY}\n連絡先: aiko@corp.example")
    assert desk.case()["read_by"]["reader"] == "embedded"
    with endpoint(statements(HIGH, NONE)) as up:
        assert desk.reader(up.url).step("test")
        assert not desk.reader(up.url).step("test")
        assert "aiko@" not in str(up.asked)
    case = desk.case()
    assert (case["priority"], case["read_by"]["reader"]) == ("P1", "model")
    assert {one["quote"] for one in case["priority_detail"]["evidence"]} == {HIGH["quote"], NONE["quote"]}
    kinds = desk.database.read(lambda conn: conn.execute(select(events.c.kind)).scalars().all())
    assert kinds.count("case.changed") == 1
    job = desk.job()
    assert (job.state, job.model, job.attempts) == ("done", "test-model", 1)
    assert job.request_version in case["read_by"]["version"]


def test_the_case_from_which_a_reply_was_split_off_is_judged_again(desk: Desk) -> None:
    desk.give("Nobody can place orders since nine.")
    leaves = "Works again, thanks a lot.\nOur new trainee Jo Park starts on Monday and needs a login and a mailbox."
    desk.give(leaves, headers="In-Reply-To: <r1@corp.example>\n", number=2)
    assert desk.case()["status"] == "resolved"
    with endpoint(statements()) as up:
        while desk.reader(up.url).step("test"):
            pass
    assert desk.case()["status"] == "open"


@pytest.mark.both_databases
def test_a_replay_uses_the_stored_answer_and_sends_no_request(desk: Desk) -> None:
    desk.give()
    with endpoint(statements(HIGH, NONE)) as up:
        desk.reader(up.url).step("test")
        list(replay(desk.database, desk.context, None, since=None, apply=True, now=desk.now))
        assert not desk.reader(up.url).step("test")
        assert len(up.asked) == 1
        assert (desk.case()["priority"], desk.readers()) == ("P1", ["model"])


@pytest.mark.parametrize(
    ("sides", "given"),
    [
        (("requester",), {"sender": "stranger@elsewhere.example"}),
        (("requester",), {"headers": "Auto-Submitted: auto-replied\n", "body": "ただいま不在にしております。"}),
        (("requester",), {"body": "x" * 30_000}),
        (("vendor",), {}),
    ],
    ids=["unknown sender", "automatic", "too long", "side not selected"],
)
def test_some_mails_are_not_sent_to_the_model(desk: Desk, sides: tuple[str, ...], given: dict[str, Any]) -> None:
    desk.configure(model_sides=sides)
    desk.give(**given)
    assert desk.job() is None


def test_a_message_that_cannot_be_judged_delays_no_other(desk: Desk) -> None:
    desk.give(f"{BODY}\nraises in judging")
    desk.give("プリンタから紙が出ません。", number=2, sender="ken@corp.example")
    desk.context = replace(desk.context, rules=Deadly(desk.context.rules))  # type: ignore[arg-type]
    with endpoint(*[statements()] * 8) as up:
        reader = desk.reader(up.url)
        for _ in range(second_readings.MAX_ATTEMPTS):
            while reader.step("test"):
                pass
            desk.now += timedelta(hours=3)
    assert desk.results() == [("failed", "RuntimeError"), ("done", None)]


def test_the_pause_after_a_failed_attempt_begins_at_its_end(desk: Desk) -> None:
    desk.give(f"{BODY}\nraises in judging")
    desk.context = replace(desk.context, rules=Deadly(desk.context.rules))  # type: ignore[arg-type]
    with endpoint(statements()) as up:
        reader = desk.reader(up.url)
        times = iter([START, *[START + timedelta(minutes=2)] * 9])  # the request takes two minutes
        reader.clock = lambda: next(times)
        assert reader.step("test")
    assert desk.job().due_at == START + timedelta(minutes=2) + second_readings.BACK_OFF[0]


INVENTED = {**HIGH, "meaning": "impact.cosmic"}
MISQUOTED = {**HIGH, "quote": "全社が止まっています"}


@pytest.mark.parametrize(
    ("answers", "state", "kept", "dropped"),
    [
        ([statements()], "done", 0, 0),
        ([statements(HIGH, NONE, INVENTED)], "done", 2, 1),
        ([statements(INVENTED, MISQUOTED, HIGH), statements(HIGH)], "done", 1, 0),
        ([statements(INVENTED)], "refused", None, 0),
        ([refuses(429, "slow down", "30"), statements(HIGH)], "done", 1, 0),
        ([refuses(500), refuses(502), refuses(503), statements(HIGH)], "done", 1, 0),
        ([refuses(400, "maximum context length exceeded")], "refused", None, 0),
    ],
)
def test_an_answer_of_any_kind_leads_only_to_statements_that_quote_the_mail(
    desk: Desk, answers: list[Answer], state: str, kept: int | None, dropped: int
) -> None:
    """test_answer.py and test_endpoint.py test all reasons to drop a statement, to refuse an answer, and to retry."""
    desk.give()
    before = desk.case()
    with endpoint(*answers) as up:
        reader = desk.reader(up.url)
        for _ in range(12):
            reader.step("test")
            desk.now += timedelta(minutes=20)
    assert desk.job().state == state
    query = select(messages.c.statements, messages.c.text)
    [(reading, text)] = desk.database.read(lambda conn: conn.execute(query).all())
    if kept is None:
        assert reading["reader"] == "embedded"
        assert desk.case()["priority"] == before["priority"]
    else:
        assert len(reading.get("statements", [])) == kept
        assert all(one["quote"] in text for one in reading.get("statements", []))
        assert desk.database.read(lambda conn: second_readings.usage(conn)).dropped == dropped


def test_while_the_endpoint_is_unreachable_only_a_metric_and_the_doctor_report_it(
    desk: Desk, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.configure(notify=("json://127.0.0.1:9/hook",), triage_minutes=600)
    desk.give()

    def visible() -> Any:
        """Return everything that people can see: case, events, outgoing messages."""
        kinds = desk.database.read(lambda conn: conn.execute(select(events.c.kind)).scalars().all())
        notifier, outbound = setup.notifier_of(desk.settings), setup.outbound_of(desk.settings, b"k" * 32)
        DueMail(desk.database, desk.context, outbound, notifier).write(desk.now)
        return desk.case(), kinds, desk.database.read(outbox.counts)

    before, reader = visible(), desk.reader("http://127.0.0.1:9/v1")
    for _ in range(60):
        reader.step("test")
        desk.now += timedelta(minutes=1)
    assert visible() == before
    job = desk.job()
    assert (job.state, job.attempts) == ("waiting", 0)
    assert reader.breaker.failures < 40
    doctor.examine(desk.settings, desk.database, desk.now)
    [line] = [line for line in capfd.readouterr().out.splitlines() if "language model" in line]
    assert line.startswith("WRONG  language model test-model: 0 read, 1 waiting, the oldest since 2026-11-04 01:00Z")
    assert "mail is not delayed" in line
    with running(desk.database, desk.context, desk.settings) as up:
        metrics = up.client.get("/metrics").text.splitlines()
    assert 'sodan_model_readings{state="waiting"} 1.0' in metrics
    with endpoint(statements(HIGH, NONE)) as answering:
        desk.now += timedelta(hours=3)
        assert desk.reader(answering.url).step("test")
    assert desk.case()["priority"] == "P1"


def test_the_limits_of_a_day_are_not_exceeded(desk: Desk) -> None:
    for number in range(4):
        desk.give(BODY + f"\n{number} 台目です。", number=number)
    with endpoint(statements(HIGH)) as up:
        reader = desk.reader(up.url, model_requests_per_day=2)
        assert [reader.step("test") for _ in range(4)] == [True, True, False, False]
        desk.now += timedelta(days=1)
        assert reader.step("test")
        tokens = desk.reader(up.url, model_tokens_per_day=100)
        assert not tokens.step("test")


@pytest.mark.both_databases
def test_another_reader_continues_when_the_lease_of_a_dead_one_ends(desk: Desk) -> None:
    desk.give()
    lease = timedelta(minutes=3)
    assert desk.database.transact(lambda conn: second_readings.claim(conn, "dead", desk.now, lease)) is not None
    with endpoint(statements(HIGH, NONE)) as up:
        assert not desk.reader(up.url).step("test")
        desk.now += timedelta(minutes=4)
        assert desk.reader(up.url).step("test")
    assert desk.job().state == "done"
    assert desk.job().attempts == 2


def test_a_message_that_kills_its_readers_fails_after_the_last_attempt(desk: Desk) -> None:
    desk.give()
    for _ in range(second_readings.MAX_ATTEMPTS):
        assert desk.database.transact(lambda conn: second_readings.claim(conn, "x", desk.now, timedelta(minutes=1)))
        desk.now += timedelta(minutes=2)
    assert desk.database.transact(lambda conn: second_readings.claim(conn, "x", desk.now, timedelta(minutes=1))) is None
    assert desk.job().state == "failed"


def test_a_priority_set_by_a_person_is_kept(desk: Desk) -> None:
    desk.give()
    desk.set({"priority": "P4"})
    with endpoint(statements(HIGH, NONE)) as up:
        desk.reader(up.url).step("test")
    assert desk.case()["priority"] == "P4"
    assert desk.case()["priority_detail"]["by_rules"] == "P1"
