"""Writes mail that is due at a time: digest, reminders, notifications. The outbox accepts each key only once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from mailrules.thread import Side
from service.cases.clocks import business_seconds, calendars_of, working_day
from service.intake import AppContext
from service.outbound import notify, policy
from service.outbound.acknowledge import OutboundConfig, items_to_ask
from service.outbound.notify import Notification, Notifier
from service.outbound.texts import mail_language
from service.settings import Settings
from service.store import due_cases, mailboxes, outbox, second_readings, spool_view
from service.store.database import Connection, Database
from service.store.opening_mails import first_of_requester
from service.store.outbox import Draft

INTERVAL = timedelta(seconds=30)  # minimum time between two checks of one process
WEEKLY_DIGEST_DAY = 0  # Monday: on this day, the digest also contains the weekly part
MAX_SPOOL_WAIT = timedelta(minutes=15)  # if a mail waits longer until it is processed, this is reported
MAX_MODEL_WAIT = timedelta(hours=2)  # the same limit for requests to the language model


@dataclass
class DueMail:
    """Writes due notifications, the daily mail and reminders to the outbox. Checks at most once per ``INTERVAL``."""

    database: Database
    context: AppContext
    outbound: OutboundConfig
    notifier: Notifier
    _next: datetime | None = None

    @property
    def settings(self) -> Settings:
        return self.outbound.settings

    def write(self, now: datetime) -> None:
        """Write all due mails and notifications to the outbox. Raises Unavailable."""
        if self._next is not None and now < self._next:
            return
        self._next = now + INTERVAL
        if self.notifier.targets:
            self.database.transact(lambda conn: self._notify(conn, now))
        if self._digest_is_due(now.astimezone(self.settings.zone)):
            self.database.transact(lambda conn: self._digest(conn, now))
        if self.settings.remind_days and self.settings.acknowledge != "off":
            self.database.transact(lambda conn: self._remind(conn, now))

    def _notify(self, conn: Connection, now: datetime) -> None:
        due: list[tuple[int, Notification]] = []
        since = now - notify.NEWS
        for case_id, promise, document in due_cases.overdue_promises(conn, since, now):
            quote, event = f"“{promise['quote']}”", f"promise:{document['key']}:{promise['due']}"
            due.append((case_id, self._notification(event, document, "promise overdue", quote)))
        for case_id, document, opened_at in due_cases.untriaged(conn):
            at_first, at_last = (self._business_seconds(opened_at, at, document) for at in (since, now))
            if at_first < self.settings.triage_minutes * 60 <= at_last:
                excerpt, event = document.get("excerpt") or "", f"triage:{document['key']}"
                due.append((case_id, self._notification(event, document, "needs triage", excerpt)))
        for case_id, notification in due:
            notify.write(conn, [notification], self.notifier, now, case_id)
        # problems that a person must solve; a problem with a new key is reported again
        problems = [*_spool_problems(conn, now), *_mailbox_problems(conn, now), *_model_problems(conn, now)]
        notify.write(conn, problems, self.notifier, now)

    def _notification(self, event: str, document: dict[str, Any], what: str, quote: str) -> Notification:
        key = document["key"]
        title = f"{key} {what}: {document.get('title') or ''}"
        return Notification(event, title, notify.join_lines(quote, self.notifier.link(key)))

    def _business_seconds(self, since: datetime, now: datetime, document: dict[str, Any], side: Side = "team") -> float:
        return business_seconds(since, now, calendars_of(self.context.rules, document.get("vendor"))[side])

    def _digest_is_due(self, local: datetime) -> bool:
        wanted = bool(self.settings.digest and self.settings.from_)
        return wanted and local.time() >= time.fromisoformat(self.settings.digest)

    def _digest(self, conn: Connection, now: datetime) -> None:
        """Write the digest of this day, unless a process already did so. An empty digest counts too."""
        local = now.astimezone(self.settings.zone)
        if not outbox.begin_daily(conn, "digest", local.date()):
            return
        people = [address for address in self.settings.team if not address.startswith("@")]
        turn = due_cases.waiting_on_team(conn)
        later = due_cases.to_follow_up(conn, now) if local.weekday() == WEEKLY_DIGEST_DAY else []
        if not turn and not later:
            return
        language = mail_language(self.settings.digest_language)
        today, templates = local.date().isoformat(), self.outbound.templates
        text = templates.text("digest", language, date=today, turn=turn, later=later, link=self.notifier.link)
        for address in people:
            draft = Draft(
                kind="digest",
                once=f"digest:{address}:{today}",
                recipient=address,
                language=language,
                subject=f"sodan {today}",
                text=text,
                html=templates.html(text, language),
            )
            outbox.write(conn, draft, state="waiting", now=now)

    def _remind(self, conn: Connection, now: datetime) -> None:
        days = self.settings.remind_days
        for case_id, document, since in due_cases.waiting_on_requester(conn, now - timedelta(days=days)):
            if self._business_seconds(since, now, document, "requester") < days * self._working_day(document):
                continue
            first = first_of_requester(conn, case_id)
            if first is None or policy.refusal(first, self.outbound.own) is not None:
                continue
            asked = due_cases.last_asked_items(conn, case_id) or items_to_ask(document)
            language = mail_language(document.get("language") or first.language)
            text = self.outbound.text("reminder", language, case_id, document, first, asked)
            draft = self.outbound.reply("reminder", first, text, language, list(asked)[:5], once=f"remind:{case_id}")
            outbox.write(conn, draft, state="waiting" if self.settings.acknowledge == "on" else "draft", now=now)

    def _working_day(self, document: dict[str, Any]) -> float:
        """Return the length of a requester's working day in seconds."""
        calendar = calendars_of(self.context.rules, document.get("vendor"))["requester"]
        return working_day(calendar).total_seconds()


def _spool_problems(conn: Connection, now: datetime) -> Iterator[Notification]:
    shunted = spool_view.counts_not_done(conn).get("shunted", 0)
    if shunted:
        event = f"shunted:{spool_view.last_shunted(conn)}"
        yield Notification(event, f"sodan: {shunted} mails were set aside", "`sodan spool list`", True)
    oldest = spool_view.oldest_waiting(conn)
    if oldest is not None and now - oldest > MAX_SPOOL_WAIT:
        hour = now.replace(minute=0, second=0, microsecond=0).isoformat()
        title = f"sodan: a mail has waited for {_minutes(oldest, now)} minutes"
        yield Notification(f"waiting:{hour}", title, "`sodan doctor`", True)


def _mailbox_problems(conn: Connection, now: datetime) -> Iterator[Notification]:
    for mailbox in mailboxes.statuses(conn):
        since = mailbox.away_since(now)
        if since is not None:
            title = f"sodan: mailbox {mailbox.name} has not been read for {_minutes(since, now)} minutes"
            text = f"{mailbox.cause or 'no process fetches from it'}: {mailbox.next_step or '`sodan mailbox list`'}"
            yield Notification(f"mailbox:{mailbox.name}:{since.isoformat()}", title, text, True)


def _model_problems(conn: Connection, now: datetime) -> Iterator[Notification]:
    oldest = second_readings.oldest_waiting(conn)
    # a job without a reason did not fail: it waits for other jobs, or for the budget of the next day
    if oldest is not None and oldest.reason and now - oldest.created_at >= MAX_MODEL_WAIT:
        text = f"{oldest.reason}\nMail is still processed. Run `sodan doctor`"
        yield Notification(f"model:{now.date()}", "sodan: the language model does not answer", text)


def _minutes(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() // 60)
