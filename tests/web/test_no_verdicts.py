"""The warning that nothing verifies senders. Without verification, mail of our own people changes no case."""

import pytest

from service.cli.doctor import examine
from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import now, running

BANNER = "sodan cannot verify senders"
WITHOUT_AUTHOR = "Message-ID: <dark@corp.example>\nTo: intake@corp.example\nSubject: Badge\n\nThe reader is dark.\n"
NETWORK = {"smtp_listen": "0.0.0.0:2525"}
NOTHING = "senders: nothing verifies the sender of mail from your own domains;"
FORGED = "senders: any host that reaches the SMTP port can forge the header of SODAN_AUTHSERV_ID"


@pytest.mark.parametrize(
    ("given", "banner", "line"),
    [
        ({}, False, f"ok     {NOTHING} sodan trusts mail of programs"),
        (NETWORK, True, f"WRONG  {NOTHING} replies"),
        ({**NETWORK, "authserv_id": "mx.corp.example"}, False, f"WRONG  {FORGED}"),
        ({**NETWORK, "authserv_id": "mx.corp.example", "smtp_networks": "10.0.0.0/8"}, False, ""),
        ({"authserv_id": "mx.corp.example"}, False, ""),
        ({**NETWORK, "trusted_networks": "192.0.2.0/24"}, False, ""),
    ],
)
def test_the_page_and_the_doctor_warn_if_senders_are_not_verified(
    sqlite: Database,
    context: AppContext,
    capfd: pytest.CaptureFixture[str],
    given: dict[str, str],
    banner: bool,
    line: str,
) -> None:
    settings = load(intake="intake@corp.example", database_url="sqlite:///unused.db", **given)
    with running(sqlite, context, settings) as service:
        (key,) = service.deliver(WITHOUT_AUTHOR)
        defects = service.get(f"/api/cases/{key}/messages")["items"][0]["defects"]
        page = service.client.get("/", headers={"Accept-Language": "en"}).text
    assert ("sender-unverified" in defects, BANNER in page) == (True, banner)
    capfd.readouterr()
    examine(settings, sqlite, now())
    found = [finding for finding in capfd.readouterr().out.splitlines() if " senders: " in finding]
    assert len(found) == (1 if line else 0)
    assert all(finding.startswith(line) for finding in found)
