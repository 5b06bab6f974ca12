"""A mail dated before a case takes none of the case's mails away, whoever it seems to come from."""

from itertools import count

import pytest

from tests.attack.site import INSIDE, Site, mail, new_id

MICROSOFT = "support@mail.support.microsoft.com"
BEFORE = "Date: Mon, 02 Nov 2026 09:00:00 +0900\n"  # weeks before all other mails of these tests
STRANGERS = ["support@mail.support.microsoft.com", "agent@microsoft.com", "support@evil.zendesk.com", "x@evil.example"]
_WORDS = (f"scanner{number}" for number in count(1))
_NUMBERS = count(2611230040001111)


@pytest.fixture(scope="module")
def answered(site: Site) -> tuple[str, str, str, list[str]]:
    """A case with an inquiry, the vendor's answer and our reply, joined by the number alone: its key, its word, the
    number, and the Message-IDs."""
    word, number = next(_WORDS), str(next(_NUMBERS))
    ids = [new_id(word), new_id(word, "microsoft.com"), new_id(word)]
    to = f"To: {MICROSOFT}\nCc: help@corp.example\n"
    asked = f"The {word} feeds two sheets at once. What shall we do? TrackingID#{number}"
    key = site.send(mail("mei@corp.example", f"The {word} TrackingID#{number}", asked, id=ids[0], more=to), peer=INSIDE)
    said = f"TrackingID#{number} Please send us the log of the {word}."
    site.send(mail(MICROSOFT, f"The {word} TrackingID#{number}", said, id=ids[1]))
    reply = f"TrackingID#{number} Here is the log of the {word}."
    site.send(mail("mei@corp.example", f"Log TrackingID#{number}", reply, id=ids[2], more=to), peer=INSIDE)
    assert {site.message(id)["case"] for id in ids} == {key}
    return key, word, number, ids


@pytest.mark.parametrize("sender", STRANGERS)
@pytest.mark.parametrize("knows", ["number", "subject", "number and subject", "message-id"])
def test_an_older_mail_takes_nothing_out_of_a_case(
    site: Site, answered: tuple[str, str, str, list[str]], sender: str, knows: str
) -> None:
    key, word, number, ids = answered
    subject = f"The {word} TrackingID#{number}" if "subject" in knows else f"Offer {word[-1]}"
    text = f"TrackingID#{number} We have received your request." if "number" in knows else "We have your request."
    thread = ids[1] if knows == "message-id" else ""
    site.send(mail(sender, subject, text, replies_to=thread, more=BEFORE))
    assert [site.message(id)["case"] for id in ids] == [key] * 3
