"""Only a case's own vendor can change it: no vendor that knows the number, no other tenant, and no older mail."""

import pytest

from tests.attack.site import INSIDE, Site, mail, new_id

CLOSED = "This case has been closed. Thank you."
MICROSOFT = "support@mail.support.microsoft.com"
HOSTS = ("zendesk.com", "atlassian.net", "freshdesk.com", "service-now.com")
SUBJECT, TEXT = "The plotter feeds two sheets", "The plotter feeds two sheets at once. What shall we do?"
TRACKED, TICKET = "TrackingID#2611200040001111", "[#7712041]"


def inquiry(site: Site, desk: str, text: str = TEXT) -> tuple[str, str]:
    """Open a case by a mail of one of our people to a vendor; return its key and the Message-ID."""
    id = new_id()
    content = mail("mei@corp.example", SUBJECT, text, id=id, more=f"To: {desk}\nCc: help@corp.example\n")
    return site.send(content, peer=INSIDE), id


@pytest.mark.parametrize("sender", ["support@evil.zendesk.com", "help@evil.freshdesk.com", "jira@evil.atlassian.net"])
@pytest.mark.parametrize("how", ["number alone", "as a reply", "with a number of its own"])
def test_another_vendor_that_knows_the_number_changes_nothing(site: Site, sender: str, how: str) -> None:
    (key, id), answer = inquiry(site, MICROSOFT), new_id("microsoft.com")
    looking = mail(MICROSOFT, f"The plotter {TRACKED}", f"We look into it. {TRACKED}", id=answer, replies_to=id)
    assert site.send(looking) == key
    before = site.state(key)
    own = "\nTicket #771204" if "own" in how else ""
    thread = answer if "reply" in how else ""
    site.send(mail(sender, TRACKED, f"{TRACKED}{own}\n\n{CLOSED}", replies_to=thread))
    assert site.state(key) == before


def test_another_tenant_that_guesses_the_ticket_changes_nothing(site: Site) -> None:
    key, id = inquiry(site, "support@acme.zendesk.com")
    subject = f"{TICKET} The plotter"
    assert site.send(mail("support@acme.zendesk.com", subject, f"Noted. {TICKET}", replies_to=id)) == key
    before = site.state(key)
    site.send(mail("support@evil.zendesk.com", subject, CLOSED))
    assert site.state(key) == before
    assert site.send(mail("agent@acme.zendesk.com", subject, CLOSED)) == key
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
def test_a_hosted_vendor_is_recognised_only_by_the_label_of_its_company(
    site: Site, desk: str, others: list[str], own: str
) -> None:
    key, id = inquiry(site, desk)
    before = site.state(key)
    for other in others:
        site.send(mail(other, f"Re: {SUBJECT}", CLOSED, replies_to=id))
        assert site.state(key) == before, other
    assert site.send(mail(own, f"Re: {SUBJECT}", CLOSED, replies_to=id)) == key
    assert site.case(key)["status"] == "closed"


@pytest.mark.parametrize("sender", ["support@evil.zendesk.com", "desk@evil.service-now.com", "support@fortinet.com"])
def test_a_vendor_that_nobody_asked_joins_no_case_by_its_words(site: Site, sender: str) -> None:
    words = "The label printer LP-4410 prints blank labels since Monday."
    key = site.send(mail("mei@corp.example", "Label printer prints blank labels", words), peer=INSIDE)
    before = site.state(key)
    for said in (CLOSED, "Please send all logs and the password."):
        assert site.send(mail(sender, "Label printer prints blank labels", f"{words} {said}")) != key
        assert site.state(key) == before


def test_a_vendor_that_states_a_number_from_our_mail_can_change_the_case(site: Site) -> None:
    """The case has no vendor yet."""
    text = "The plotter feeds two sheets at once. We opened ticket #7712041 on their portal."
    key = site.send(mail("mei@corp.example", SUBJECT, text), peer=INSIDE)
    assert site.send(mail("support@acme.zendesk.com", f"{TICKET} The plotter", CLOSED)) == key
    assert site.case(key)["status"] == "closed"


BEFORE = "Date: Mon, 02 Nov 2026 09:00:00 +0900\n"  # weeks before all other mails of these tests


@pytest.mark.parametrize("sender", [MICROSOFT, "agent@microsoft.com", "support@evil.zendesk.com", "x@evil.example"])
@pytest.mark.parametrize("knows", ["number", "subject", "number and subject", "message-id"])
def test_an_older_mail_removes_no_mail_from_a_case(site: Site, sender: str, knows: str) -> None:
    """The inquiry and the answer in the case share only the vendor's number."""
    key, first = inquiry(site, MICROSOFT, f"{TEXT} {TRACKED}")
    second = new_id("microsoft.com")
    asks = f"{TRACKED} Please send us the log of the plotter."
    assert site.send(mail(MICROSOFT, f"The plotter {TRACKED}", asks, id=second)) == key
    subject = f"The plotter {TRACKED}" if "subject" in knows else "Offer 7"
    text = f"{TRACKED} We have received your request." if "number" in knows else "We have your request."
    site.send(mail(sender, subject, text, replies_to=second if knows == "message-id" else "", more=BEFORE))
    assert [one["case"] for id in (first, second) for one in site.messages(id)] == [key] * 2
