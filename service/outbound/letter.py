"""A brief as a mail that a mail program opens as a draft (``X-Unsent: 1``)."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from service.outbound.compose import one_line


def unsent(text: str, *, to: str, cc: str, subject: str, language: str) -> bytes:
    """Return the mail as bytes.

    If ``to`` is empty, the person who sends the mail adds the recipient. ``cc`` is the address of the
    case, so that the mail and its replies are added to the case.
    """
    mail = EmailMessage(policy=SMTP)
    mail["X-Unsent"] = "1"
    if to:
        mail["To"] = to
    if cc:
        mail["Cc"] = cc
    mail["Subject"] = one_line(subject)
    mail["Content-Language"] = language
    mail.set_content(text)
    return bytes(mail)


def address_of(case: dict[str, object], side: str) -> str:
    """Return the address for a brief: the first participant of that side, or ""."""
    people = case.get("participants")
    found = [one["address"] for one in people if one["role"] == side] if isinstance(people, list) else []
    return next((str(address) for address in found if address), "")
