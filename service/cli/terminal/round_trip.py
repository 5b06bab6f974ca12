"""`sodan mailbox test --round-trip`: sends a mail to the mailbox and waits for it in its folders."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr

from service.errors import Refused
from service.mail.authentication import parse as parse_results
from service.mailbox.file import Mailbox
from service.mailbox.source import Found, Source
from service.outbound.policy import LOOP_HEADER
from service.outbound.setup import login_of
from service.outbound.smarthost import NotSent, check, hand_over
from service.settings import Settings

Say = Callable[..., bool]
LOOK_BACK = timedelta(days=1)
"""Only mail of the last day is compared, so that a large folder need not be listed."""
LOOK_SECONDS = 2.0


def round_trip(settings: Settings, mailbox: Mailbox, source: Source, seconds: float, say: Say) -> bool:
    """Send a mail to the mailbox (or ask for one) and wait for it.

    Whether it arrived. Raises MailboxError.
    """
    since = datetime.now(UTC) - LOOK_BACK
    positions = {folder: _read_to_end(source, folder, since) for folder in mailbox.folders}
    mark = None
    if settings.smarthost and settings.from_:
        mark = f"sodan mailbox test {secrets.token_hex(4)}"
        try:
            _send(settings, mailbox.address, mark)
        except (NotSent, Refused) as error:
            return say(
                False, mailbox.name, f"the test mail could not be sent ({error})", "check SODAN_SMARTHOST and its login"
            )
        say(True, mailbox.name, f"sent “{mark}” to {mailbox.address}; waiting up to {seconds:g} s")
    else:
        say(True, mailbox.name, f"send a mail to {mailbox.address} now; waiting up to {seconds:g} s")
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        for folder, position in positions.items():
            for found in _new(source, folder, position, since):
                if mark is None or source.subject(folder, found) == mark:
                    took = time.monotonic() - began
                    return _came(mailbox, source, folder, found, took, say)
        source.wait(mailbox.folders, LOOK_SECONDS, threading.Event())
    return say(
        False,
        mailbox.name,
        f"no mail arrived in {', '.join(mailbox.folders)} within {seconds:g} s",
        f"check that {mailbox.address} delivers to this mailbox, its junk folder, and its rules that move mail",
    )


def _came(mailbox: Mailbox, source: Source, folder: str, found: Found, took: float, say: Say) -> bool:
    content = source.fetch(folder, [found]).get(found.place)
    if content is None:
        return say(False, mailbox.name, f"the mail left {folder} before it was read", "find the rule that moved it")
    say(True, mailbox.name, f"{folder}: the mail arrived after {took:.1f} s and was read ({len(content)} bytes)")
    source.mark(folder, [found.place])  # raises an error if it would fail for other mails too
    done = "left unchanged" if mailbox.after.move is None and mailbox.after.flag is None else "flagged or moved"
    say(True, mailbox.name, f"the mail was {done} (`after`); delete it in a mail program")
    written = _topmost_verdict(content)
    if mailbox.authserv and written not in (None, mailbox.authserv):
        words = f"the topmost Authentication-Results is from {written}, but authserv is {mailbox.authserv}"
        return say(False, mailbox.name, words, f"set authserv to {written} if that is the server of your provider")
    return True


def _read_to_end(source: Source, folder: str, since: datetime) -> str | None:
    position = None
    for page in source.pages(folder, None, since):
        position = page.position
    return position


def _new(source: Source, folder: str, position: str | None, since: datetime) -> Sequence[Found]:
    return [found for page in source.pages(folder, position, since) for found in page.found]


def _send(settings: Settings, address: str, subject: str) -> None:
    """Send the test mail. Raises NotSent."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = settings.from_, address, subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=settings.hostname)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP_HEADER.title()] = settings.hostname
    mail.set_content("A test of this mailbox by `sodan mailbox test --round-trip`. It may be deleted.\n")
    asyncio.run(
        hand_over(
            mail,
            to=address,
            envelope_from=parseaddr(settings.from_)[1],
            smarthost=check(settings.smarthost),
            login=login_of(settings),
            hostname=settings.hostname,
        )
    )


def _topmost_verdict(content: bytes) -> str | None:
    """Return the server that wrote the topmost Authentication-Results; None if there is none."""
    value = message_from_bytes(content).get("Authentication-Results")
    results = parse_results(str(value)) if value is not None else None
    return results.authserv or None if results is not None else None
