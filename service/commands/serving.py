"""`sodan serve` and its parts alone; the schema they stand on; who may log in to send."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from service.commands import start

if TYPE_CHECKING:
    from service.settings import Settings
    from service.store.database import Database


def serve() -> int:
    """Take mail, understand it, answer over HTTP: all in one, with an embedded database unless told otherwise."""
    from service.supervisor import run_supervisor

    settings = start.settings()
    start.as_service(settings)
    return run_supervisor(settings)


def smtp() -> int:
    """Only take mail (SMTP and LMTP) and make it durable."""
    from service.smtp.server import run_smtp

    settings = start.settings()
    start.as_service(settings)
    run_smtp(settings)
    return 0


def worker() -> int:
    """Only understand what was received."""
    from service.after import after_judging
    from service.worker import run_worker

    settings = start.settings()
    start.as_service(settings)
    run_worker(settings, after_judging)
    return 0


def sender() -> int:
    """Only send what waits in the outbox: mail by the smart host, notifications by Apprise."""
    from service.outbound.setup import run_sender

    settings = start.settings()
    start.as_service(settings)
    run_sender(settings)
    return 0


def api() -> int:
    """Only answer over HTTP: the interface for programs and the page for people."""
    from signal import SIGHUP, signal
    from threading import Event, Thread

    from service import memory
    from service.api.app import make_app
    from service.api.desk import Desk
    from service.api.serving import bind, must_be_safe
    from service.api.serving import serve as answer
    from service.following import Following
    from service.intake import House
    from service.web.pages import routes

    settings = start.settings()
    start.as_service(settings)
    database = start.database(settings, make=True)
    must_be_safe(settings.http_listen, database, start.now())
    encrypt_secrets(settings, database)
    listening = bind(settings.http_listen)
    house = House.of(settings)
    following, stop = Following(settings, house), Event()
    memory.settle()
    signal(SIGHUP, lambda *_: following.ask())  # sets a flag: a handler must take no lock
    Thread(target=following.keep, args=(stop,), daemon=True).start()
    pages = routes(settings, database, house, start.now)
    desk = Desk(settings, database, house, start.now)
    made = make_app(desk, [pages], open_to_loopback=settings.http_listen.loopback and settings.trust_loopback)
    answer(made, listening, stop_seconds=settings.stop_seconds)
    stop.set()
    database.close()
    return 0


def encrypt_secrets(settings: Settings, database: Database) -> None:
    """Encrypt webhook secrets that earlier versions stored as they are; a failure is logged, and doctor names it."""
    import structlog

    from service.errors import SodanError
    from service.store import webhooks
    from service.store.encryption import secret_box

    box = secret_box(settings)
    try:
        database.transact(lambda conn: webhooks.encrypt_stored(conn, box))
    except SodanError as error:
        structlog.get_logger("sodan.webhooks").warning("webhook secrets stay unencrypted", reason=str(error))


def reader() -> int:
    """Only have messages read a second time, by the language model of SODAN_MODEL_URL."""
    import signal
    from threading import Event

    from service.errors import Refused
    from service.intake import House
    from service.second_reading import is_needed, run_reader
    from service.signals import on_signals

    settings = start.settings()
    start.log_to_stderr(settings)
    if not is_needed(settings):
        raise Refused("SODAN_MODEL_URL: there is no language model to ask")
    stop = Event()
    on_signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set})
    run_reader(settings, stop, House.of(settings), start.now)
    return 0


def migrate() -> int:
    """Bring the database to the newest schema; an empty one is made."""
    from service.store.migrate import migrate as bring_to_head

    before, after = bring_to_head(start.database(start.settings(), make=True))
    start.say(f"the database is at revision {after}" + ("" if before == after else f" (was {before or 'empty'})"))
    return 0


def smtp_password(name: str) -> int:
    """Read a password and print the line for it, to be put into the file of SODAN_SMTP_PASSWORDS.

    Parameters
    ----------
    name
        Who may log in with it to send mail.
    """
    from getpass import getpass

    from service.smtp.passwords import password_line

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        start.say("an empty password is none")
        return start.WRONG_USE
    print(password_line(name, password))
    return 0
