"""Liveness, readiness, and metrics for Prometheus."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, TimeoutError
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.responses import Response

from service.api.case_schema import Out, doc
from service.api.dependencies import TheDesk
from service.api.paging import answer
from service.api.problems import error_responses, problem
from service.desk import Desk
from service.errors import Unavailable
from service.store import cases, mailboxes, migrate, outbox, second_readings, spool_view
from service.store.cached_value import CachedValue
from service.store.database import Database
from service.store.transient_errors import disk_full_reason


class Health(Out):
    """The state of the service."""

    status: str = doc("`ok`.", examples=["ok"])
    note: str | None = doc("A problem that needs attention but does not stop mail; absent if there is none.", None)


METRICS_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text format."}
}

Gauge, Total = GaugeMetricFamily, CounterMetricFamily
MAILBOXES: tuple[tuple[Any, str, str, Callable[[mailboxes.Status], float | None]], ...] = (
    (
        Gauge,
        "last_success_seconds",
        "Unix time at which all folders of a mailbox were last read completely",
        lambda box: box.last_success_at.timestamp() if box.last_success_at else None,
    ),
    (Gauge, "failing", "1 while a mailbox cannot be read", lambda box: int(box.failing_since is not None)),
    (Gauge, "lag_seconds", "Seconds between arrival and storage of the mail fetched last", lambda box: box.lag_seconds),
    (Total, "errors", "Failed attempts to read a mailbox", lambda box: box.errors),
    (Total, "mails", "Mails fetched from a mailbox and stored", lambda box: box.taken),
    (Gauge, "left", "Mails that sodan could not fetch so far", lambda box: box.failed),
)
"""The metrics of a mailbox: type, name, description, and a function that returns the value."""
QUERIES: tuple[Callable[[Any], Any], ...] = (
    spool_view.ledger, spool_view.oldest_waiting, cases.by_state, mailboxes.statuses, outbox.counts, outbox.in_doubt,
)  # fmt: skip
WAIT_SECONDS = 3.0  # time after which the readiness check reports that the database does not respond
RULES_NOTE = "a changed rule pack or site file has an error, so sodan uses the previous rules: run `sodan doctor`"


class Meters:
    """The metrics of this process, and metrics that are read from the database on request."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._counts = CachedValue(lambda: desk.database.read(lambda conn: [query(conn) for query in QUERIES]))
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("sodan_http_requests", "HTTP responses", labels, registry=self.registry)
        text = "Seconds until the response to an HTTP request"
        self.seconds = Histogram("sodan_http_request_seconds", text, ("route",), registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the database. They are read in one transaction, so they are consistent."""
        ledger, oldest, by_state, statuses, outbox_counts, in_doubt = self._counts()
        yield Total("sodan_mails_accepted", "Mails received and stored", ledger.accepted)
        yield Total("sodan_mails_taken_in", "Mails processed and put into a case", ledger.taken_in)
        yield Gauge("sodan_mails_waiting", "Mails not processed yet", ledger.waiting)
        yield Gauge("sodan_mails_shunted", "Mails set aside after three failed attempts", ledger.shunted)
        age = max(0.0, (self.desk.now() - oldest).total_seconds()) if oldest else 0.0
        yield Gauge("sodan_mails_waiting_seconds", "Seconds since the oldest waiting mail was received", age)
        counts = {(status, priority): number for status, priority, number in by_state}
        yield _labelled(Gauge("sodan_cases", "Cases", labels=("status", "priority")), counts)
        yield from _mailbox_metrics(statuses)
        if self.desk.settings.model_url:
            yield from self._model_metrics()
        entries = {(state,): outbox_counts.get(state, 0) for state in outbox.STATES}
        yield _labelled(Gauge("sodan_outbox", "Outgoing mails and notifications", labels=("state",)), entries)
        yield Total("sodan_outbox_in_doubt", "Times that a sender process died while it sent a mail", in_doubt)
        refused = int(self.desk.context.refused is not None)
        yield Gauge("sodan_rules_refused", "1 while a changed pack or site file has an error", refused)

    def _model_metrics(self) -> Iterator[Metric]:
        settings = self.desk.settings
        read = self.desk.database.read
        spent, jobs = read(lambda conn: (second_readings.usage(conn), second_readings.counts(conn)))
        yield Total("sodan_model_requests", "Requests to the language model", spent.requests)
        yield Total("sodan_model_seconds", "Seconds spent waiting for responses of the language model", spent.seconds)
        dropped = "Statements that sodan dropped because their quote or meaning was invalid"
        yield Total("sodan_model_dropped", dropped, spent.dropped)
        yield Total("sodan_model_refused", "Responses of the language model that sodan could not use", spent.refused)
        tokens = {("in",): spent.tokens_in, ("out",): spent.tokens_out}
        help_text = "Tokens sent to the language model and received from it"
        yield _labelled(Total("sodan_model_tokens", help_text, labels=("direction",)), tokens)
        price = (spent.tokens_in * settings.model_price_in + spent.tokens_out * settings.model_price_out) / 1_000_000
        if price:
            cost = "Cost according to SODAN_MODEL_PRICE_IN and SODAN_MODEL_PRICE_OUT"
            yield Total("sodan_model_cost", cost, price)
        states = {(state,): jobs.get(state, 0) for state in ("waiting", "done", "refused", "failed")}
        yield _labelled(Gauge("sodan_model_readings", "Messages for the language model", labels=("state",)), states)


def _labelled(metric: Any, values: Mapping[Any, float | None]) -> Metric:
    """Add values to a metric and return it. ``values``: values of the labels → value; None values are left out."""
    for labels, value in values.items():
        if value is not None:
            metric.add_metric(labels, value)
    return metric  # type: ignore[no-any-return]


def _mailbox_metrics(statuses: list[mailboxes.Status]) -> Iterator[Metric]:
    for family, name, text, value in MAILBOXES if statuses else ():
        metric = family(f"sodan_mailbox_{name}", text, labels=("mailbox",))
        yield _labelled(metric, {(status.name,): value(status) for status in statuses})


router = APIRouter(tags=["health"])


@router.get("/healthz", response_model=Health)
async def check_liveness() -> Response:
    """Report that this process responds."""
    return answer({"status": "ok"})


@router.get("/readyz", response_model=Health, responses=error_responses(503))
def check_readiness(request: Request, desk: TheDesk) -> Response:
    """Report whether sodan can accept mail: database writable, of this version, with disk space."""
    reason = request.app.state.readiness.problem()
    if reason is not None:
        return problem(503, reason, headers={"Retry-After": "5"})
    return answer({"status": "ok"} if desk.context.refused is None else {"status": "ok", "note": RULES_NOTE})


@router.get("/metrics", response_class=Response, responses={**METRICS_RESPONSE, **error_responses(503)})
def read_metrics(request: Request) -> Response:
    """Return metrics of mails (accepted = taken in + waiting + shunted), cases and requests."""
    return Response(
        generate_latest(request.app.state.meters.registry), media_type="text/plain; version=0.0.4; charset=utf-8"
    )


class Readiness:
    """Checks whether mail can be accepted. Only one check runs at a time; callers meanwhile get the same result."""

    def __init__(self, database: Database, min_free_bytes: int) -> None:
        self._database = database
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._result: Future[str | None] | None = None

    def problem(self) -> str | None:
        """Return why mail cannot be accepted, as a text that may be public. None if mail can be accepted."""
        try:
            return self._current_check().result(WAIT_SECONDS)
        except TimeoutError:
            return f"the database did not respond within {WAIT_SECONDS:g} seconds"

    def _current_check(self) -> Future[str | None]:
        with self._lock:
            if self._result is None or self._result.done():
                self._result = Future()
                threading.Thread(target=self._check, args=(self._result,), daemon=True).start()
            return self._result

    def _check(self, result: Future[str | None]) -> None:
        try:
            if self._database.read(migrate.revision) != migrate.head():
                result.set_result("the database has the schema of another version: run `sodan migrate`")
                return
            self._database.probe()
            result.set_result(disk_full_reason(self._database.folder, self._min_free_bytes))
        except Unavailable as error:
            result.set_result(str(error))
        except BaseException as error:
            result.set_exception(error)
