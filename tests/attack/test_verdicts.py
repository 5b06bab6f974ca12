"""Authentication-Results that only look like our server's word: none of them makes a forged mail verified."""

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
from tests.attack.site import INSIDE, OUTSIDE, Site, mail, new_id
from tests.running import now
from tests.tables import table_beside

AR = "Authentication-Results: "
PASS = f"{AR}mx.corp.example; dmarc=pass (p=reject dis=none) header.from=corp.example\n"
FAIL = f"{AR}mx.corp.example; dmarc=fail (p=reject dis=none) header.from=corp.example\n"
HOP = "Received: from relay.example by mx.corp.example; Fri, 20 Nov 2026 09:00:00 +0900\n"
MEI = "Mei <mei@corp.example>"
DONE = "It works again, the problem is solved. Please close the case. Thank you."

PARTS = {"ar": AR, "pass": PASS, "fail": FAIL, "hop": HOP, "long": "x" * 1_200}
HEADERS: dict[str, dict[str, Any]] = table_beside(__file__, "verdicts.yaml")


def opened(site: Site) -> tuple[str, str]:
    id = new_id()
    text = "The verdict scanner stops after one page. A small matter, no hurry."
    return site.send(mail(MEI, "The verdict scanner stops", text, id=id, head=PASS)), id


@pytest.mark.parametrize("attack", HEADERS["forged"])
def test_no_forged_verdict_moves_a_case(behind_mx: Site, attack: str) -> None:
    key, id = opened(behind_mx)
    before = behind_mx.state(key)
    head = HEADERS["forged"][attack].format(**PARTS)
    behind_mx.send(mail(MEI, "Re: The verdict scanner stops", DONE, replies_to=id, head=head), peer=INSIDE)
    behind_mx.send(mail(MEI, f"Re: {key}", DONE, head=head), peer=INSIDE)
    assert behind_mx.state(key) == before


@pytest.mark.parametrize("attack", HEADERS["authors"])
def test_the_author_is_the_one_address_of_the_one_from(behind_mx: Site, attack: str) -> None:
    key, id = opened(behind_mx)
    before = behind_mx.state(key)
    head, sender = HEADERS["authors"][attack]
    behind_mx.send(mail(sender, "Re: The verdict scanner stops", DONE, replies_to=id, head=head.format(**PARTS)))
    assert behind_mx.state(key) == before


@pytest.mark.parametrize("form", HEADERS["verified"])
def test_our_servers_own_pass_moves_it(behind_mx: Site, form: str) -> None:
    key, id = opened(behind_mx)
    head = HEADERS["verified"][form].format(**PARTS)
    behind_mx.send(mail(MEI, "Re: The verdict scanner stops", DONE, replies_to=id, head=head))
    assert behind_mx.case(key)["status"] == "resolved"


M365 = (
    f"{AR}spf=pass (sender IP is 192.0.2.1)\n smtp.mailfrom=corp.example; dkim=pass (signature was verified)\n"
    " header.d=corp.example;dmarc=pass action=none\n header.from=corp.example;compauth=pass reason=100\n"
)


def trust(head: str, verdicts: Verdicts, peer: str, channel: str = "smtp") -> str:
    roles = Roles(organisation=("corp.example",))
    content = mail(MEI, "x", "It does not work.", head=head).replace("\n", "\r\n").encode()
    handed = Handover(channel, peer, now())
    config = IngestConfig(verdicts=verdicts)
    return extract_messages(parse(content), roles, config, received_at=now(), handed=handed)[0].node.trust


M365_AT = Verdicts(MICROSOFT_365)
OWN = Verdicts("mx.corp.example")
ANY_MAY_SEND = Verdicts("mx.corp.example", open=True)
NETWORK = Verdicts(networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
ON_THE_INTERNET = ("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8")


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
        # who is believed without a verdict; without our server's name no header is
        *((NETWORK, "", peer, "smtp", "verified") for peer in ("192.0.2.9", "::ffff:192.0.2.9", "2001:db8::7")),
        *((NETWORK, "", peer, "smtp", "unverified") for peer in ("198.51.100.1", INSIDE)),
        (Verdicts("mx.corp.example", NETWORK.networks), FAIL, "192.0.2.9", "smtp", "forged"),
        (NETWORK, FAIL, "192.0.2.9", "smtp", "verified"),
        *((Verdicts(), "", peer, "smtp", "local") for peer in (INSIDE, "::1")),
        *((Verdicts(), "", peer, "smtp", "unverified") for peer in ("172.17.0.1", "nonsense")),
        (Verdicts(), "", "", "imap", "unverified"),
        (Verdicts(), "", "", "import", "local"),
        # a host on the Internet verifies nobody while any may send: it could write our server's name by itself
        *((ANY_MAY_SEND, PASS, peer, "smtp", "unverified") for peer in ON_THE_INTERNET),
        *((ANY_MAY_SEND, FAIL, peer, "smtp", "forged") for peer in ON_THE_INTERNET),
        *((ANY_MAY_SEND, PASS, peer, "smtp", "verified") for peer in ("10.1.2.3", INSIDE, "")),
        (OWN, PASS, "8.8.8.8", "smtp", "verified"),
        (OWN, FAIL, "8.8.8.8", "smtp", "forged"),
    ],
)
def test_who_is_believed(verdicts: Verdicts, head: str, peer: str, channel: str, verdict: str) -> None:
    assert trust(head, verdicts, peer, channel) == verdict


@pytest.mark.parametrize(
    "written", [0, 59, 61, 180, 1_440, 4 * 1_440, "", ";", "; nonsense", "; Mon, 99 Jan 2026 25:00:00 +0900"]
)
def test_what_a_relay_on_this_machine_passes_on_is_not_believed(written: int | str) -> None:
    """However many minutes ago: a sender over its rate gets 451, so a stranger can choose the delay."""
    assert trust(received(written), Verdicts(), INSIDE) == "unverified"


def test_an_old_mail_that_a_program_reads_from_a_file_is_local() -> None:
    assert trust(received(6 * 1_440), Verdicts(), INSIDE) == "local"


def received(written: int | str) -> str:
    """A line of the header with the time that it says, or of so many minutes ago."""
    if isinstance(written, int):
        written = f"; {format_datetime(now() - timedelta(minutes=written))}"
    return f"Received: from relay.example by mx.corp.example{written}\n"
