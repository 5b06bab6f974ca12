"""Writes mail that is due by time: overdue promises, untriaged cases, digest, one reminder, operational problems.

Each has a key that the outbox accepts only once. It therefore does not matter how often, or by how many processes,
the checks are made.
"""

from __future__ import annotations

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
from service.outbound.trouble import trouble
from service.settings import Settings, covers
from service.store import duties as due
from service.store import outbox
from service.store.database import Connection, Database
from service.store.opening_mails import opening
from service.store.outbox import Draft

EVERY = timedelta(seconds=30)
WEEKDAY = 0
"""Day of the weekly part of the digest: Monday."""


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
        notify.write(conn, trouble(conn, now), self.notifier, now)

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
