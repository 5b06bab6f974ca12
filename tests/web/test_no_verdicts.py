"""The page says when nothing vouches for senders, and replies of our own people would change nothing."""

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import running

BANNER = "sodan cannot verify senders"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, False),
        ({"smtp_listen": "0.0.0.0:2525"}, True),
        ({"smtp_listen": "0.0.0.0:2525", "authserv_id": "mx.corp.example"}, False),
        ({"smtp_listen": "0.0.0.0:2525", "trusted_networks": "192.0.2.0/24"}, False),
    ],
)
def test_a_banner_says_that_nothing_vouches_for_senders(
    sqlite: Database, context: AppContext, given: dict[str, str], shown: bool
) -> None:
    settings = load(intake="intake@corp.example", database_url="sqlite:///unused.db", **given)
    with running(sqlite, context, settings) as service:
        page = service.client.get("/", headers={"Accept-Language": "en"}).text
    assert (BANNER in page) == shown


def test_a_mail_without_an_author_shows_no_banner(sqlite: Database, context: AppContext) -> None:
    mail = "Message-ID: <dark@corp.example>\nTo: intake@corp.example\nSubject: Badge\n\nThe badge reader is dark.\n"
    settings = load(intake="intake@corp.example", database_url="sqlite:///unused.db")
    with running(sqlite, context, settings) as service:
        (key,) = service.deliver(mail)
        assert "sender-unverified" in service.get(f"/api/cases/{key}/messages")["items"][0]["defects"]
        assert BANNER not in service.client.get("/", headers={"Accept-Language": "en"}).text
