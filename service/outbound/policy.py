"""Decides which mail may be answered automatically (RFC 3834, with additions from practice). Pure functions.

sodan must never reply automatically to automatic mail, a mailing list, an unknown sender or itself: one wrong reply can
start a loop between two servers that lasts for days. Each function returns the first reason not to reply.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from service.settings import covers
from service.store.opening_mails import OpeningMail

MAX_HOPS = 25  # maximum number of Received lines of a mail that may be answered; ordinary mail has fewer than fifteen
MAX_AGE = timedelta(hours=24)  # maximum time between the Date header of a mail and its arrival
LOOP_HEADER = "x-sodan-loop"
_ROLE_ADDRESS = re.compile(
    r"^(?:no[-_.]?reply|do[-_.]?not[-_.]?reply|mailer-daemon|postmaster|bounces?|listserv|majordomo|root|daemon"
    r"|owner-.*|.*-(?:owner|request|bounces?|admin)|(?:auto|notifications?|alerts?|news(?:letter)?)[-_.].*"
    r"|notifications?|alerts?|newsletter)(?:\+.*)?$"
)
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe", "mailing-list", "ml-name", "x-ml-name", "x-mail-count")


@dataclass(frozen=True, slots=True)
class OwnAddresses:
    """Domains of the organisation, and addresses of sodan, in lower case."""

    organisation: Collection[str]
    sodan: Collection[str]  # intake addresses (``@domain`` for a whole domain), and the address that sodan sends from


def refusal(first: OpeningMail, own: OwnAddresses, hops: int = 0) -> str | None:
    """Return why a mail must not be answered automatically, or None. ``hops``: number of its Received headers."""
    return author_refusal(first.author, first.role, own, verified=first.verified) or _mail_refusal(first, hops)


def author_refusal(author: str, role: str, own: OwnAddresses, *, verified: bool) -> str | None:
    """Return why sodan must not write to the author of a mail, or None. A person cannot override it."""
    local, _, domain = author.rpartition("@")
    if not local or not domain:
        return "the mail has no author address"
    if covers(own.sodan, author):
        return "the author is sodan itself"
    if not any(f".{domain}".endswith(f".{parent}") for parent in own.organisation):
        return "the author is not in a domain of SODAN_ORGANISATION"
    if role != "requester":
        return f"the author counts as {role}, and only requesters are answered"
    if _ROLE_ADDRESS.match(local):
        return "the author's address belongs to a machine"
    if not verified:
        return "the sender of the mail is not verified"
    return None


def _mail_refusal(mail: OpeningMail, hops: int) -> str | None:
    headers = mail.headers
    if mail.channel == "import":
        return "the mail was imported from an archive"
    if mail.date is not None and mail.received_at - mail.date > MAX_AGE:
        return "the mail is older than a day"
    if mail.origin != "delivered":
        return "the author did not send the mail to sodan directly"
    if mail.automatic:
        return f"the mail is automatic ({mail.automatic})"
    if mail.mail_from.partition("@")[0].casefold() in ("", "<>", "mailer-daemon"):
        return "the mail has an empty envelope sender, as delivery reports have"
    if headers.get("auto-submitted", "no").split(";")[0].strip().casefold() not in ("no", ""):
        return "the mail was submitted by a machine (Auto-Submitted)"
    if any(name in headers for name in _LIST_HEADERS):
        return "the mail came through a mailing list"
    if headers.get("precedence", "").strip().casefold() in ("bulk", "junk", "list", "auto_reply"):
        return "the mail is bulk mail (Precedence)"
    suppressed = {part.strip().casefold() for part in headers.get("x-auto-response-suppress", "").split(",")}
    if suppressed & {"all", "autoreply"}:
        return "the mail forbids automatic replies (X-Auto-Response-Suppress)"
    if LOOP_HEADER in headers or any(name.startswith(("x-autoreply", "x-autorespond")) for name in headers):
        return "the mail was sent by an automatic replier"
    if hops > MAX_HOPS:
        return f"the mail passed {hops} servers, so it may be in a loop"
    return None
