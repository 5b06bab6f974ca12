"""If a relay on this machine delivers all mail, the page and `sodan doctor` say that no sender is verified."""

from email.utils import format_datetime

from service.cli import doctor
from service.intake import AppContext
from service.settings import Settings
from service.store.database import Database
from tests.running import now, running, with_settings

MAIL = """{head}From: Mei <mei@corp.example>
To: intake@corp.example
Subject: The label printer
Message-ID: <relayed-{number}@corp.example>
Date: Fri, 27 Nov 2026 10:00:00 +0900

It feeds two sheets at once.
"""
SETTING = "SODAN_AUTHSERV_ID"


def test_the_page_and_the_doctor_ask_for_a_setting_after_relayed_mail(sqlite: Database, settings: Settings) -> None:
    """Without SODAN_AUTHSERV_ID and SODAN_TRUSTED_NETWORKS; SMTP listens on loopback, as by default."""
    chosen = with_settings(settings, authserv_id="", trusted_networks=())
    assert chosen.smtp_listen.loopback
    relayed = f"Received: from mx.outside.example by relay.corp.example; {format_datetime(now())}\n"
    with running(sqlite, AppContext.of(chosen), chosen) as service:
        for number, head in enumerate(("", relayed)):
            service.deliver(MAIL.format(head=head, number=number))
            for language in ("ja", "en"):
                page = service.client.get("/", headers={"Accept-Language": language}).text
                assert (SETTING in page) == bool(head)
            [(fine, words)] = doctor._verdicts(chosen, sqlite)
            assert (fine, SETTING in words) == (not head, bool(head))
