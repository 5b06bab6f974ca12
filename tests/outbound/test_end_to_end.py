"""One case with Postfix and Chromium: a short report, questions, answers, a notification, and a digest."""

import os
import smtplib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from service.intake import AppContext
from service.outbound.due_mail import DueMail
from service.outbound.setup import notifier_of, outbound_of, sender_of
from service.settings import load
from service.store import keys
from service.store.database import Database
from tests.outbound.postfix import BINARY, Postfix, postfix
from tests.outbound.test_notifications import Target, a_target
from tests.served import Served, free_port
from tests.tables import table_beside
from tests.web.test_browser import CHROMIUM

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        (BINARY is None or CHROMIUM is None or os.geteuid() != 0) and not os.environ.get("CI"),
        reason="needs Postfix, Chromium and root; CI installs Debian's",
    ),
]

STORIES = table_beside(__file__, "stories.yaml")


@pytest.mark.parametrize("language", ["ja", pytest.param("en", marks=pytest.mark.soak)])
def test_a_short_report_leads_to_questions_and_answers_to_notifications(language: str, tmp_path: Path) -> None:
    story, intake = STORIES[language], free_port()
    with a_target() as target, postfix(intake, "aiko", "mika") as post:
        given = {
            "intake": "intake@corp.example",
            "from": "IT desk <it@corp.example>",
            "smarthost": f"smtp://127.0.0.1:{post.port}",
            "acknowledge": "on",
            "notify": target.url,
            "team": "mika@corp.example",
            "trusted_networks": "127.0.0.0/8",
            "hostname": "sodan.corp.example",
            "database_url": f"sqlite:///{tmp_path}/sodan.db",
        }
        served = Served(tmp_path, **given, smtp=str(intake))
        try:
            _story(story, post, served, target)
        finally:
            served.stop()
        _next_morning(story, post, language, given)


def _story(story: dict[str, Any], post: Postfix, served: Served, target: Target) -> None:
    _write(post, "intake@corp.example", story["subject"], story["report"])
    [first] = post.wait_for("aiko", 1)
    text = _text(first)
    assert story["greeting"] in text
    assert story["question"] in text
    assert "SD-1" in text
    _wait(served, lambda case: case["waiting_on"] == "requester")

    # a new mail to the reply address, without References
    _write(post, first["Reply-To"].addresses[0].addr_spec, "answer", story["impact"])
    case = _wait(served, lambda case: case["messages"] == 2)
    assert case["waiting_on"] == "team"
    assert _line(case, "impact_scope")["quote"] in story["impact"]
    assert _line(case, "impact_scope")["state"] == "present"
    served.wait_for(lambda: any("SD-1 is your turn" in title for title in target.titles))

    _ask_on_the_page(story, served)
    second = post.wait_for("aiko", 2)[1]
    assert "3. " in _text(second)
    _wait(served, lambda case: case["waiting_on"] == "requester")
    _write(post, second["Reply-To"].addresses[0].addr_spec, "more", story["answers"])
    case = _wait(served, lambda case: case["messages"] == 3)
    assert case["waiting_on"] == "team"
    for item, words in story["found"].items():
        assert _line(case, item)["state"] == "present"
        assert words in _line(case, item)["quote"]
    assert _line(case, story["open"])["state"] != "present"
    assert served.get("/api/cases").json()["items"][1:] == []


def _ask_on_the_page(story: dict[str, Any], served: Served) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(locale=story["locale"], base_url=f"http://127.0.0.1:{served.http}").new_page()
        page.goto("/cases/SD-1")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        for box in page.locator("input[name=item]").all():
            box.set_checked(box.get_attribute("value") in story["asks"])
        page.get_by_role("button", name=story["buttons"][0]).click()
        page.get_by_role("button", name=story["buttons"][1], exact=True).click()
        page.wait_for_url("**/cases/SD-1?done=asked")
        page.goto("/outbox")
        assert page.locator("tbody tr").count() >= 2
        browser.close()


def _next_morning(story: dict[str, Any], post: Postfix, language: str, given: dict[str, str]) -> None:
    """Send the digest of the next morning."""
    morning = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0)  # 09:00 in Tokyo
    chosen = {("from_" if name == "from" else name): value for name, value in given.items() if name != "notify"}
    settings = load(**chosen, digest="08:30", digest_language=language)
    database = Database(settings.database_url)
    secret = database.transact(lambda conn: keys.key(conn, "case", morning))
    context = AppContext.of(settings, key=secret)
    DueMail(database, context, outbound_of(settings, secret), notifier_of(settings)).write(morning)
    sender = sender_of(settings, database, context, lambda: morning)
    while sender.step():
        pass
    database.close()
    [digest] = post.wait_for("mika", 1)
    assert f"SD-1 {story['subject']}" in _text(digest)


def _write(post: Postfix, to: str, subject: str, text: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Aiko Tanaka <aiko@corp.example>", to, subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="corp.example")
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", post.port, timeout=30) as client:
        client.send_message(mail)


def _wait(served: Served, condition: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def there() -> bool:
        answer = served.get("/api/cases/SD-1")
        found.clear()
        found.update(answer.json() if answer.status_code == 200 else {})
        return bool(found) and bool(condition(found))

    served.wait_for(there)
    return found


def _line(case: dict[str, Any], item: str) -> dict[str, Any]:
    return next(line for line in case["checklist"] if line["item"] == item)


def _text(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())
