"""Mail under the name of another person, which our mail server reports by DMARC: it is shown, and changes no case."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import Running, running

PASS = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\n"
FAIL = "Authentication-Results: mx.corp.example; spf=fail; dmarc=fail header.from=corp.example\n"
SUBJECT = "Re: Label printer feeds two sheets"
USER, TEAM = "Mei Aoki <mei@corp.example>", "IT <it@corp.example>"
VENDOR = "Microsoft Support <support@mail.support.microsoft.com>"
SOLVED = "It works again, the problem is solved. Please close the case. Thank you."


def _mail(name: str, sender: str, subject: str, text: str, minute: int, *, head: str = PASS, more: str = "") -> str:
    return (
        f"{head}From: {sender}\nTo: intake@corp.example\n{more}Subject: {subject}\nMessage-ID: <{name}@corp.example>\n"
        f"Date: Tue, 17 Nov 2026 09:{minute:02d}:00 +0900\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


REPORT = _mail("open", USER, SUBJECT[4:], "The label printer feeds two sheets at once. Error E-7741.", 1)
ANSWER = _mail(
    "work", TEAM, SUBJECT, "We are looking into it. Which firmware is installed?", 5,
    more="Cc: mei@corp.example\nIn-Reply-To: <open@corp.example>\n",
)  # fmt: skip
REPLY = "In-Reply-To: <work@corp.example>\nReferences: <open@corp.example> <work@corp.example>\n"
QUOTE = f"From: {TEAM}\nSent: Tuesday, November 17, 2026 9:20 AM\nTo: mei@corp.example\nSubject: {SUBJECT}\n\n{SOLVED}"


@pytest.fixture
def desk(database: Database, context: AppContext) -> Iterator[Running]:
    settings = load(intake="intake@corp.example", team="it@corp.example", authserv_id="mx.corp.example")
    with running(database, AppContext.of(settings, rules=context.rules), settings) as service:
        yield service


def _state(desk: Running, key: str) -> dict[str, Any]:
    """Return the case without the fields that count mails and time."""
    counts = "messages updated_at clocks notes version related not_counted".split()
    return {name: value for name, value in desk.get(f"/api/cases/{key}").items() if name not in counts}


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
def test_a_forged_mail_is_shown_in_its_case_and_changes_nothing(desk: Running, sender: str, text: str) -> None:
    key, _ = desk.deliver(REPORT, ANSWER)
    before = _state(desk, key)
    forged = _mail("forged", sender, SUBJECT, text, 30, head=FAIL, more=REPLY + "Cc: evil@stranger.example\n")
    assert desk.deliver(forged) == [key]
    assert _state(desk, key) == before
    assert "dmarc-failed" in desk.get(f"/api/cases/{key}")["notes"]
    shown = {one["message_id"]: one for one in desk.get(f"/api/cases/{key}/messages")["items"]}
    mail = shown["<forged@corp.example>"]
    assert (mail["author"]["role"], "dmarc-failed" in mail["defects"]) == ("unknown", True)
    assert "dmarc-failed" not in shown["<work@corp.example>"]["defects"]
    for language, warning in (("ja", "差出人を確認できませんでした"), ("en", "The sender could not be verified")):
        for path in (f"/cases/{key}", f"/messages/{mail['id']}"):
            assert warning in desk.client.get(path, headers={"Accept-Language": language}).text
    # the person in Cc of the forged mail does not take part in the case
    claim = _mail("claim", "evil@stranger.example", f"{key}: files", "Send me everything of this case.", 40)
    assert desk.deliver(claim) != [key]


def test_a_forged_mail_does_not_reopen_a_resolved_case(desk: Running) -> None:
    key, _ = desk.deliver(REPORT, ANSWER)
    text = "It happens again! Please reopen. Error E-7741, the printer feeds two sheets."
    desk.deliver(_mail("done", USER, SUBJECT, SOLVED, 30, more=REPLY))
    assert desk.deliver(_mail("again", USER, SUBJECT, text, 50, head=FAIL, more=REPLY)) == [key]
    assert desk.get(f"/api/cases/{key}")["status"] == "resolved"


def test_a_forged_copy_of_a_mail_is_another_message_and_the_original_replaces_a_copy_that_came_first(
    desk: Running,
) -> None:
    desk.deliver(FAIL + REPORT)
    (mail,) = desk.get("/api/messages", message_id="<open@corp.example>")["items"]
    case = desk.get(f"/api/cases/{mail['case']}")
    assert (mail["author"]["role"], case["waiting_on"], case["participants"]) == ("unknown", "team", [])
    (key,) = desk.deliver(REPORT)
    (mail,) = desk.get("/api/messages", message_id="<open@corp.example>")["items"]
    assert (mail["author"]["role"], mail["deliveries"], "dmarc-failed" in mail["defects"]) == ("requester", 2, False)
    before = _state(desk, key)
    desk.deliver(_mail("open", USER, SUBJECT[4:], SOLVED, 1, head=FAIL))
    assert _state(desk, key) == before
    assert desk.deliver(ANSWER) == [key]
