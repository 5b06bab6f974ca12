"""Builds a mail (RFC 5322, RFC 3834 §3.1) from an outbox entry, and the draft of a brief."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from typing import Any

from service.outbound.policy import LOOP_HEADER
from service.store.outbox import LeasedEntry

AUTOMATIC = ("acknowledgement", "reminder", "digest")
"""Kinds of mail that are sent without a person's decision; they get an Auto-Submitted header."""
_NO_REPLY = re.compile(r"(?:^|[-_.+])(?:no|do[-_.]?not)[-_.]?reply", re.IGNORECASE)
_OF_IDS = ("In-Reply-To", "References")  # headers that contain only Message-IDs


class _MessageIds(UnstructuredHeader, BaseHeader):
    """A header of Message-IDs, one on each line. The standard library encodes long ids (RFC 2047 §5 forbids it)."""

    def fold(self, *, policy: Policy[Any]) -> str:
        return f"{self.name}:" + policy.linesep.join(f" {id}" for id in self.split()) + policy.linesep


_REGISTRY = HeaderRegistry()
for _name in _OF_IDS:
    _REGISTRY.map_to_type(_name, _MessageIds)
_POLICY = SMTP.clone(header_factory=_REGISTRY)


def message(entry: LeasedEntry, sender: str, hostname: str, now: datetime) -> EmailMessage:
    """Return an outbox entry as a mail with all headers. ``sender``: an address, with or without a name."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(sender)
    mail["To"] = entry.recipient
    mail["Subject"] = one_line(entry.subject)
    mail["Date"] = format_datetime(now)
    if entry.message_id:
        mail["Message-ID"] = entry.message_id
    for name, value in entry.headers.items():
        words = [word for word in one_line(value).split() if name not in _OF_IDS or word.isascii()]
        if words:
            mail[name] = " ".join(words)
    if entry.kind in AUTOMATIC:
        mail["Auto-Submitted"] = "auto-replied" if entry.kind == "acknowledgement" else "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP_HEADER.title()] = hostname
    mail.set_content(entry.text)
    if entry.html:
        mail.add_alternative(entry.html, subtype="html")
    return mail


def one_line(text: str) -> str:
    """Return the text without line breaks and control characters, which could add a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _address(sender: str) -> Address:
    name, address = parseaddr(sender)
    return Address(display_name=name, addr_spec=address)


def brief_draft(text: str, *, to: str, cc: str, subject: str, language: str) -> bytes:
    """Return a brief as a draft for a mail program. ``to``: can be empty. ``cc``: the address of the case."""
    mail = EmailMessage(policy=SMTP)
    mail["X-Unsent"] = "1"  # Outlook opens such a file for editing
    if to:
        mail["To"] = to
    if cc:
        mail["Cc"] = cc
    mail["Subject"] = one_line(subject)
    mail["Content-Language"] = language
    mail.set_content(text)
    return bytes(mail)


def address_of(case: dict[str, object], side: str) -> str:
    """Return the first address of this side in the case document, or "". No-reply addresses are skipped."""
    people = case.get("participants")
    addresses = [person["address"] for person in people if person["role"] == side] if isinstance(people, list) else []
    return next((str(address) for address in addresses if address and not _NO_REPLY.search(str(address))), "")
