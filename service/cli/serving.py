"""`sodan serve` and its individual parts, database migration, and passwords for SMTP logins."""

import sys
from typing import Annotated

from cyclopts import Parameter

from service.cli import start
from service.errors import Refused


def serve() -> int:
    """Run all parts: receive mail, process it, serve HTTP. The default database is an SQLite file."""
    from service.supervisor import run_supervisor

    return run_supervisor(start.service_settings())


def smtp() -> None:
    """Only receive mail by SMTP and LMTP and store it, without processing it."""
    from service.smtp.server import run_smtp

    run_smtp(start.service_settings())


def worker() -> None:
    """Only process received mail: put it into cases and judge the cases."""
    from service.app import run_worker

    run_worker(start.service_settings())


def sender() -> None:
    """Only send what is in the outbox. Mail goes through SODAN_SMARTHOST, notifications go to SODAN_NOTIFY."""
    from service.app import run_sender

    run_sender(start.service_settings(), start.now)


def api() -> None:
    """Only serve HTTP: the API and the web pages."""
    from service.app import run_api

    settings = start.service_settings()
    run_api(settings, start.database(settings, make=True), start.now)


def reader() -> None:
    """Only let the language model at SODAN_MODEL_URL read messages."""
    from service.app import run_reader

    settings = start.settings()
    start.log_to_stderr(settings)
    run_reader(settings, start.now)


def migrate() -> None:
    """Migrate the database to the newest schema. If the database is empty, create the schema."""
    from service.store.migrate import migrate as bring_to_head

    before, after = bring_to_head(start.database(start.settings(), make=True))
    start.say(f"the database is at revision {after}" + ("" if before == after else f" (was {before or 'empty'})"))


def smtp_password(name: Annotated[str, Parameter(help="The user name for SMTP AUTH.")]) -> None:
    """Ask for a password and print the line to add to the file of SODAN_SMTP_PASSWORDS."""
    from getpass import getpass

    from service.smtp.passwords import password_line

    password = getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise Refused("the password is empty: give one")
    print(password_line(name, password))
