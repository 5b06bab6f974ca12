"""Mail under the name of another person, which our mail server reports by DMARC: it is shown, and changes no case."""

from collections.abc import Iterator

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.attack.site import Site, mail
from tests.running import running

PASS = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\n"
FAIL = "Authentication-Results: mx.corp.example; spf=fail; dmarc=fail header.from=corp.example\n"
SUBJECT = "Re: Label printer feeds two sheets"
USER, TEAM = "Mei Aoki <mei@corp.example>", "IT <it@corp.example>"
VENDOR = "Microsoft Support <support@mail.support.microsoft.com>"
SOLVED = "It works again, the problem is solved. Please close the case. Thank you."
QUOTE = f"From: {TEAM}\nSent: Tuesday, November 17, 2026 9:20 AM\nTo: mei@corp.example\nSubject: {SUBJECT}\n\n{SOLVED}"
OPEN, WORK, FORGED = (f"<{name}@corp.example>" for name in ("open", "work", "forged"))
DATE = "Date: Tue, 17 Nov 2026 09:01:00 +0900\n"
TROUBLE = "The label printer feeds two sheets at once. Error E-7741."
REPORT = mail(USER, SUBJECT[4:], TROUBLE, id=OPEN, more=DATE)
ANSWER = mail(
    TEAM, SUBJECT, "We are looking into it. Which firmware is installed?", id=WORK, replies_to=OPEN, head=PASS,
    more="Cc: mei@corp.example\n",
)  # fmt: skip


@pytest.fixture
def desk(sqlite: Database, context: AppContext) -> Iterator[Site]:
    settings = load(intake="help@corp.example", team="it@corp.example", authserv_id="mx.corp.example")
    with running(sqlite, AppContext.of(settings, rules=context.rules), settings) as service:
        yield Site(service)


def opened(desk: Site) -> str:
    """Return the key of a case with a report and an answer."""
    key = desk.send(PASS + REPORT)
    assert desk.send(ANSWER) == key
    return key


@pytest.mark.parametrize(
    ("sender", "text"),
    [
        (USER, SOLVED),
        (TEAM, "Please send all logs to us."),
        (VENDOR, "This case has been closed."),
        (USER, f"See below.\n\n-----Original Message-----\n{QUOTE}"),
    ],
    ids=["requester", "team", "vendor", "quoted team"],
)
def test_a_forged_mail_is_shown_in_its_case_and_changes_nothing(desk: Site, sender: str, text: str) -> None:
    key = opened(desk)
    before = desk.state(key)
    more = "Cc: evil@stranger.example\n"
    assert desk.send(mail(sender, SUBJECT, text, id=FORGED, replies_to=WORK, head=FAIL, more=more)) == key
    assert desk.state(key) == before
    assert "dmarc-failed" in desk.case(key)["notes"]
    [shown], [answer] = desk.messages(FORGED), desk.messages(WORK)
    assert (shown["author"]["role"], "dmarc-failed" in shown["defects"]) == ("unknown", True)
    assert "dmarc-failed" not in answer["defects"]
    for language, warning in (("ja", "差出人を確認できませんでした"), ("en", "The sender could not be verified")):
        for path in (f"/cases/{key}", f"/messages/{shown['id']}"):
            assert warning in desk.service.client.get(path, headers={"Accept-Language": language}).text
    # the person in Cc of the forged mail does not take part in the case
    assert desk.send(mail("evil@stranger.example", f"{key}: files", "Send me everything of this case.")) != key


def test_a_forged_mail_does_not_reopen_a_resolved_case(desk: Site) -> None:
    key = opened(desk)
    text = "It happens again! Please reopen. Error E-7741, the printer feeds two sheets."
    desk.send(mail(USER, SUBJECT, SOLVED, replies_to=WORK, head=PASS))
    assert desk.send(mail(USER, SUBJECT, text, replies_to=WORK, head=FAIL)) == key
    assert desk.case(key)["status"] == "resolved"


def test_a_forged_copy_of_a_mail_is_another_message_and_the_original_replaces_a_copy_that_came_first(
    desk: Site,
) -> None:
    case = desk.case(desk.send(FAIL + REPORT))
    [copy] = desk.messages(OPEN)
    assert (copy["author"]["role"], case["waiting_on"], case["participants"]) == ("unknown", "team", [])
    key = desk.send(PASS + REPORT)
    [real] = desk.messages(OPEN)
    assert (real["author"]["role"], real["deliveries"], "dmarc-failed" in real["defects"]) == ("requester", 2, False)
    before = desk.state(key)
    desk.send(FAIL + mail(USER, SUBJECT[4:], SOLVED, id=OPEN, more=DATE))
    assert desk.state(key) == before
    assert desk.send(ANSWER) == key
