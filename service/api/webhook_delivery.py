"""Sends signed events to webhooks, in order, with retries. Private networks are excluded unless they are allowed."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog
from anyio.to_thread import run_sync
from standardwebhooks import Webhook

from service.api.paging import encode
from service.api.problems import Forbidden
from service.desk import Desk
from service.errors import Refused, Unavailable, where
from service.store import feed, webhooks
from service.store.encryption import secret_box

log = structlog.get_logger("sodan.webhooks")

POLL_SECONDS = 1.0  # time between two checks for events to send
RETRY_SECONDS = (5, 30, 300, 1800, 7200, 18000, 36000, 36000)
"""Time until the next attempt, after each failure in a row. After one more failure, the webhook is disabled."""
BATCH = 50  # maximum number of events sent to a webhook with one lease
TOTAL_SECONDS = 20.0  # time limit for one event, from the name lookup to the end of the response header
MAX_PARALLEL = 16  # number of webhooks to which events are sent at the same time
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The public IPv6 addresses that IANA assigns. It excludes site-local, IPv4-compatible and local NAT64 addresses."""
_PRIVATE = "url: its address is in a private network; add the network to SODAN_WEBHOOK_NETWORKS to allow it"
Network = IPv4Network | IPv6Network


@asynccontextmanager
async def sending(desk: Desk) -> AsyncIterator[None]:
    """Send events to webhooks in the background while the context is open."""
    task = asyncio.create_task(_send_forever(desk))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _send_forever(desk: Desk) -> None:
    """Run a task for each webhook with undelivered events. A slow webhook does not delay others."""
    tasks: set[asyncio.Task[None]] = set()
    try:
        while True:
            try:
                while len(tasks) < MAX_PARALLEL and (hook := await _claim(desk)) is not None:
                    task = asyncio.create_task(_deliver(desk, hook))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            except Unavailable:
                pass
            except Exception as error:
                log.error("webhooks failed", error=type(error).__name__, trace=where(error))
            await asyncio.sleep(POLL_SECONDS)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def deliver_one(desk: Desk) -> bool:
    """Send the undelivered events of one webhook. Returns False if no webhook has any."""
    hook = await _claim(desk)
    if hook is not None:
        await _deliver(desk, hook)
    return hook is not None


async def _claim(desk: Desk) -> webhooks.LeasedWebhook | None:
    now = desk.now()
    if not await run_sync(desk.database.read, lambda conn: webhooks.any_due(conn, now)):
        return None
    return await run_sync(desk.database.transact, lambda conn: webhooks.claim(conn, now))


async def _deliver(desk: Desk, hook: webhooks.LeasedWebhook) -> None:
    """Send undelivered events to a webhook, for at most half its lease. An error is recorded at the webhook."""
    deadline = asyncio.get_running_loop().time() + webhooks.LEASE.total_seconds() / 2
    try:
        hook = replace(hook, secret=secret_box(desk.settings).decrypt(hook.secret))
        events = await run_sync(desk.database.read, lambda conn: feed.since(conn, hook.event, BATCH, desk.prefix))
        for event in events:
            if not hook.kinds or event["kind"] in hook.kinds:
                async with asyncio.timeout(TOTAL_SECONDS):
                    await send(hook, event, desk.settings.webhook_networks, desk.now())
            await run_sync(desk.database.transact, partial(webhooks.record_delivery, id=hook.id, event=event["id"]))
            if asyncio.get_running_loop().time() > deadline:
                break
        await run_sync(desk.database.transact, lambda conn: webhooks.release(conn, hook.id))
    except Unavailable:
        pass  # nothing to undo: the lease expires
    except Exception as error:
        why = f"no response within {TOTAL_SECONDS:g} seconds" if isinstance(error, TimeoutError) else str(error)
        await _record_failure(desk, hook, why or type(error).__name__, error)


async def _record_failure(desk: Desk, hook: webhooks.LeasedWebhook, why: str, error: Exception) -> None:
    try:
        disabled = await run_sync(
            desk.database.transact,
            lambda conn: webhooks.record_failure(conn, hook.id, why[:300], RETRY_SECONDS, desk.now()),
        )
    except Unavailable:
        return
    expected = isinstance(error, (Refused, httpx.HTTPError, OSError, UnicodeError))
    log.warning(
        "webhook failed",
        webhook=hook.id,
        why=type(error).__name__,
        trace=None if expected else where(error),
    )
    if disabled:
        log.error("webhook disabled: it failed too often", webhook=hook.id)


async def send(hook: webhooks.LeasedWebhook, event: dict[str, Any], allowed: Iterable[Network], now: datetime) -> None:
    """Send one event. Raises Refused if the address is not allowed, and httpx.HTTPError if the delivery fails.

    The host name is resolved only once, so the connection uses the address that was checked.
    """
    body = encode({"type": event["kind"], "timestamp": event["at"], "data": event})
    webhook_id = f"evt_{event['id']}"
    parts = urlsplit(hook.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = await resolve(host, port, allowed)
    literal = f"[{address}]" if address.version == 6 else str(address)
    request = httpx.Request(
        "POST",
        urlunsplit((parts.scheme, f"{literal}:{port}", parts.path or "/", parts.query, "")),
        content=body,
        headers={
            "Host": parts.netloc.rpartition("@")[2],
            "Content-Type": "application/json",
            "User-Agent": "sodan",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(hook.secret).sign(webhook_id, now, body.decode()),
        },
        extensions={"sni_hostname": host, "timeout": {"connect": 5.0, "read": 10.0, "write": 10.0, "pool": 5.0}},
    )
    async with httpx.AsyncHTTPTransport(retries=0) as transport:
        response = await transport.handle_async_request(request)
        await response.aclose()
    if not 200 <= response.status_code < 300:
        raise httpx.HTTPError(f"the response was {response.status_code}; expected 2xx")


async def resolve(host: str, port: int, allowed: Iterable[Network]) -> IPv4Address | IPv6Address:
    """Return an address of a host. Raises Refused if one of its addresses is not allowed."""
    entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in entries]
    networks = tuple(allowed)
    for address in addresses:
        if not reachable(address, networks):
            raise Refused(_PRIVATE)
    if not addresses:
        raise Refused("url: the host name has no address")
    return addresses[0]


def reachable(address: IPv4Address | IPv6Address, allowed: Iterable[Network]) -> bool:
    """Return whether an address is public or ``allowed``. For an IPv4 address within IPv6, the IPv4 address counts."""
    if getattr(address, "teredo", None) or (address.version == 6 and address in IPv6Network("64:ff9b::/96")):
        return False
    address = getattr(address, "ipv4_mapped", None) or getattr(address, "sixtofour", None) or address
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if address.version == 6 and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast


def check_url(url: str, allowed: Iterable[Network]) -> None:
    """Check the URL of a new webhook. Raises Refused, Forbidden. Each delivery checks the addresses of a host name."""
    parts, networks = urlsplit(url), tuple(allowed)
    host = parts.hostname or ""
    if parts.scheme != "https" and not networks:
        raise Forbidden("url: expected https://; http:// is allowed only if SODAN_WEBHOOK_NETWORKS is set")
    if len(host) > 253:
        raise Refused("url: the host name is longer than 253 bytes")  # RFC 1035 §2.3.4
    with contextlib.suppress(ValueError):  # the host is a name
        if not reachable(ip_address(host), networks):
            raise Forbidden(_PRIVATE)
