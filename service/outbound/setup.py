"""Creates the objects that write and send mail, and the function to call after judging."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, time
from email.utils import parseaddr
from functools import cache
from pathlib import Path

from service.errors import Refused
from service.intake import After, AppContext, rejudge
from service.mail.message import Mail
from service.outbound import acknowledge, notify, policy
from service.outbound.acknowledge import OutboundConfig
from service.outbound.notify import Notifier
from service.outbound.sender import Sender
from service.outbound.smarthost import Smarthost
from service.outbound.texts import Templates
from service.settings import Settings, read_secret
from service.store import outbox
from service.store.cases import documents_of
from service.store.database import Connection, Database
from service.store.message_rows import ReadMail


def outbound_of(settings: Settings, secret: bytes) -> OutboundConfig:
    """Return the settings for mail in cases. Raises Refused if SODAN_ACKNOWLEDGE=on lacks another setting."""
    address = parseaddr(settings.from_)[1].casefold()
    reply_to = next((intake for intake in settings.intake if not intake.startswith("@")), address)
    if settings.acknowledge == "on" and not (settings.from_ and settings.smarthost):
        raise Refused("SODAN_ACKNOWLEDGE=on also needs SODAN_SMARTHOST and SODAN_FROM")
    return OutboundConfig(
        settings=settings,
        sender=settings.from_ or reply_to,
        reply_to=reply_to,
        own=policy.OwnAddresses(settings.organisation, tuple(filter(None, (*settings.intake, address)))),
        templates=templates_of(settings.templates),
        secret=secret,
        can_send=bool(settings.from_ and settings.smarthost),
    )


@cache
def templates_of(custom: Path | None) -> Templates:
    """Return the templates of SODAN_TEMPLATES. They are loaded once, so a changed file needs a restart."""
    return Templates(custom)


def notifier_of(settings: Settings) -> Notifier:
    """Return the settings for notifications. Raises Refused if Apprise cannot send to a target."""
    for url in settings.notify:
        try:
            notify.check_target(url)
        except ValueError as error:
            raise Refused(f"SODAN_NOTIFY: {error}") from None
    quiet = None
    if settings.notify_quiet:
        begin, end = (time.fromisoformat(part) for part in settings.notify_quiet.split("-"))
        quiet = (begin, end)
    return Notifier(notify.by_name(settings.notify), settings.public_url, settings.zone, quiet)


def after_judging(settings: Settings, context: AppContext) -> After | None:
    """Return the function to call when judged cases are saved; None without mail settings. Raises Refused."""
    outbound, notifier = outbound_of(settings, context.ingest.secret), notifier_of(settings)
    if settings.acknowledge == "off" and not notifier.targets and not settings.smarthost:
        return None
    outbound.templates.check()

    def after(conn: Connection, read_mails: Sequence[ReadMail], case_ids: Sequence[int], now: datetime) -> None:
        if undelivered := _record_delivery_reports(conn, read_mails, now):
            rejudge(conn, undelivered, context, now=now)  # nobody can answer a question that was not delivered
        acknowledge.acknowledge(conn, read_mails, case_ids, outbound, now)
        if notifier.targets:
            for case_id, document in documents_of(conn, case_ids, now - notify.NEWS).items():
                notify.write(conn, notify.case_notifications(document, notifier), notifier, now, case_id)

    return after


def _record_delivery_reports(conn: Connection, read_mails: Sequence[ReadMail], now: datetime) -> list[int]:
    """Record delivery reports (RFC 3464) at their outbox entries. Returns the cases of undelivered mail."""
    failed_in: set[int | None] = set()
    for read_mail in read_mails:
        mail = read_mail.extracted[0].source
        if isinstance(mail, Mail) and mail.bounce is not None:
            message_ids = [mail.bounce.message_id, *mail.in_reply_to, *mail.references]
            report = {
                "status": mail.bounce.status,
                "recipients": list(mail.bounce.recipients),
                "text": mail.text[:2000],
                "spool": read_mail.claimed.id,
            }
            failed_in.add(outbox.add_delivery_report(conn, [id for id in message_ids if id], report, now))
    return sorted(case for case in failed_in if case is not None)


def sender_of(settings: Settings, database: Database, context: AppContext, clock: Callable[[], datetime]) -> Sender:
    return Sender(
        database,
        context,
        outbound_of(settings, context.ingest.secret),
        clock,
        smarthost=smarthost_of(settings),
        targets=notify.by_name(settings.notify),
    )


def smarthost_of(settings: Settings) -> Smarthost | None:
    """Return the smart host with its login, or None. Raises Refused if a setting or the password file has an error."""
    if not settings.smarthost:
        return None
    password = read_secret(settings.smarthost_password, settings.smarthost_password_file, "smarthost_password")
    token_command = settings.smarthost_token_command
    return replace(Smarthost.parse(settings.smarthost), password=password, token_command=token_command)
