"""Builds a mail (RFC 5322, RFC 3834 §3.1) from an outbox entry."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from service.outbound.policy import LOOP_HEADER
from service.store.outbox import Claimed

AUTOMATIC = ("acknowledgement", "reminder", "digest")
"""Kinds that are sent without a person's decision; they get an Auto-Submitted header."""


def message(entry: Claimed, sender: str, hostname: str, now: datetime) -> EmailMessage:
    """Return the mail with all headers. ``sender`` is SODAN_FROM: an address, with or without a name."""
    made = EmailMessage(policy=SMTP)
    made["From"] = _address(sender)
    made["To"] = entry.recipient
    made["Subject"] = one_line(entry.subject)
    made["Date"] = format_datetime(now)
    if entry.message_id:
        made["Message-ID"] = entry.message_id
    for name, value in entry.headers.items():
        made[name] = one_line(value)
    if entry.kind in AUTOMATIC:
        made["Auto-Submitted"] = "auto-replied" if entry.kind == "acknowledgement" else "auto-generated"
    made["X-Auto-Response-Suppress"] = "All"
    made[LOOP_HEADER.title()] = hostname
    made.set_content(entry.text)
    if entry.html:
        made.add_alternative(entry.html, subtype="html")
    return made


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters, so that foreign text cannot add headers."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _address(written: str) -> Address:
    name, address = parseaddr(written)
    return Address(display_name=name, addr_spec=address)
