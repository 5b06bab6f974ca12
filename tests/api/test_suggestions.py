"""Suggestions: similar cases that are not merged until a person accepts."""

import pytest

from service.cases.placement import matcher
from tests.running import Running

pytestmark = pytest.mark.both_databases

MAIL = """
Message-ID: <door-{hour}@corp.example>
From: Nao Ishii <n.ishii@corp.example>
To: intake@corp.example
Date: Mon, 16 Nov 2026 {hour}:00:00 +0900
Subject: {subject}

{text}
"""
READER = "The badge reader WX-4410 at door three shows E-5521 and rejects every card of the night shift."
GATE = "The gate of the yard does not open for the lorries; its reader WX-4410 shows E-5521, the drivers wait."
THREAD = "\nIn-Reply-To: <door-13@corp.example>\nReferences: <door-10@corp.example>"
FIRST = MAIL.format(hour=10, subject="Badge reader WX-4410 at door three shows E-5521", text=READER)
AGAIN = MAIL.format(hour=13, subject="Gate of the yard, E-5521", text=GATE)
REPLY = MAIL.format(hour=15, subject=f"Re: Gate of the yard, E-5521{THREAD}", text="It is still closed to them.")


@pytest.fixture
def suggested(service: Running) -> tuple[Running, str, str, int]:
    """The service, the keys of two similar cases, and the id of the suggestion."""
    one, other = service.deliver(FIRST, AGAIN)
    [shown] = service.get(f"/api/cases/{one}")["suggestions"]
    return service, one, other, shown["id"]


def test_similar_reports_of_one_user_are_suggested_but_not_merged(suggested: tuple[Running, str, str, int]) -> None:
    service, one, other, number = suggested
    assert one != other
    [shown] = service.get(f"/api/cases/{other}")["suggestions"]
    assert (shown["id"], shown["case"], shown["title"]) == (number, one, service.get(f"/api/cases/{one}")["title"])
    assert matcher.SUGGEST <= shown["score"] < matcher.JOIN
    assert any("wx-4410" in reason for reason in shown["reasons"])
    [message] = service.get("/api/messages", message_id="<door-13@corp.example>")["items"]
    why = service.get(f"/api/messages/{message['id']}/why")
    assert [e["kind"] for e in why["evidence"]] == ["new"]
    assert (why["runners_up"][0]["case"], why["runners_up"][0]["kind"]) == (one, "content")


def test_accepting_merges_the_newer_case_and_can_be_undone(suggested: tuple[Running, str, str, int]) -> None:
    service, one, other, number = suggested
    assert service.client.post(f"/api/cases/{one}/suggestions/{number + 999}/accept").status_code == 404
    done = service.client.post(f"/api/cases/{other}/suggestions/{number}/accept").json()
    assert done["case"] == one
    assert service.client.get(f"/api/cases/{other}").status_code == 308
    case = service.get(f"/api/cases/{one}")
    assert (case["messages"], case["suggestions"]) == (2, [])
    assert service.client.post(f"/api/cases/{one}/suggestions/{number}/accept").status_code == 409
    assert service.client.post(done["undo"]).status_code == 200
    assert service.get(f"/api/cases/{other}")["messages"] == 1


def test_a_dismissed_suggestion_stays_dismissed_after_new_mail(suggested: tuple[Running, str, str, int]) -> None:
    service, one, other, number = suggested
    assert service.client.post(f"/api/cases/{one}/suggestions/{number}/dismiss").status_code == 200
    assert service.get(f"/api/cases/{one}")["suggestions"] == []
    assert service.client.post(f"/api/cases/{one}/suggestions/{number}/dismiss").status_code == 409
    assert service.deliver(REPLY) == [other]
    assert service.get(f"/api/cases/{one}")["messages"] == 1
    assert service.get(f"/api/cases/{other}")["suggestions"] == []
