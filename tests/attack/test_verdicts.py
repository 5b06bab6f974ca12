"""Which senders are verified: forged Authentication-Results (RFC 8601) verify nobody."""

from datetime import timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from typing import Any

import pytest

from service.cases.facts.extraction import IngestConfig, extract_messages
from service.cases.facts.roles import Roles
from service.cases.facts.sender import Handover, Verdicts
from service.mail.authentication import MICROSOFT_365
from service.mail.parse import parse
from tests.attack.site import INSIDE, OUTSIDE, mail
from tests.running import now
from tests.tables import table_beside

AR = "Authentication-Results: "
PASS = f"{AR}mx.corp.example; dmarc=pass (p=reject dis=none) header.from=corp.example\n"
FAIL = f"{AR}mx.corp.example; dmarc=fail (p=reject dis=none) header.from=corp.example\n"
HOP = "Received: from relay.example by mx.corp.example; Fri, 20 Nov 2026 09:00:00 +0900\n"
PARTS = {"ar": AR, "pass": PASS, "fail": FAIL, "hop": HOP, "long": "x" * 1_200}
HEADERS: dict[str, dict[str, Any]] = table_beside(__file__, "verdicts.yaml")
M365 = (
    f"{AR}spf=pass (sender IP is 192.0.2.1)\n smtp.mailfrom=corp.example; dkim=pass (signature was verified)\n"
    " header.d=corp.example;dmarc=pass action=none\n header.from=corp.example;compauth=pass reason=100\n"
)
OWN = Verdicts("mx.corp.example")
M365_AT = Verdicts(MICROSOFT_365)
ANY_MAY_SEND = Verdicts("mx.corp.example", open=True)
NETWORK = Verdicts(networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
ON_THE_INTERNET = ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8")


def trust(
    head: str, verdicts: Verdicts = OWN, peer: str = INSIDE, channel: str = "smtp", sender: str = "mei@corp.example"
) -> str:
    """Return the trust in the author of a mail with these first header lines."""
    content = mail(sender, "x", "It does not work.", head=head).replace("\n", "\r\n").encode()
    roles, config = Roles(organisation=("corp.example",)), IngestConfig(verdicts=verdicts)
    handed = Handover(channel, peer, now())
    return extract_messages(parse(content), roles, config, received_at=now(), handed=handed)[0].node.trust


@pytest.mark.parametrize("attack", HEADERS["forged"])
def test_a_forged_result_verifies_nobody(attack: str) -> None:
    assert trust(HEADERS["forged"][attack].format(**PARTS)) in ("unverified", "forged")


@pytest.mark.parametrize("attack", HEADERS["authors"])
def test_only_the_one_address_of_the_one_from_is_verified(attack: str) -> None:
    head, sender = HEADERS["authors"][attack]
    assert trust(head.format(**PARTS), sender=sender) in ("unverified", "")


@pytest.mark.parametrize("form", HEADERS["verified"])
def test_a_pass_of_our_own_server_verifies(form: str) -> None:
    assert trust(HEADERS["verified"][form].format(**PARTS)) == "verified"


@pytest.mark.parametrize(
    ("verdicts", "head", "peer", "channel", "verdict"),
    [
        # Microsoft 365 names no server
        (M365_AT, M365, OUTSIDE, "smtp", "verified"),
        (M365_AT, M365.replace("dmarc=pass", "dmarc=fail"), OUTSIDE, "smtp", "forged"),
        (M365_AT, M365.replace("dmarc=pass", "dmarc=bestguesspass"), OUTSIDE, "smtp", "unverified"),
        (M365_AT, M365.replace("header.from=corp", "header.from=evil"), OUTSIDE, "smtp", "unverified"),
        (M365_AT, M365.replace("dmarc=pass", "dmarc=none") + HOP + M365, OUTSIDE, "smtp", "unverified"),
        (M365_AT, f"{AR}mx.corp.example; dmarc=pass header.from=corp.example\n", OUTSIDE, "smtp", "unverified"),
        (M365_AT, "", OUTSIDE, "smtp", "unverified"),
        # without a result; and without our server's name, no header counts
        *((NETWORK, "", peer, "smtp", "verified") for peer in ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8::7")),
        *((NETWORK, "", peer, "smtp", "unverified") for peer in ("198.51.100.1", INSIDE)),
        (Verdicts("mx.corp.example", NETWORK.networks), FAIL, "192.0.2.9", "smtp", "forged"),
        (NETWORK, FAIL, "192.0.2.9", "smtp", "verified"),
        *((Verdicts(), "", peer, "smtp", "local") for peer in (INSIDE, "::1")),
        *((Verdicts(), "", peer, "smtp", "unverified") for peer in ("172.17.0.1", "nonsense")),
        (Verdicts(), "", "", "imap", "unverified"),
        (Verdicts(), "", "", "import", "local"),
        # while any host may send, a host on the Internet verifies nobody: it can forge our server's name
        *((ANY_MAY_SEND, PASS, peer, "smtp", "unverified") for peer in ON_THE_INTERNET),
        *((ANY_MAY_SEND, FAIL, peer, "smtp", "forged") for peer in ON_THE_INTERNET),
        *((ANY_MAY_SEND, PASS, peer, "smtp", "verified") for peer in ("10.1.2.3", INSIDE, "")),
        (OWN, PASS, "8.8.8.8", "smtp", "verified"),
        (OWN, FAIL, "8.8.8.8", "smtp", "forged"),
    ],
)
def test_the_trust_in_a_sender(verdicts: Verdicts, head: str, peer: str, channel: str, verdict: str) -> None:
    assert trust(head, verdicts, peer, channel) == verdict


@pytest.mark.parametrize(
    "written", [0, 59, 61, 180, 1_440, 4 * 1_440, "", ";", "; nonsense", "; Mon, 99 Jan 2026 25:00:00 +0900"]
)
def test_mail_from_a_relay_on_this_machine_is_unverified(written: int | str) -> None:
    """``written``: minutes ago, or the text. Any delay: a sender over its rate gets 451, so strangers can choose it."""
    assert trust(received(written), Verdicts(), INSIDE) == "unverified"


def test_an_old_mail_from_a_file_is_local() -> None:
    assert trust(received(6 * 1_440), Verdicts(), INSIDE) == "local"


def received(written: int | str) -> str:
    """Return a Received line with this time."""
    if isinstance(written, int):
        written = f"; {format_datetime(now() - timedelta(minutes=written))}"
    return f"Received: from relay.example by mx.corp.example{written}\n"
