"""Questions to a requester, notes, owners, and briefs as mails."""

import email
import email.policy
import getpass
from dataclasses import replace

import pytest

from service.intake import AppContext
from service.settings import Settings
from service.store import keys
from service.store.database import Database
from tests.mails import ASK
from tests.running import Running, now, running

REPORT = """
From: Aiko Tanaka <aiko@corp.example>
To: intake@corp.example
Subject: Outlook
Message-ID: <q1@corp.example>
Date: Tue, 17 Nov 2026 09:10:00 +0900

Outlook cannot send mail since 9:00 today.
"""


@pytest.fixture
def key(embedded: Running) -> str:
    return embedded.deliver(REPORT)[0]


def test_a_draft_shows_the_mail_and_why_it_cannot_be_sent(embedded: Running, key: str) -> None:
    draft = embedded.get(f"/api/cases/{key}/questions/draft", item=["version", "impact_scope"], lang="en")
    assert draft["items"] == ["version", "impact_scope"]
    assert draft["to"] == {"name": "Aiko Tanaka", "address": "aiko@corp.example"}
    assert "1. Which version is it" in draft["text"]
    assert "SODAN_SMARTHOST" in draft["refused"]
    japanese = embedded.get(f"/api/cases/{key}/questions/draft", item=["version"], lang="ja")
    assert "1. バージョンを教えてください" in japanese["text"]
    refused = embedded.client.post(f"/api/cases/{key}/questions", json={"items": ["version"]})
    assert (refused.status_code, "SODAN_SMARTHOST" in refused.json()["detail"]) == (409, True)
    wrong = embedded.client.post(f"/api/cases/{key}/questions", json={"items": ["colour"]})
    assert (wrong.status_code, "colour" in wrong.json()["detail"]) == (404, True)
    assert embedded.get("/api/outbox")["items"] == []


def test_there_is_no_draft_if_nothing_is_missing(embedded: Running, key: str) -> None:
    while (draft := embedded.client.get(f"/api/cases/{key}/questions/draft")).status_code == 200:
        waived = dict.fromkeys(draft.json()["items"], "waived")
        embedded.client.patch(f"/api/cases/{key}", json={"items": waived})
    for answer in (
        embedded.client.get(f"/api/cases/{key}/questions/draft"),
        embedded.client.post(f"/api/cases/{key}/questions", json={}),
    ):
        assert (answer.status_code, "nothing to ask" in answer.json()["detail"]) == (409, True)
    assert embedded.get(f"/api/cases/{key}/questions/draft", item=["version"])["items"] == ["version"]


def test_the_page_says_that_a_draft_is_not_sent_yet(sqlite: Database, context: AppContext, settings: Settings) -> None:
    sends = {"smarthost": "smtp://127.0.0.1:9", "from_": "IT desk <desk@corp.example>"}
    for state, done in (("draft", "drafted"), ("off", "asked")):
        given = settings.model_copy(update={**sends, "acknowledge": state})
        with running(sqlite, context, given) as service:
            (key,) = service.deliver(REPORT.replace("<q1@", f"<{state}@").replace("Outlook", f"Outlook {state}"))
            sent = service.client.post(f"/cases/{key}/ask", data={"items": "version"})
            assert sent.headers["location"] == f"/cases/{key}?done={done}"
            shown = service.client.get(sent.headers["location"], headers={"Accept-Language": "en"}).text
            assert ("is not sent yet" in shown) == (state == "draft")
            assert "SODAN_SMARTHOST" not in service.client.get("/outbox").text


def test_notes_have_a_writer_stay_internal_and_follow_a_merge(embedded: Running, key: str) -> None:
    made = embedded.client.post(f"/api/cases/{key}/notes", json={"text": "Called her at 10:30, 番号は 4411"})
    assert (made.status_code, made.json()["who"]) == (201, getpass.getuser())
    [note] = embedded.get(f"/api/cases/{key}/notes")["items"]
    assert note["text"] == "Called her at 10:30, 番号は 4411"
    [event] = [one for one in embedded.get(f"/api/cases/{key}/history")["items"] if one["kind"] == "case.noted"]
    assert event["data"] == {"note": note["id"]}
    for side in ("vendor", "team"):
        assert "4411" not in embedded.client.get(f"/api/cases/{key}/brief", params={"for": side}).text
    assert embedded.client.post(f"/api/cases/{key}/notes", json={"text": " \n"}).status_code == 422
    (other,) = embedded.deliver(REPORT.replace("<q1@", "<q2@").replace("Outlook", "Badge reader"))
    embedded.client.post(f"/api/cases/{key}/merge", json={"into": other})
    assert embedded.get(f"/api/cases/{other}/notes")["items"] == [note]
    moved = embedded.client.get(f"/api/cases/{key}/notes")
    assert (moved.status_code, moved.headers["location"]) == (308, f"/api/cases/{other}/notes")


def test_a_case_is_assigned_and_found_by_owner(embedded: Running, key: str) -> None:
    embedded.deliver(REPORT.replace("<q1@", "<q3@").replace("Outlook", "Badge reader"))
    taken = embedded.client.patch(f"/api/cases/{key}", json={"owner": "me"}).json()
    assert (taken["owner"], taken["set_by"]["owner"]) == (getpass.getuser(), getpass.getuser())
    assert [one["key"] for one in embedded.get("/api/cases", owner="me")["items"]] == [key]
    assert key not in [one["key"] for one in embedded.get("/api/cases", owner="none")["items"]]
    headers = {"Authorization": f"Bearer {embedded.token('mika', 'write')}"}
    given = embedded.client.patch(f"/api/cases/{key}", json={"owner": "me"}, headers=headers).json()
    assert (given["owner"], given["set_by"]["owner"]) == ("mika", "mika")
    [case] = embedded.client.get("/api/cases", params={"owner": "me"}, headers=headers).json()["items"]
    assert (case["key"], case["owner"]) == (key, "mika")
    assert embedded.client.patch(f"/api/cases/{key}", json={"owner": None}, headers=headers).json()["owner"] is None


def test_a_brief_for_a_vendor_has_the_vendors_case_number_in_the_subject(embedded: Running) -> None:
    (case,) = embedded.deliver(ASK)
    for title, subject in (("Sign-in", "Re: Sign-in 2611170040001177"), ("#2611170040001177", "Re: #2611170040001177")):
        embedded.client.patch(f"/api/cases/{case}", json={"title": title})
        got = embedded.client.get(f"/api/cases/{case}/brief", params={"for": "vendor", "format": "eml"})
        assert email.message_from_bytes(got.content, policy=email.policy.default)["Subject"] == f"{subject} [{case}]"
    got = embedded.client.get(f"/api/cases/{case}/brief", params={"for": "team", "format": "eml"})
    assert "Subject: Re: #2611170040001177 [" in got.text


@pytest.mark.parametrize(("side", "to"), [("requester", "aiko@corp.example"), ("vendor", None)])
def test_a_brief_opens_in_a_mail_program_as_a_draft(embedded: Running, key: str, side: str, to: str | None) -> None:
    got = embedded.client.get(f"/api/cases/{key}/brief", params={"for": side, "format": "eml", "lang": "en"})
    assert got.headers["content-type"] == "message/rfc822"
    mail = email.message_from_bytes(got.content, policy=email.policy.default)
    assert (mail["X-Unsent"], mail["To"], mail["Subject"]) == ("1", to, f"Re: Outlook [{key}]")
    assert mail["Cc"].startswith("intake+")
    secret = embedded.database.transact(lambda conn: keys.key(conn, "case", now()))
    ingest = replace(embedded.context.ingest, secret=secret)  # as in a worker
    embedded.context = replace(embedded.context, ingest=ingest)
    again = REPORT.replace("<q1@", "<q4@").replace("To: intake@corp.example", f"To: {mail['Cc']}")
    assert embedded.deliver(again.replace("Subject: Outlook", "Subject: anything")) == [key]
