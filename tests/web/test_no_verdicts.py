"""The page says when nothing vouches for senders, and replies of our own people would change nothing."""

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import running

BANNER = "sodan cannot verify senders"
WITHOUT_AUTHOR = "Message-ID: <dark@corp.example>\nTo: intake@corp.example\nSubject: Badge\n\nThe reader is dark.\n"


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
        (key,) = service.deliver(WITHOUT_AUTHOR)  # it needs no banner
        defects = service.get(f"/api/cases/{key}/messages")["items"][0]["defects"]
        page = service.client.get("/", headers={"Accept-Language": "en"}).text
    assert ("sender-unverified" in defects, BANNER in page) == (True, shown)
