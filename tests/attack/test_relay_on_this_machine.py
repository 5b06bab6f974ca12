"""A relay on this machine hands all mail over loopback: page and doctor say that nothing vouches for senders."""

from collections.abc import Iterator
from email.utils import format_datetime

import pytest

from service.cli import doctor
from service.intake import AppContext
from service.settings import Settings
from service.store.database import Database
from tests.running import Running, now, running, with_settings

RECEIVED = "Received: from mx.outside.example by relay.corp.example; {date}\n"
MAIL = """{head}From: Mei <mei@corp.example>
To: intake@corp.example
Subject: The label printer
Message-ID: <relayed-{number}@corp.example>
Date: Fri, 27 Nov 2026 10:00:00 +0900

It feeds two sheets at once.
"""
WORDS = "SODAN_AUTHSERV_ID"


@pytest.fixture
def unconfigured(sqlite: Database, settings: Settings) -> Iterator[Running]:
    """Without SODAN_AUTHSERV_ID and SODAN_TRUSTED_NETWORKS; SMTP listens on loopback, as by default."""
    chosen = with_settings(settings, authserv_id="", trusted_networks=())
    assert chosen.smtp_listen.loopback
    with running(sqlite, AppContext.of(chosen), chosen) as up:
        yield up


def test_mail_of_programs_on_this_machine_needs_no_hint(unconfigured: Running) -> None:
    unconfigured.deliver(MAIL.format(head="", number=1))
    assert WORDS not in unconfigured.client.get("/").text
    assert [fine for fine, _ in doctor._verdicts(unconfigured.settings, unconfigured.database)] == [True]


def test_relayed_mail_of_our_own_people_is_told_on_the_page_and_by_the_doctor(unconfigured: Running) -> None:
    unconfigured.deliver(MAIL.format(head=RECEIVED.format(date=format_datetime(now())), number=2))
    for language in ("ja", "en"):
        assert WORDS in unconfigured.client.get("/", headers={"Accept-Language": language}).text
    [(fine, words)] = doctor._verdicts(unconfigured.settings, unconfigured.database)
    assert not fine
    assert WORDS in words
