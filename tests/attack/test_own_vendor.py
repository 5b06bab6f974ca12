"""A case is moved by its own vendor only: not by another that knows the number, another tenant or an older mail."""

from itertools import count

import pytest

from tests.attack.site import INSIDE, Site, mail, new_id

CLOSED = "This case has been closed. Thank you."
MICROSOFT = "support@mail.support.microsoft.com"
HOSTS = ("zendesk.com", "atlassian.net", "freshdesk.com", "service-now.com")
_WORDS = (f"plotter{number}" for number in count(1))
_NUMBERS = count(2611200040001111)


def inquiry(site: Site, word: str, desk: str, text: str) -> tuple[str, str]:
    """A case that one of our people opens by writing to a vendor's desk; its key and the Message-ID."""
    id = new_id(word)
    more = f"To: {desk}\nCc: help@corp.example\n"
    return site.send(mail("mei@corp.example", f"The {word} feeds two sheets", text, id=id, more=more), peer=INSIDE), id


def with_number(site: Site) -> tuple[str, str, str]:
    """A case whose vendor stated its number; its key, the number, and the Message-ID of the vendor's mail."""
    word, number = next(_WORDS), str(next(_NUMBERS))
    key, id = inquiry(site, word, MICROSOFT, f"The {word} feeds two sheets at once. What shall we do?")
    answer, text = new_id(word, "microsoft.com"), f"We look into it. TrackingID#{number}"
    assert site.send(mail(MICROSOFT, f"The {word} TrackingID#{number}", text, id=answer, replies_to=id)) == key
    return key, number, answer


@pytest.mark.parametrize("sender", ["support@evil.zendesk.com", "help@evil.freshdesk.com", "jira@evil.atlassian.net"])
@pytest.mark.parametrize("how", ["number alone", "as a reply", "with a number of its own"])
def test_another_vendor_that_knows_the_number_moves_nothing(site: Site, sender: str, how: str) -> None:
    key, number, answer = with_number(site)
    before = site.standing(key)
    own = "\nTicket #771204" if "own" in how else ""
    text, thread = f"TrackingID#{number}{own}\n\n{CLOSED}", answer if "reply" in how else ""
    site.send(mail(sender, f"TrackingID#{number}", text, replies_to=thread))
    assert site.standing(key) == before


def test_another_tenant_that_guesses_the_ticket_moves_nothing(site: Site) -> None:
    word, ticket = next(_WORDS), str(next(_NUMBERS))[-7:]
    key, id = inquiry(site, word, "support@acme.zendesk.com", f"The {word} feeds two sheets at once. What shall we do?")
    noted = mail("support@acme.zendesk.com", f"[#{ticket}] The {word}", f"Noted. [#{ticket}]", replies_to=id)
    assert site.send(noted) == key
    before = site.standing(key)
    site.send(mail("support@evil.zendesk.com", f"[#{ticket}] The {word}", CLOSED))
    assert site.standing(key) == before
    assert site.send(mail("agent@acme.zendesk.com", f"[#{ticket}] The {word}", CLOSED)) == key
    assert site.case(key)["status"] == "closed"


NO_TENANTS = [f"support@{at}" for at in ("zendesk.com", "sub.acme.zendesk.com", "acme.zendesk.com.evil.example")]


@pytest.mark.parametrize(
    ("desk", "others", "own"),
    [
        ("desk@acme.co.jp", ["support@co.zendesk.com"], "a@acme.zendesk.com"),
        ("desk@mail.acme.example", ["support@mail.freshdesk.com"], "a@acme.zendesk.com"),
        ("desk@acme.example", [], "a@acme.zendesk.com"),
        ("support@acme.zendesk.com", NO_TENANTS, "agent@acme.zendesk.com"),
        *((f"help@acme.{at}", [f"help@evil.{at}"], f"agent@acme.{at}") for at in HOSTS),
    ],
)
def test_a_hosted_desk_is_heard_by_the_label_of_its_company_only(
    site: Site, desk: str, others: list[str], own: str
) -> None:
    word = next(_WORDS)
    key, id = inquiry(site, word, desk, f"The {word} feeds two sheets at once. What shall we do?")
    before = site.standing(key)
    for other in others:
        site.send(mail(other, f"Re: The {word} feeds two sheets", CLOSED, replies_to=id))
        assert site.standing(key) == before, other
    assert site.send(mail(own, f"Re: The {word} feeds two sheets", CLOSED, replies_to=id)) == key
    assert site.case(key)["status"] == "closed"


def test_a_vendor_that_states_the_number_our_people_noted_is_heard(site: Site) -> None:
    """The other side of the law: no vendor is known yet, and the number that we wrote down is this one's."""
    word, ticket = next(_WORDS), str(next(_NUMBERS))[-7:]
    text = f"The {word} feeds two sheets at once. We opened ticket #{ticket} on their portal."
    key = site.send(mail("mei@corp.example", f"The {word} feeds two sheets", text), peer=INSIDE)
    assert site.send(mail("support@acme.zendesk.com", f"[#{ticket}] The {word}", CLOSED)) == key
    assert site.case(key)["status"] == "closed"


BEFORE = "Date: Mon, 02 Nov 2026 09:00:00 +0900\n"  # weeks before all other mails of these tests


@pytest.fixture(scope="module")
def answered(site: Site) -> tuple[str, str, str, list[str]]:
    """A case with an inquiry and the vendor's answer, joined by the number alone: its key, its word, the number, and
    the Message-IDs."""
    word, number = next(_WORDS), str(next(_NUMBERS))
    asked = f"The {word} feeds two sheets at once. What shall we do? TrackingID#{number}"
    key, first = inquiry(site, word, MICROSOFT, asked)
    ids = [first, new_id(word, "microsoft.com")]
    said = f"TrackingID#{number} Please send us the log of the {word}."
    site.send(mail(MICROSOFT, f"The {word} TrackingID#{number}", said, id=ids[1]))
    assert {site.message(id)["case"] for id in ids} == {key}
    return key, word, number, ids


@pytest.mark.parametrize("sender", [MICROSOFT, "agent@microsoft.com", "support@evil.zendesk.com", "x@evil.example"])
@pytest.mark.parametrize("knows", ["number", "subject", "number and subject", "message-id"])
def test_an_older_mail_takes_nothing_out_of_a_case(
    site: Site, answered: tuple[str, str, str, list[str]], sender: str, knows: str
) -> None:
    key, word, number, ids = answered
    subject = f"The {word} TrackingID#{number}" if "subject" in knows else f"Offer {word[-1]}"
    text = f"TrackingID#{number} We have received your request." if "number" in knows else "We have your request."
    thread = ids[1] if knows == "message-id" else ""
    site.send(mail(sender, subject, text, replies_to=thread, more=BEFORE))
    assert [site.message(id)["case"] for id in ids] == [key] * 2
