"""The brief of a case as a mail file that a mail program opens as a draft."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP

from service.outbound.compose import one_line

_NO_REPLY = re.compile(r"(?:no|do-?not)[-_.]?reply", re.IGNORECASE)


def draft(text: str, *, to: str, cc: str, subject: str, language: str) -> bytes:
    """Return the mail as bytes, without a recipient if ``to`` is empty.

    ``cc`` is the address of the case, so that the mail and the replies to it are added to the case.
    """
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
    """Return the address of the first participant of a side, or "". ``case`` is a case document.

    A no-reply address is left out: nobody reads an answer to it.
    """
    people = case.get("participants")
    addresses = [person["address"] for person in people if person["role"] == side] if isinstance(people, list) else []
    return next((str(address) for address in addresses if address and not _NO_REPLY.match(str(address))), "")
