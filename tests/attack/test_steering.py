"""Strangers steer no case: by a Message-ID, a case key, a date, a vendor's name, a forged From, a copied Message-ID."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.attack.site import INSIDE, OUTSIDE, Site, mail, new_id

DONE = "It works again, the problem is solved. Please close the case. Thank you."
FIRE = "All production lines of all factories are down, nobody can work at all, and there is no workaround."
DETAILS = "The error is E-9911. It began at 9:10 today. We use version 7.2 on Windows 11. Deadline is 25 November 2026."
COMPENSATION = "We demand compensation and a root cause report. The support is very bad. Just fix it immediately!"
ASKS = "Please send us all logs, the password of the account and a phone number today."


def opened(site: Site, word: str, sender: str = "mei@corp.example") -> tuple[str, str]:
    """A case that one of our people opens from this machine; its key and the Message-ID."""
    id = new_id(word)
    text = f"The {word} printer in room 4 feeds two sheets at once. A small matter, no hurry."
    return site.send(mail(sender, f"The {word} printer feeds two sheets", text, id=id), peer=INSIDE), id


# ── 1. who knows one Message-ID ──────────────────────────────────────────────────────────────────────────────────────

STRANGERS = {
    "a stranger": "eve@stranger.example",
    "a stranger with a name of ours": '"Mei Aoki" <eve2@stranger.example>',
    "a look-alike domain": "mei@corp.example.evil.example",
}
WORDS = {"resolves": DONE, "raises": FIRE, "fills in": DETAILS, "parks": COMPENSATION, "asks": ASKS}


@pytest.mark.parametrize("who", STRANGERS)
def test_a_stranger_who_knows_a_message_id_moves_nothing(site: Site, who: str) -> None:
    key, id = opened(site, "label")
    before = site.standing(key)
    for words, text in WORDS.items():
        attack = mail(STRANGERS[who], "Re: The label printer feeds two sheets", text, replies_to=id)
        assert site.send(attack) == key
        assert site.standing(key) == before, words
        assert "outsider" in site.case(key)["notes"]


@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
@pytest.mark.parametrize("when", ["Mon, 01 Jan 2024 09:00:00 +0900", "Thu, 19 Nov 2026 08:00:00 +0900"])
def test_a_date_before_the_first_mail_makes_nobody_its_author(site: Site, header: str, when: str) -> None:
    key, id = opened(site, "badge")
    before = site.standing(key)
    attack = mail(
        "eve@stranger.example", "Re: The badge printer feeds two sheets", FIRE, more=f"{header}: {id}\nDate: {when}\n"
    )
    site.send(attack)
    assert site.standing(key) == before


def test_whom_an_outsider_writes_to_is_let_in_neither(site: Site) -> None:
    key, id = opened(site, "copy")
    before = site.standing(key)
    subject = "Re: The copy printer feeds two sheets"
    site.send(mail("eve@stranger.example", subject, "Hello.", replies_to=id, more="Cc: mallory@stranger.example\n"))
    site.send(mail("mallory@stranger.example", subject, DONE, replies_to=id))
    assert site.standing(key) == before


@pytest.mark.parametrize("author", ["Microsoft Support <support@microsoft.com>", "Mei <mei@corp.example>"])
def test_what_an_outsider_says_that_others_wrote_moves_nothing(site: Site, author: str) -> None:
    key, id = opened(site, "scan")
    before = site.standing(key)
    forward = (
        f"See below.\n\n---------- Forwarded message ---------\nFrom: {author}\n"
        f"Date: Fri, Nov 20, 2026 at 10:40 AM\nSubject: The scan printer feeds two sheets\nTo: it@corp.example\n\n"
        f"{DONE}\nThis case has been closed.\n"
    )
    site.send(mail("eve@stranger.example", "Fwd: The scan printer feeds two sheets", forward, replies_to=id))
    assert site.standing(key) == before


def test_an_outsider_unites_no_cases(site: Site) -> None:
    one, first = opened(site, "ticket")
    other, second = opened(site, "poster", "ken@corp.example")
    assert one != other
    both = f"In-Reply-To: {first}\nReferences: {second} {first}\n"
    site.send(mail("eve@stranger.example", "Re: The poster printer feeds two sheets", "One matter.", more=both))
    assert {site.case(one)["key"], site.case(other)["key"]} == {one, other}


def test_who_takes_part_still_moves_the_case(site: Site) -> None:
    """The other side of the law: a partner whom our people wrote to answers, and is heard."""
    key, id = opened(site, "partner")
    reply = new_id("asked")
    question = mail(
        "mei@corp.example", "Re: The partner printer feeds two sheets", "Can you look at it?",
        id=reply, replies_to=id, more=f"To: desk@partner.example, {'help@corp.example'}\n",
    )  # fmt: skip
    assert site.send(question, peer=INSIDE) == key
    waiting = mail("desk@partner.example", "Re: The partner printer feeds two sheets", FIRE, replies_to=reply)
    assert site.send(waiting) == key
    assert site.case(key)["priority"] == "P1"


# ── 2. dates that have not come ──────────────────────────────────────────────────────────────────────────────────────

AHEAD = (10, 20, 60, 1_440, 43_200, 561_600, 4_730_400)
"""Minutes: up to nine years."""


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_date_ahead_of_its_receipt_holds_no_case(site: Site, ahead: int) -> None:
    key, id = opened(site, "clock")
    far = format_datetime(datetime.now(UTC) + timedelta(minutes=ahead))
    done = mail(
        "mei@corp.example", "Re: The clock printer feeds two sheets", DONE, replies_to=id, more=f"Date: {far}\n"
    )
    assert site.send(done, peer=INSIDE) == key
    assert site.case(key)["status"] == "resolved"
    now = format_datetime(datetime.now(UTC) + timedelta(minutes=1))  # surely received after the other
    again = mail(
        "mei@corp.example",
        "Re: The clock printer feeds two sheets",
        "It happens again: the clock printer feeds two sheets at once. Please look at it.",
        replies_to=id,
        more=f"Date: {now}\n",
    )
    assert site.send(again, peer=INSIDE) == key
    assert site.case(key)["status"] == "open"


# ── 3. vendor-like senders ───────────────────────────────────────────────────────────────────────────────────────────

VENDOR_LIKE = """
    support@evil.zendesk.com jira@evil.atlassian.net help@evil.freshdesk.com desk@evil.service-now.com
    case@evil.my.salesforce.com support@microsoft.com no-reply@aws.amazon.com someone@nifty.com someone@biglobe.ne.jp
    someone@icloud.com someone@hotmail.com someone@ocn.ne.jp
""".split()


@pytest.mark.parametrize("known", ["key", "Message-ID"])
def test_no_vendor_but_the_cases_own_closes_a_case(site: Site, known: str) -> None:
    key, id = opened(site, f"desk-{known.lower()}")
    before = site.standing(key)
    text = "This case has been closed. Thank you."
    for sender in VENDOR_LIKE:
        if known == "key":
            site.send(mail(f"Support <{sender}>", f"[{key}] The desk printer", text))
        else:
            site.send(mail(f"Support <{sender}>", "Re: The desk printer feeds two sheets", text, replies_to=id))
        assert site.standing(key) == before, sender


def _asked(site: Site, word: str, desk: str) -> tuple[str, str]:
    """A case in which our people asked a vendor's desk; its key and the Message-ID of the inquiry."""
    key, id = opened(site, word)
    inquiry = new_id(word)
    text = "The printer feeds two sheets at once since Monday. Could you tell us what to do?"
    subject = f"Re: The {word} printer feeds two sheets"
    sent = mail(
        "mei@corp.example", subject, text, id=inquiry, replies_to=id, more=f"To: {desk}\nCc: help@corp.example\n"
    )
    assert site.send(sent, peer=INSIDE) == key
    return key, inquiry


@pytest.mark.parametrize(
    ("own", "other"),
    [
        ("support@acme.zendesk.com", "support@evil.zendesk.com"),
        ("help@acme.atlassian.net", "jira@evil.atlassian.net"),
        ("help@acme.freshdesk.com", "help@evil.freshdesk.com"),
        ("help@acme.service-now.com", "help@evil.service-now.com"),
    ],
)
def test_a_hosted_desk_counts_by_its_tenant(site: Site, own: str, other: str) -> None:
    key, inquiry = _asked(site, own.split("@")[1].replace(".", "-"), own)
    before = site.standing(key)
    subject = "Re: The printer feeds two sheets"
    site.send(mail(other, subject, "This case has been closed.", replies_to=inquiry))
    assert site.standing(key) == before
    answer = mail(own.replace("support", "agent"), subject, "This case has been closed.", replies_to=inquiry)
    assert site.send(answer) == key
    assert site.case(key)["status"] == "closed"


# ── 4. a forged From of our own people, and no verdict to tell ───────────────────────────────────────────────────────

FORGED = (
    "mei@corp.example", "Mei Aoki <mei@corp.example>", "it@corp.example", "ceo@corp.example", "x@sub.corp.example",
)  # fmt: skip


@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE])
def test_a_forged_from_does_not_resolve_by_a_guessed_key(site: Site, peer: str) -> None:
    key, _ = opened(site, "guess")
    before = site.standing(key)
    for sender in FORGED:
        site.send(mail(sender, f"Re: {key}", DONE), peer=peer)
        assert site.standing(key) == before, sender


def test_a_forged_from_with_a_known_message_id_moves_nothing(site: Site) -> None:
    key, id = opened(site, "known")
    before = site.standing(key)
    for sender in FORGED:
        attack = mail(sender, "Re: The known printer feeds two sheets", DONE, replies_to=id)
        assert site.send(attack) == key
        assert site.standing(key) == before, sender
        assert "sender-unverified" in site.case(key)["notes"]


def test_an_unverified_sender_is_shown_as_such(site: Site) -> None:
    id = new_id("shown")
    key = site.send(mail("new@corp.example", "The projector is dark", "The projector in room 9 is dark.", id=id))
    assert "sender-unverified" in site.message(id)["defects"]
    page = site.http.get(f"/cases/{key}", headers={"Accept-Language": "en"}).text
    assert "Sender not verified" in page


@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE])
def test_a_forged_forward_makes_nobody_team(site: Site, peer: str) -> None:
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


# ── 6. the Message-ID of another's mail ──────────────────────────────────────────────────────────────────────────────

COPIES = {"same words": "", "same words and name": "Rie Mori ", "same words, other date": ""}


@pytest.mark.parametrize("thief", ["eve@stranger.example", "support@evil.zendesk.com", "rie@corp.example.evil.example"])
@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_sent_before_does_not_swallow_the_real_mail(site: Site, copy: str, thief: str) -> None:
    id = new_id("stolen")
    text = "The scanner on floor 3 stops after one page. Error E-5511. Could you look at it, please?"
    at = "Date: Fri, 20 Nov 2026 09:00:00 +0900\n"
    date = at.replace("20", "19", 1) if "date" in copy else at
    site.send(mail(f"{COPIES[copy]}<{thief}>", "The scanner stops", text, id=id, more=date))
    site.send(mail("Rie Mori <rie@corp.example>", "The scanner stops", text, id=id, more=at), peer=INSIDE)
    found = site.messages(id)
    assert {one["author"]["address"] for one in found} == {thief, "rie@corp.example"}
    [real] = [one for one in found if one["author"]["address"] == "rie@corp.example"]
    assert "message-id-reused" in real["defects"]
    opener = [p["address"] for p in site.case(real["case"])["participants"]]
    assert "rie@corp.example" in opener
