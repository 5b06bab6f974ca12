"""Notifies the team in its chat tools about events in cases. Sent by Apprise.

Each event has a key that the outbox accepts only once. Notifications to one target that are due at the same time are
sent as one message, and a target gets at most one message per minute.
"""

from __future__ import annotations

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

BURNING = ("P1", "P2")


@dataclass(frozen=True)
class Target:
    """One Apprise URL. Its ``name`` shows the service but no secret."""

    url: str

    @property
    def name(self) -> str:
        return f"{self.url.partition('://')[0]}:{sha256(self.url.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class News:
    """An event to notify the team about.

    ``key`` is the same for the same event, whichever process finds it.
    """

    key: str
    title: str
    text: str
    urgent: bool = False
    """Sent in quiet hours too."""


@dataclass(frozen=True)
class Notifier:
    """The targets of notifications, and the quiet hours."""

    targets: Sequence[Target]
    base_url: str
    """SODAN_PUBLIC_URL: URL of the web pages; empty: no links."""
    zone: ZoneInfo
    quiet: tuple[time, time] | None = None

    def link(self, key: str) -> str:
        return f"{self.base_url.rstrip('/')}/cases/{key}" if self.base_url else ""


def check_target(url: str) -> None:
    """Check an Apprise URL. Raises ValueError if the service is unknown or the URL is incomplete."""
    import apprise  # loaded only if notifications are configured

    if not url.strip() or apprise.Apprise.instantiate(url.strip(), suppress_exceptions=True) is None:
        raise ValueError(f"not a URL that Apprise can send to: {url.partition('://')[0]}://…")


def news_of(document: Mapping[str, Any], notifier: Notifier) -> list[News]:
    """Return the events in a case to notify the team about, by its current state."""
    if document.get("status") != "open":
        return []
    key, level, title = document["key"], document["priority"], document.get("title") or ""
    found = []
    if level in BURNING:
        quotes = [one["quote"] for one in document.get("priority_detail", {}).get("evidence", []) if one.get("quote")]
        text = lines(*(f"“{quote}”" for quote in quotes[:2]), notifier.link(key))
        found.append(News(f"priority:{key}:{level}", f"{level} {key} {title}", text, urgent=level == "P1"))
    if document.get("waiting_on") == "team" and document.get("messages", 1) > 1 and document.get("waiting_since"):
        asks = [one["quote"] for one in document.get("asks", []) if one.get("state") == "open"]
        text = lines(*(f"“{quote}”" for quote in asks[:2]), notifier.link(key))
        found.append(News(f"turn:{key}:{document['waiting_since']}", f"{key} is your turn: {title}", text))
    return found


def write(conn: Connection, news: Sequence[News], notifier: Notifier, now: datetime, case: int | None = None) -> None:
    """Write the events to the outbox, once for each target."""
    for one in news:
        for target in notifier.targets:
            draft = Draft(
                kind="notification",
                channel="notify",
                once=f"notify:{target.name}:{one.key}"[:200],
                recipient=target.name,
                subject=one.title,
                text=one.text,
                case_id=case,
            )
            outbox.write(conn, draft, state="waiting", now=now, due_at=due(conn, target, one, notifier, now))


def due(conn: Connection, target: Target, news: News, notifier: Notifier, now: datetime) -> datetime:
    """Return when to send: now, a minute after the last message to this target, or after the quiet hours."""
    last = outbox.last_sent(conn, target.name)
    at = now if last is None else max(now, last + timedelta(minutes=1))
    return at if news.urgent else after_quiet(at, notifier.quiet, notifier.zone)


def after_quiet(at: datetime, quiet: tuple[time, time] | None, zone: ZoneInfo) -> datetime:
    """Return ``at``, or the end of the quiet hours if it is within them.

    Quiet hours may include midnight.
    """
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


async def send(entries: Sequence[outbox.Claimed], target: Target) -> str:
    """Send these entries as one message. Raises NotSent."""
    import apprise

    sender = apprise.Apprise()
    if not sender.add(target.url):
        raise NotSent("SODAN_NOTIFY: Apprise does not support this kind of URL", permanent=True)
    title = entries[0].subject if len(entries) == 1 else f"sodan: {len(entries)} messages"
    body = entries[0].text if len(entries) == 1 else "\n\n".join(lines(one.subject, one.text) for one in entries)
    if not await sender.async_notify(body=body or title, title=title):
        raise NotSent(f"{target.name} did not accept the message", permanent=False)
    return "accepted"


def lines(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
