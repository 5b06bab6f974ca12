"""Second readings: a language model reads a message after the embedded reader.

A job is written in the transaction that stores a mail; the mail is visible long before the result. The result replaces
the embedded reader's statements, and the case is judged again. If the model fails, those statements stay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from mailrules import model_reading
from mailrules.reader.model_answer import Answer, AnswerRefused
from mailrules.reader.model_request import Request
from service.errors import NotFound, Unavailable, where
from service.intake import After, AppContext, rejudge
from service.language_model import LanguageModel, ModelRefused, ModelUnavailable, Reply
from service.settings import Settings, read_secret
from service.store import second_readings
from service.store.database import Connection, Database, one_at_a_time
from service.store.message_rows import ReadMail
from service.store.second_readings import Job

_log = structlog.get_logger("sodan.model")

SPARE_SECONDS = 60  # a lease lasts for two timeouts of a request and this many seconds more
FAILURES = 5  # after this many failures in a row, requests pause
PAUSES = (timedelta(minutes=1), timedelta(minutes=15))  # the shortest and the longest pause
UNCERTAIN = frozenset(("dmarc-failed", "sender-unverified", "from-several", "from-missing", "not-fully-read"))
"""Defects of messages that are not sent, because their author or text is uncertain."""
REFUSALS = 2  # unusable answers after which a message keeps the embedded reader's result


@dataclass
class Breaker:
    """Circuit breaker: pauses requests to a failing endpoint, longer after each failure."""

    failures: int = 0
    paused_until: datetime | None = None

    def allows(self, now: datetime) -> bool:
        return self.paused_until is None or now >= self.paused_until

    def failed(self, now: datetime, retry_after: float | None) -> None:
        self.failures += 1
        if retry_after is not None:
            self.paused_until = now + timedelta(seconds=retry_after)
        elif self.failures >= FAILURES:
            self.paused_until = now + min(PAUSES[0] * 2.0 ** min(self.failures - FAILURES, 10), PAUSES[1])

    def answered(self) -> None:
        self.failures, self.paused_until = 0, None


@dataclass
class ModelReader:
    """Reads one message per step. Several threads can share one reader, each with its own name in ``by``."""

    database: Database
    context: AppContext
    model: LanguageModel
    settings: Settings
    clock: Callable[[], datetime]
    breaker: Breaker = field(default_factory=Breaker)

    def step(self, by: str) -> bool:
        """Read the message that is due first; False if none is due or no request is allowed. Raises Unavailable."""
        now = self.clock()
        if not self.breaker.allows(now) or not self.database.read(lambda conn: self._may_ask(conn, now)):
            return False
        lease = timedelta(seconds=self.model.seconds * 2 + SPARE_SECONDS)
        job = self.database.transact(lambda conn: second_readings.claim(conn, by, now, lease))
        if job is None:
            return False
        try:
            self._read(job, by)
        except Unavailable:
            raise
        except NotFound:
            self._finish(job, by, "failed", "the message was deleted")
        except Exception as error:  # an error in the rules, or an unknown form of answer: go on with the others
            kind, failed_at = type(error).__name__, self.clock()
            _log.error("a message was not read by the model", message=job.message, error=kind, trace=where(error))
            self.database.transact(lambda conn: second_readings.back_off(conn, job.message, by, kind, failed_at))
        return True

    def _may_ask(self, conn: Connection, now: datetime) -> bool:
        if not second_readings.anything_due(conn, now):
            return False
        spent = second_readings.usage(conn, now.date())
        most_requests, most_tokens = self.settings.model_requests_per_day, self.settings.model_tokens_per_day
        within = not most_requests or spent.requests < most_requests
        return within and (not most_tokens or spent.tokens_in + spent.tokens_out < most_tokens)

    def _read(self, job: Job, by: str) -> None:
        turn = self.database.read(lambda conn: second_readings.case_message(conn, job.message).turn)
        request = model_reading.request_for(self.context.rules, turn)
        try:
            reply, answer = answer_of(
                self.model,
                lambda repair: self._ask_model(request, repair),
                lambda text: model_reading.checked_answer(self.context.rules, turn, text),
            )
        except ModelUnavailable as error:  # the message is not the cause: retry later without counting the attempt
            why, now, pause = str(error), self.clock(), error.retry_after
            self.breaker.failed(now, pause)
            _log.warning("the model did not answer", message=job.message, why=why, failures=self.breaker.failures)
            self.database.transact(
                lambda conn: second_readings.back_off(conn, job.message, by, why, now, pause, counted=False)
            )
        except ModelRefused as error:
            self._finish(job, by, "refused", str(error))
        except AnswerRefused as error:
            self.breaker.answered()
            self._refuse_answer(job, by, str(error))
        else:
            self.breaker.answered()
            self._store_answer(job, by, request, reply, answer)

    def _refuse_answer(self, job: Job, by: str, why: str) -> None:
        """Record an unusable answer, and retry. After ``REFUSALS`` attempts, keep the embedded reader's result."""
        now = self.clock()
        _log.warning("an answer was refused", message=job.message, why=why)

        def write(conn: Connection) -> None:
            second_readings.add_usage(conn, now.date(), refused=1)
            if job.attempts >= REFUSALS:
                second_readings.finish(conn, job.message, by, now, state="refused", reason=why[:300])
            else:
                second_readings.back_off(conn, job.message, by, why, now)

        self.database.transact(write)

    def _ask_model(self, request: Request, repair: str) -> Reply:
        spend = partial(second_readings.add_usage, day=self.clock().date())
        self.database.transact(partial(spend, requests=1))
        reply = self.model.ask(request, repair=repair)
        usage = {"tokens_in": reply.tokens_in, "tokens_out": reply.tokens_out, "seconds": reply.seconds}
        self.database.transact(partial(spend, **usage))
        return reply

    def _store_answer(self, job: Job, by: str, request: Request, reply: Reply, answer: Answer) -> None:
        now = self.clock()
        model = reply.model or self.model.model

        def keep(conn: Connection) -> None:
            one_at_a_time(conn)
            done = {"answer": reply.text, "model": model, "request_version": request.version}
            dropped = dict(answer.dropped)
            if not second_readings.finish(conn, job.message, by, now, state="done", dropped=dropped, **done):
                return  # another process has taken over the job
            if answer.dropped:
                second_readings.add_usage(conn, now.date(), dropped=sum(answer.dropped.values()))
            line = second_readings.case_message(conn, job.message)
            reading = model_reading.reading_of(self.context.rules, line.turn, answer, f"{model} {request.version}")
            second_readings.save_reading(conn, job.message, reading)
            rejudge(conn, second_readings.affected_cases(conn, line), self.context, now=now)

        self.database.transact(keep)
        _log.info("read by the model", message=job.message, statements=len(answer.statements), seconds=reply.seconds)

    def _finish(self, job: Job, by: str, state: str, why: str) -> None:
        self.database.transact(
            lambda conn: second_readings.finish(conn, job.message, by, self.clock(), state=state, reason=why[:300])
        )


def answer_of(
    model: LanguageModel, ask: Callable[[str], Reply], check: Callable[[str], Answer]
) -> tuple[Reply, Answer]:
    """Return the answer, repaired once if the endpoint does not enforce its form.

    ``ask``: gets what was wrong with the last answer. Raises ModelUnavailable, ModelRefused and AnswerRefused.
    """
    reply = ask("")
    try:
        return reply, check(reply.text)
    except AnswerRefused as error:
        if not model.answers_freely:
            raise
        reply = ask(f"That could not be used: {error}.")
        return reply, check(reply.text)


def may_be_sent(message: Any, settings: Settings) -> bool:
    """Return whether the model may read a message, a row of ``second_readings.of_mails``.

    A person of a side in ``model_sides`` wrote it. It has a text of at most ``model_max_characters`` characters, and no
    defect of ``UNCERTAIN``.
    """
    return (
        message.automatic is None
        and message.author_role in settings.model_sides
        and not UNCERTAIN.intersection(message.defects)
        and 0 < message.length <= settings.model_max_characters
    )


def model_of(settings: Settings) -> LanguageModel:
    """Return the configured model. Raises Refused if the key file cannot be read."""
    key = read_secret(settings.model_key, settings.model_key_file, "model_key")
    return LanguageModel(settings.model_url, settings.model, key, settings.model_seconds)


def after_judging(settings: Settings) -> After | None:
    """Return the function that enqueues jobs when mail is stored; None without a model."""
    if not settings.model_url:
        return None

    def after(conn: Connection, read_mails: Sequence[ReadMail], _cases: Sequence[int], now: datetime) -> None:
        stored = second_readings.of_mails(conn, [one.claimed.id for one in read_mails])
        second_readings.enqueue(conn, [message.id for message in stored if may_be_sent(message, settings)], now)

    return after
