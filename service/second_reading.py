"""The second reading: a language model reads a message that the embedded reader has read already.

A job is written in the transaction that takes a mail in; the mail is visible long before. Its result takes the place of
the embedded reader's statements of that message, and the case is judged again. Whatever happens to the model, the case
stands as the embedded reader sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from mailrules.engine import mails
from mailrules.judgement import Reading
from mailrules.reader import model_request
from mailrules.reader.model_answer import READER, Answer, AnswerRefused, check, join
from mailrules.reader.model_request import Request
from mailrules.reader.units import split_units
from mailrules.statement import MailText
from service.errors import NotFound
from service.intake import House, rejudge
from service.language_model import LanguageModel, ModelAway, ModelRefused, Reply
from service.store import messages as stored
from service.store import second_readings
from service.store.database import Connection, Database, one_at_a_time
from service.store.second_readings import Job

_log = structlog.get_logger("sodan.model")

SPARE_SECONDS = 60
"""A lease lasts so much longer than the longest request."""
FAILURES = 5
"""After so many failures in a row nothing is asked for a while."""
REST = (timedelta(minutes=1), timedelta(minutes=15))
"""The first and the longest such while."""
REFUSALS = 2
"""Answers that cannot be used before a message is left to the embedded reader."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be sent, and how much a day. 0: no bound."""

    sides: frozenset[str] = frozenset(("requester", "team", "vendor"))
    characters: int = 20_000
    requests: int = 0
    tokens: int = 0

    def fits(self, text: MailText, *, trusted: bool) -> bool:
        """Whether a message may be sent: written by a person of a side that we know, and of a readable size."""
        return trusted and text.automatic is None and text.side in self.sides and 0 < len(text.text) <= self.characters


@dataclass
class Breaker:
    """Stops asking an endpoint that fails, longer each time, until it answers again."""

    failures: int = 0
    closed_until: datetime | None = None

    def lets(self, now: datetime) -> bool:
        return self.closed_until is None or now >= self.closed_until

    def failed(self, now: datetime, retry_after: float | None) -> None:
        self.failures += 1
        if retry_after is not None:
            self.closed_until = now + timedelta(seconds=retry_after)
        elif self.failures >= FAILURES:
            self.closed_until = now + min(REST[0] * 2.0 ** min(self.failures - FAILURES, 10), REST[1])

    def answered(self) -> None:
        self.failures, self.closed_until = 0, None


@dataclass
class SecondReader:
    """Reads one message a step. Several threads may share one: each needs a name of its own in ``by``."""

    database: Database
    house: House
    model: LanguageModel
    limits: Limits
    clock: Callable[[], datetime]
    breaker: Breaker = field(default_factory=Breaker)

    def step(self, by: str) -> bool:
        """Read the message that is due first; False where nothing is, or nothing may be asked. Raises Unavailable."""
        now = self.clock()
        if not self.breaker.lets(now) or not self.database.read(lambda conn: self._may_ask(conn, now)):
            return False
        lease = timedelta(seconds=self.model.seconds * 2 + SPARE_SECONDS)
        job = self.database.transact(lambda conn: second_readings.claim(conn, by, now, lease))
        if job is None:
            return False
        try:
            text, embedded = self.database.read(lambda conn: self._message(conn, job.message))
        except NotFound:
            self._settle(job, by, "failed", "the message is not kept any more")
            return True
        self._read(job, by, text, embedded)
        return True

    def _may_ask(self, conn: Connection, now: datetime) -> bool:
        if not second_readings.anything_due(conn, now):
            return False
        spent = second_readings.usage(conn, now.date())
        within = not self.limits.requests or spent.requests < self.limits.requests
        return within and (not self.limits.tokens or spent.tokens_in + spent.tokens_out < self.limits.tokens)

    def _read(self, job: Job, by: str, text: MailText, embedded: Reading) -> None:
        catalogue = self.house.rules.catalogue
        request = model_request.request(text, split_units(text.text), catalogue)
        try:
            reply, answer = self._ask(request, text)
        except ModelAway as error:
            now = self.clock()
            self.breaker.failed(now, error.retry_after)
            _log.warning("the model did not answer", message=job.message, why=str(error), failures=self.breaker.failures)
            self.database.transact(
                lambda conn: second_readings.back_off(
                    conn, job, by, str(error), self.clock(), error.retry_after, uncounted=True
                )
            )
            return
        except ModelRefused as error:
            self._settle(job, by, "refused", str(error))
            return
        except AnswerRefused as error:
            self.breaker.answered()
            _log.warning("an answer was refused", message=job.message, why=str(error))
            self.database.transact(lambda conn: second_readings.spend(conn, self.clock().date(), refused=1))
            if job.attempts >= REFUSALS:
                self._settle(job, by, "refused", str(error))
            else:
                self.database.transact(
                    lambda conn: second_readings.back_off(conn, job, by, str(error), self.clock(), None)
                )
            return
        self.breaker.answered()
        self._keep(job, by, request, reply, answer, embedded)

    def _ask(self, request: Request, text: MailText) -> tuple[Reply, Answer]:
        """The answer, repaired once where the endpoint promises nothing about its form."""
        reply = self._paid(request)
        try:
            return reply, check(reply.text, request, text, self.house.rules.catalogue)
        except AnswerRefused as error:
            if not self.model.answers_freely:
                raise
            reply = self._paid(request, repair=f"That could not be used: {error}.")
            return reply, check(reply.text, request, text, self.house.rules.catalogue)

    def _paid(self, request: Request, repair: str = "") -> Reply:
        day = self.clock().date()
        self.database.transact(lambda conn: second_readings.spend(conn, day, requests=1))
        reply = self.model.ask(request, repair=repair)
        self.database.transact(
            lambda conn: second_readings.spend(
                conn, day, tokens_in=reply.tokens_in, tokens_out=reply.tokens_out, seconds=reply.seconds
            )
        )
        return reply

    def _message(self, conn: Connection, message: int) -> tuple[MailText, Reading]:
        """A message as readers get it, and what the embedded reader found. Raises NotFound."""
        line = stored.line(conn, message)
        return mails.mail_text(line.turn), self.house.rules.read(line.turn)

    def _keep(
        self, job: Job, by: str, request: Request, reply: Reply, answer: Answer, embedded: Reading
    ) -> None:
        now = self.clock()
        found = join(answer.statements, embedded.statements)
        version = f"{reply.model or self.model.model} {request.version}"

        def keep(conn: Connection) -> None:
            one_at_a_time(conn)
            done = second_readings.finish(
                conn,
                job.message,
                by,
                now,
                state="done",
                answer=reply.text,
                model=reply.model or self.model.model,
                request_version=request.version,
                dropped=dict(answer.dropped),
            )
            if not done:
                return  # another has it by now
            if answer.dropped:
                second_readings.spend(conn, now.date(), dropped=sum(answer.dropped.values()))
            line = stored.line(conn, job.message)
            reading = self.house.rules.reading(line.turn, found, READER, version)
            stored.keep_reading(conn, job.message, reading)
            rejudge(conn, [line.node.case], self.house, now=now)

        self.database.transact(keep)
        _log.info("read by the model", message=job.message, statements=len(found), seconds=round(reply.seconds, 1))

    def _settle(self, job: Job, by: str, state: str, why: str) -> None:
        self.database.transact(
            lambda conn: second_readings.finish(conn, job.message, by, self.clock(), state=state, reason=why[:300])
        )


def to_be_read(lines: Sequence[tuple[int, MailText, bool]], limits: Limits) -> list[int]:
    """Of these messages (number, text, whether its author is trusted), those to have read."""
    return [number for number, text, trusted in lines if limits.fits(text, trusted=trusted)]
