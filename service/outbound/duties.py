"""Writes mail that is due by time: overdue promises, untriaged cases, digest, one reminder, operational problems.

Each has a key that the outbox accepts only once. It therefore does not matter how often, or by how many processes,
the checks are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from service.cases.clocks import Span, business
from service.cases.working import calendars_of
from service.intake import AppContext
from service.outbound import notify
from service.outbound.acknowledge import Outbound, items_to_ask
from service.outbound.notify import News, Notifier
from service.outbound.texts import spoken
from service.settings import Settings, covers
from service.store import duties as due
from service.store import mailboxes, outbox, second_readings, spool_view
from service.store.database import Connection, Database
from service.store.opening_mails import opening
from service.store.outbox import Draft

EVERY = timedelta(seconds=30)
WEEKDAY = 0
"""Day of the weekly part of the digest: Monday."""
WAITS_TOO_LONG = timedelta(minutes=15)
MODEL_AWAY = timedelta(hours=2)
"""Mail is processed without the language model, so this is reported late, and not in quiet hours."""


@dataclass
class Round:
    """Makes all checks, at most once per ``EVERY``."""

    database: Database
    settings: Settings
    context: AppContext
    outbound: Outbound
    notifier: Notifier
    _next: datetime | None = field(default=None)

    def look(self, now: datetime) -> None:
        """Write everything that is due now. Raises Unavailable."""
        if self._next is not None and now < self._next:
            return
        self._next = now + EVERY
        if self.notifier.targets:
            self.database.transact(lambda conn: self._notify(conn, now))
        if self.settings.digest and self.settings.from_:
            self.database.transact(lambda conn: self._digest(conn, now))
        if self.settings.remind_days and self.outbound.mode != "off":
            self.database.transact(lambda conn: self._remind(conn, now))

    # ── notifications ────────────────────────────────────────────────────────────────────────────────────────────────

    def _notify(self, conn: Connection, now: datetime) -> None:
        news: list[tuple[int, News]] = []
        for case_id, promise, document in due.overdue_promises(conn, now):
            quote = f"“{promise['quote']}”"
            news.append((case_id, self._news(f"promise:{{}}:{promise['due']}", document, "promise overdue", quote)))
        for case_id, document, opened_at in due.untriaged(conn):
            if self._worked(opened_at, now, document) >= self.settings.triage_minutes * 60:
                excerpt = document.get("excerpt") or ""
                news.append((case_id, self._news("triage:{}", document, "needs triage", excerpt)))
        for case_id, one in news:
            notify.write(conn, [one], self.notifier, now, case_id)
        notify.write(conn, _trouble(conn, now), self.notifier, now)

    def _news(self, name: str, document: dict[str, Any], words: str, quote: str) -> News:
        key = document["key"]
        title = f"{key} {words}: {document.get('title') or ''}"
        return News(name.format(key), title, notify.lines(quote, self.notifier.link(key)))

    def _worked(self, since: datetime, now: datetime, document: dict[str, Any], side: str = "team") -> int:
        calendar = calendars_of(self.context.rules, document.get("vendor"))[side]  # type: ignore[index]
        return business([Span(side, since, now)], side, calendar)  # type: ignore[arg-type]

    # ── mail ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _digest(self, conn: Connection, now: datetime) -> None:
        local = now.astimezone(self.settings.zone)
        if local.time() < time.fromisoformat(self.settings.digest):
            return
        people = [address for address in self.settings.team if not address.startswith("@")]
        weekly = local.weekday() == WEEKDAY
        turn = due.waiting_on_team(conn)
        later = due.came_due(conn, now) if weekly else []
        if not turn and not later:
            return
        language = spoken(self.settings.digest_language)
        text = self.outbound.templates.text(
            "digest", language, date=local.date().isoformat(), turn=turn, later=later, link=self.notifier.link
        )
        for address in people:
            draft = Draft(
                kind="digest",
                once=f"digest:{address}:{local.date().isoformat()}",
                recipient=address,
                language=language,
                subject=f"sodan {local.date().isoformat()}",
                text=text,
                html=self.outbound.templates.html(text, language),
            )
            outbox.write(conn, draft, state="waiting", now=now)

    def _remind(self, conn: Connection, now: datetime) -> None:
        for case_id, document, since in due.waiting_on_requester(conn, now - timedelta(days=self.settings.remind_days)):
            day = self._day(document)
            if self._worked(since, now, document, "requester") < self.settings.remind_days * day:
                continue
            first = opening(conn, case_id)
            if first is None or covers(self.outbound.own.own_addresses, first.author) or not first.verified:
                continue
            asked = due.asked_last(conn, case_id) or items_to_ask(document)
            language = spoken(document.get("language") or first.language)
            text = self.outbound.text("reminder", language, case_id, document, first, asked)
            draft = self.outbound.reply("reminder", first, text, language, list(asked)[:5], once=f"remind:{case_id}")
            outbox.write(conn, draft, state="waiting" if self.outbound.mode == "on" else "draft", now=now)

    def _day(self, document: dict[str, Any]) -> int:
        """Return the length of a requester's working day in seconds."""
        calendar = calendars_of(self.context.rules, document.get("vendor"))["requester"]
        opens, closes = calendar.opens, calendar.closes
        seconds = (closes.hour - opens.hour) * 3600 + (closes.minute - opens.minute) * 60
        return seconds if seconds > 0 else 86400


def _trouble(conn: Connection, now: datetime) -> list[News]:
    """Return all problems that need a person now. A problem with a new key is reported again."""
    return [*_spool(conn, now), *_mailboxes(conn, now), *_model(conn, now)]


def _spool(conn: Connection, now: datetime) -> Iterator[News]:
    shunted = spool_view.undone(conn).get("shunted", 0)
    if shunted:
        yield News(f"shunted:{shunted}", f"sodan: {shunted} mails were set aside", "`sodan spool list`", True)
    oldest = spool_view.oldest_waiting(conn)
    if oldest is not None and now - oldest > WAITS_TOO_LONG:
        hour = now.replace(minute=0, second=0, microsecond=0).isoformat()
        title = f"sodan: a mail has waited for {_minutes(oldest, now)} minutes"
        yield News(f"waiting:{hour}", title, "`sodan doctor`", True)


def _mailboxes(conn: Connection, now: datetime) -> Iterator[News]:
    for one in mailboxes.statuses(conn):
        since = one.away_since(now)
        if since is not None:
            title = f"sodan: mailbox {one.name} has not been read for {_minutes(since, now)} minutes"
            text = f"{one.cause or 'nobody fetches from it'}: {one.next_step or '`sodan mailbox list`'}"
            yield News(f"mailbox:{one.name}:{since.isoformat()}", title, text, True)


def _model(conn: Connection, now: datetime) -> Iterator[News]:
    """Report jobs that wait with a reason; those without one wait for their turn or for the next day's budget."""
    oldest = second_readings.oldest_waiting(conn)
    if oldest is not None and oldest.reason and now - oldest.created_at >= MODEL_AWAY:
        text = f"{oldest.reason}\nMail is taken in as before. `sodan doctor`"
        yield News(f"model:{now.date()}", "sodan: the language model does not answer", text)


def _minutes(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() // 60)
