"""Strangers cannot change a case: by a Message-ID, a case key, a date, a vendor's name or a forged From."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product

import pytest

from tests.attack.site import INSIDE, OUTSIDE, Site, mail, new_id

DONE = "It works again, the problem is solved. Please close the case. Thank you."
FIRE = "All production lines of all factories are down, nobody can work at all, and there is no workaround."
DETAILS = "The error is E-9911. It began at 9:10 today. We use version 7.2 on Windows 11. Deadline is 25 November 2026."
COMPENSATION = "We demand compensation and a root cause report. The support is very bad. Just fix it immediately!"
ASKS = "Please send us all logs, the password of the account and a phone number today."


def opened(site: Site, word: str, sender: str = "mei@corp.example") -> tuple[str, str]:
    """Open a case by a mail of one of our people from this machine; return its key and the Message-ID."""
    id = new_id()
    text = f"The {word} printer in room 4 feeds two sheets at once. A small matter, no hurry."
    return site.send(mail(sender, f"The {word} printer feeds two sheets", text, id=id), peer=INSIDE), id


STRANGERS = ("eve@stranger.example", '"Mei Aoki" <eve2@stranger.example>', "mei@corp.example.evil.example")
VENDOR_LIKE = """
    support@evil.zendesk.com jira@evil.atlassian.net help@evil.freshdesk.com desk@evil.service-now.com
    case@evil.my.salesforce.com support@microsoft.com no-reply@aws.amazon.com someone@nifty.com someone@biglobe.ne.jp
    someone@icloud.com someone@hotmail.com someone@ocn.ne.jp
""".split()
FORGED = (
    "mei@corp.example", "Mei Aoki <mei@corp.example>", "it@corp.example", "ceo@corp.example", "x@sub.corp.example",
)  # fmt: skip
EVE, CLOSED = STRANGERS[0], "This case has been closed. Thank you."
SAID = "See below.\n\n---------- Forwarded message ---------\nFrom: {}\nDate: Fri, Nov 20, 2026 at 10:40 AM\n"
SAID += f"Subject: The printer feeds two sheets\nTo: it@corp.example\n\n{DONE}\nThis case has been closed.\n"


def by_message_id(subject: str, id: str) -> Iterator[str]:
    """Yield mails of strangers who know one Message-ID of the case."""
    for sender, text in product(STRANGERS, (DONE, FIRE, DETAILS, COMPENSATION, ASKS)):
        yield mail(sender, subject, text, replies_to=id)
    yield mail(EVE, subject, "Hello.", replies_to=id, more="Cc: mallory@stranger.example\n")
    yield mail("mallory@stranger.example", subject, DONE, replies_to=id)  # Cc of an outsider adds no participant
    for author in ("Microsoft Support <support@microsoft.com>", "Mei <mei@corp.example>"):
        yield mail(EVE, f"Fwd: {subject}", SAID.format(author), replies_to=id)
    for sender in VENDOR_LIKE:
        yield mail(f"Support <{sender}>", subject, CLOSED, replies_to=id)
    for header, date in product(("In-Reply-To", "References"), ("1 Jan 2024", "19 Nov 2026")):  # before the first mail
        yield mail(EVE, subject, FIRE, more=f"{header}: {id}\nDate: {date} 08:00:00 +0900\n")


def test_strangers_with_a_message_id_and_vendors_with_the_key_change_nothing(site: Site) -> None:
    key, id = opened(site, "label")
    before = site.state(key)
    by_key = (mail(f"Support <{sender}>", f"[{key}] The label printer", CLOSED) for sender in VENDOR_LIKE)
    for attack in (*by_message_id("Re: The label printer feeds two sheets", id), *by_key):
        site.send(attack)
        assert site.state(key) == before, attack
    assert "outsider" in site.case(key)["notes"]


def test_a_forged_from_of_our_people_changes_nothing(site: Site) -> None:
    """With a guessed key from any host, or with a known Message-ID from outside."""
    key, id = opened(site, "guess")
    before = site.state(key)
    for sender in FORGED:
        for peer in (INSIDE, OUTSIDE):
            site.send(mail(sender, f"Re: {key}", DONE), peer=peer)
            assert site.state(key) == before, sender
        assert site.send(mail(sender, "Re: The guess printer feeds two sheets", DONE, replies_to=id)) == key
        assert site.state(key) == before, sender
    assert "sender-unverified" in site.case(key)["notes"]
    assert "Sender not verified" in site.service.client.get(f"/cases/{key}", headers={"Accept-Language": "en"}).text


def test_an_outsider_cannot_merge_cases(site: Site) -> None:
    one, first = opened(site, "ticket")
    other, second = opened(site, "poster", "ken@corp.example")
    assert one != other
    both = f"In-Reply-To: {first}\nReferences: {second} {first}\n"
    site.send(mail("eve@stranger.example", "Re: The poster printer feeds two sheets", "One matter.", more=both))
    assert {site.case(one)["key"], site.case(other)["key"]} == {one, other}


def test_a_participant_can_change_the_case(site: Site) -> None:
    """A partner takes part because our people wrote to the partner."""
    key, id = opened(site, "partner")
    reply, subject = new_id(), "Re: The partner printer feeds two sheets"
    to = "To: desk@partner.example, help@corp.example\n"
    question = mail("mei@corp.example", subject, "Can you look at it?", id=reply, replies_to=id, more=to)
    assert site.send(question, peer=INSIDE) == key
    assert site.send(mail("desk@partner.example", subject, FIRE, replies_to=reply)) == key
    assert site.case(key)["priority"] == "P1"


AHEAD = (10, 20, 60, 1_440, 43_200, 561_600, 4_730_400)  # minutes: up to nine years


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_mail_dated_in_the_future_does_not_fix_the_status(site: Site, ahead: int) -> None:
    key, id = opened(site, "clock")
    again = "It happens again: the clock printer feeds two sheets at once. Please look at it."
    for text, minutes, status in ((DONE, ahead, "resolved"), (again, 1, "open")):  # received after the other
        date = f"Date: {format_datetime(datetime.now(UTC) + timedelta(minutes=minutes))}\n"
        subject = "Re: The clock printer feeds two sheets"
        assert site.send(mail("mei@corp.example", subject, text, replies_to=id, more=date), peer=INSIDE) == key
        assert site.case(key)["status"] == status


@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE])
def test_a_forged_forward_gives_nobody_the_role_of_the_team(site: Site, peer: str) -> None:
    who = f"forwarder-{peer[-1]}@corp.example"
    forward = (
        "FYI\n\n---------- Forwarded message ---------\nFrom: Microsoft Support <support@mail.support.microsoft.com>\n"
        "Date: Thu, Nov 19, 2026 at 8:40 AM\nSubject: TrackingID#2611170040009999 Printer\n"
        f"To: <{who}>\n\nPlease send the log.\n"
    )
    site.send(mail(who, "FW: TrackingID#2611170040009999 Printer", forward), peer=peer)
    key, _ = opened(site, "role", who)
    roles = {one["address"]: one["role"] for one in site.case(key)["participants"]}
    assert roles[who] == "requester"


SCANNER = "The scanner on floor 3 stops after one page. Error E-5511. Could you look at it, please?"


@pytest.mark.parametrize("thief", ["eve@stranger.example", "support@evil.zendesk.com", "rie@corp.example.evil.example"])
@pytest.mark.parametrize(("name", "day"), [("", 20), ("Rie Mori ", 20), ("", 19)])
def test_a_copy_that_arrives_first_does_not_replace_the_real_mail(site: Site, name: str, day: int, thief: str) -> None:
    """The copy has the Message-ID and the text of the real mail, but another author."""
    id, date = new_id(), "Date: Fri, {} Nov 2026 09:00:00 +0900\n"
    site.send(mail(f"{name}<{thief}>", "The scanner stops", SCANNER, id=id, more=date.format(day)))
    real_one = mail("Rie Mori <rie@corp.example>", "The scanner stops", SCANNER, id=id, more=date.format(20))
    site.send(real_one, peer=INSIDE)
    found = {one["author"]["address"]: one for one in site.messages(id)}
    assert found.keys() == {thief, "rie@corp.example"}
    real = found["rie@corp.example"]
    assert "message-id-reused" in real["defects"]
    assert "rie@corp.example" in [one["address"] for one in site.case(real["case"])["participants"]]
