"""Notifications of the team in its chat tools, sent by Apprise.

Each event has a key that the outbox accepts only once. Notifications to one target that are due at the same time are
sent as one message, and a target gets at most one message per minute.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

from service.outbound.smarthost import NotSent
from service.store import outbox
from service.store.database import Connection
from service.store.outbox import Draft

NOTIFIED_PRIORITIES = ("P1", "P2")
NEWS = timedelta(days=7)
"""Nobody is notified of an event that is older, such as an event in mail of an archive that was imported."""


@dataclass(frozen=True)
class Notification:
    """A message to the team about an event."""

    key: str  # identifies the event: every process that detects it computes the same key
    title: str
    text: str
    urgent: bool = False  # sent in quiet hours too


@dataclass(frozen=True)
class Notifier:
    """Settings for notifications."""

    targets: Mapping[str, str]  # name → Apprise URL, which contains secrets
    base_url: str  # SODAN_PUBLIC_URL: URL of the web pages; empty: no links
    zone: ZoneInfo
    quiet: tuple[time, time] | None = None  # begin and end of the hours in which only urgent notifications are sent

    def link(self, key: str) -> str:
        """Return the URL of a case, or "" without ``base_url``."""
        return f"{self.base_url.rstrip('/')}/cases/{key}" if self.base_url else ""


def by_name(urls: Sequence[str]) -> dict[str, str]:
    """Return Apprise URLs by name: service and hash of the URL, such as ``slack:1a2b3c4d``.

    Names contain no secrets.
    """
    return {f"{url.partition('://')[0]}:{sha256(url.encode()).hexdigest()[:8]}": url for url in urls}


def check_target(url: str) -> None:
    """Check an Apprise URL. Raises ValueError if the service is unknown or the URL is incomplete."""
    import apprise  # loaded only if notifications are configured

    if not url.strip() or apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True) is None:
        raise ValueError(f"not a URL that Apprise can send to: {url.partition('://')[0]}://…")


def case_notifications(document: Mapping[str, Any], notifier: Notifier) -> list[Notification]:
    """Return the notifications for a case, if its priority is high or the team has to act."""
    if document.get("status") != "open":
        return []
    key, priority, title = document["key"], document["priority"], document.get("title") or ""
    notifications = []
    if priority in NOTIFIED_PRIORITIES:
        evidence = document.get("priority_detail", {}).get("evidence", [])
        quotes = [item["quote"] for item in evidence if item.get("quote")]
        text = join_lines(*(f"“{quote}”" for quote in quotes[:2]), notifier.link(key))
        subject = f"{priority} {key} {title}"
        notifications.append(Notification(f"priority:{key}:{priority}", subject, text, urgent=priority == "P1"))
    if document.get("waiting_on") == "team" and document.get("messages", 1) > 1 and document.get("waiting_since"):
        asks = [ask["quote"] for ask in document.get("asks", []) if ask.get("state") == "open"]
        text = join_lines(*(f"“{quote}”" for quote in asks[:2]), notifier.link(key))
        event = f"turn:{key}:{document['waiting_since']}"
        notifications.append(Notification(event, f"{key} is your turn: {title}", text))
    return notifications


def write(
    conn: Connection, notifications: Sequence[Notification], notifier: Notifier, now: datetime, case: int | None = None
) -> None:
    """Write notifications to the outbox, one entry for each target."""
    for notification in notifications:
        for target in notifier.targets:
            draft = Draft(
                kind="notification",
                channel="notify",
                once=f"notify:{target}:{notification.key}"[:200],
                recipient=target,
                subject=notification.title,
                text=notification.text,
                case_id=case,
            )
            due_at = _send_time(conn, target, notification, notifier, now)
            outbox.write(conn, draft, state="waiting", now=now, due_at=due_at)


def _send_time(
    conn: Connection, target: str, notification: Notification, notifier: Notifier, now: datetime
) -> datetime:
    """Return when to send: now, a minute after the last message, or after the quiet hours."""
    last = outbox.last_sent(conn, target)
    at = now if last is None else max(now, last + timedelta(minutes=1))
    return at if notification.urgent else after_quiet(at, notifier.quiet, notifier.zone)


def after_quiet(at: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> datetime:
    """Return ``at``, or the end of the quiet hours if ``at`` is within them. Quiet hours can include midnight."""
    if quiet is None:
        return at
    local = at.astimezone(zone)
    begin, end = quiet
    clock = local.timetz().replace(tzinfo=None)
    within = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not within:
        return at
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    return datetime.combine(day, end, zone).astimezone(at.tzinfo)


async def send(entries: Sequence[outbox.LeasedEntry], url: str) -> str:
    """Send outbox entries as one message to an Apprise URL, and return ``accepted``. Raises NotSent."""
    import apprise

    sender = apprise.Apprise()
    if not sender.add(url):
        raise NotSent("SODAN_NOTIFY: Apprise does not support this kind of URL", permanent=True)
    if len(entries) == 1:
        title, body = entries[0].subject, entries[0].text
    else:
        title = f"sodan: {len(entries)} messages"
        body = "\n\n".join(join_lines(entry.subject, entry.text) for entry in entries)
    if not await sender.async_notify(body=body or title, title=title):
        raise NotSent(f"{entries[0].recipient} did not accept the message", permanent=False)
    return "accepted"


def join_lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
