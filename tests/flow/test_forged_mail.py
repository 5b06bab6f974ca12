"""Attacks by mail under another's name: shown where our own mail server says so (DMARC), and moving nothing."""

from collections.abc import Iterator
from typing import Any

import pytest

from service.intake import AppContext
from service.settings import load
from service.store.database import Database
from tests.running import Running, running

PASS = "Authentication-Results: mx.corp.example; dmarc=pass header.from=corp.example\n"
FAIL = "Authentication-Results: mx.corp.example; spf=fail; dmarc=fail header.from=corp.example\n"
MICROSOFT = "Microsoft Support <support@mail.support.microsoft.com>"


def _mail(name: str, sender: str, subject: str, text: str, minute: int, *, head: str = PASS, more: str = "") -> str:
    return (
        f"{head}From: {sender}\nTo: intake@corp.example\n{more}Subject: {subject}\nMessage-ID: <{name}@corp.example>\n"
        f"Date: Tue, 17 Nov 2026 09:{minute:02d}:00 +0900\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


SUBJECT = "Re: Label printer feeds two sheets"
USER, TEAM = "Mei Aoki <mei@corp.example>", "IT <it@corp.example>"
REPORT = _mail("open", USER, SUBJECT[4:], "The label printer feeds two sheets at once. Error E-7741.", 1)
ANSWER = _mail(
    "work", TEAM, SUBJECT, "We are looking into it. Which firmware is installed?", 5,
    more="Cc: mei@corp.example\nIn-Reply-To: <open@corp.example>\n",
)  # fmt: skip
REPLY = "In-Reply-To: <work@corp.example>\nReferences: <open@corp.example> <work@corp.example>\n"
SOLVED = "It works again, the problem is solved. Please close the case. Thank you."


@pytest.fixture
def desk(database: Database, context: AppContext) -> Iterator[Running]:
    settings = load(intake="intake@corp.example", team="it@corp.example", authserv_id="mx.corp.example")
    with running(database, AppContext.of(settings, rules=context.rules), settings) as service:
        yield service


def _opened(desk: Running) -> str:
    key, other = desk.deliver(REPORT, ANSWER)
    assert key == other
    return key


def _stands(desk: Running, key: str) -> dict[str, Any]:
    """The case, but for what counts mails and time."""
    case = desk.get(f"/api/cases/{key}")
    counted = "messages updated_at clocks notes version related not_counted".split()  # a hint to another may come
    return {name: value for name, value in case.items() if name not in counted}


ATTACKS = {
    "the user says it is solved": (USER, SUBJECT, SOLVED),
    "the team says it is solved": (TEAM, SUBJECT, SOLVED),
    "the vendor closes": (MICROSOFT, SUBJECT, "This case has been closed."),
    "the team answers, to somebody new": (TEAM, SUBJECT, "Please send all logs to us."),
    "a fire": (
        USER, SUBJECT, "URGENT! All production lines are down, nobody can work, there is no workaround!!"
    ),
    "another's words": (
        USER, SUBJECT,
        f"See below.\n\n-----Original Message-----\nFrom: {TEAM}\nSent: Tuesday, November 17, 2026 9:20 AM\n"
        f"To: mei@corp.example\nSubject: {SUBJECT}\n\n{SOLVED}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_forged_mail_is_shown_on_the_case_and_moves_nothing(desk: Running, attack: str) -> None:
    key = _opened(desk)
    before = _stands(desk, key)
    sender, subject, text = ATTACKS[attack]
    evil = "Cc: evil@stranger.example\n"
    forged = _mail("forged", sender, subject, text, 30, head=FAIL, more=REPLY + evil)
    assert desk.deliver(forged) == [key]
    assert _stands(desk, key) == before
    case = desk.get(f"/api/cases/{key}")
    assert "dmarc-failed" in case["notes"]
    shown = {one["message_id"]: one for one in desk.get(f"/api/cases/{key}/messages")["items"]}
    mail = shown["<forged@corp.example>"]
    assert (mail["author"]["role"], "dmarc-failed" in mail["defects"]) == ("unknown", True)
    assert "dmarc-failed" not in shown["<work@corp.example>"]["defects"]
    for language, words in (("ja", "差出人を確認できませんでした"), ("en", "The sender could not be verified")):
        for path in (f"/cases/{key}", f"/messages/{mail['id']}"):
            page = desk.client.get(path, headers={"Accept-Language": language}).text
            assert words in page
            assert 'role="note"' in page
    # whoever was let in by it is not let in
    claim = _mail("claim", "evil@stranger.example", f"{key}: files", "Send me everything of this case.", 40)
    assert desk.deliver(claim) != [key]


def test_a_forged_mail_opens_no_settled_case(desk: Running) -> None:
    key = _opened(desk)
    desk.deliver(_mail("done", USER, SUBJECT, SOLVED, 30, more=REPLY))
    text = "It happens again! Please reopen. Error E-7741, the printer feeds two sheets."
    forged = _mail("again", USER, SUBJECT, text, 50, head=FAIL, more=REPLY)
    assert desk.deliver(forged) == [key]
    assert desk.get(f"/api/cases/{key}")["status"] == "resolved"


def test_a_forged_mail_under_the_id_of_a_real_one_is_not_taken_for_it_and_gets_no_answers(desk: Running) -> None:
    key = _opened(desk)
    before = _stands(desk, key)
    desk.deliver(_mail("open", USER, "Label printer feeds two sheets", SOLVED, 1, head=FAIL))
    assert _stands(desk, key) == before
    texts = [one["text"] for one in desk.get(f"/api/cases/{key}/messages")["items"]]
    assert any("E-7741" in text for text in texts)
    answers = "In-Reply-To: <open@corp.example>\n"
    assert desk.deliver(_mail("three", TEAM, SUBJECT, "Is it plugged in?", 20, more=answers)) == [key]


def test_a_case_that_a_forged_mail_opened_is_the_teams_to_look_at_until_the_true_mail_comes(desk: Running) -> None:
    desk.deliver(FAIL + REPORT)
    (mail,) = desk.get("/api/messages", message_id="<open@corp.example>")["items"]
    assert mail["author"]["role"] == "unknown"
    case = desk.get(f"/api/cases/{mail['case']}")
    assert (case["status"], case["waiting_on"], case["participants"]) == ("open", "team", [])
    (key,) = desk.deliver(REPORT)
    (mail,) = desk.get("/api/messages", message_id="<open@corp.example>")["items"]
    assert (mail["author"]["role"], mail["deliveries"], "dmarc-failed" in mail["defects"]) == ("requester", 2, False)
    assert "dmarc-failed" not in desk.get(f"/api/cases/{key}")["notes"]
