"""NUL and lone surrogates, which no database text can hold, are refused with 400 wherever a request carries them."""

from __future__ import annotations

import json

import pytest

from tests.mails import REPORT
from tests.running import Running

FILTERS = ("q", "vendor", "missing", "status", "waiting_on", "priority", "kind", "sort", "cursor", "ref", "participant")
QUERIES = (
    *(f"/api/cases?{name}=a%00b" for name in FILTERS),
    "/api/cases?q=%00",
    "/api/cases?%00=1",
    "/api/cases?updated_since=2026-01-01%00",
    "/api/messages?message_id=%3Ca%00b@corp.example%3E",
    "/api/spool?state=%00",
    "/api/spool?cursor=%00",
    "/api/events?once=1&last=%00",
    "/?q=a%00b",
    "/?vendor=a%00b",
    "/?missing=%00",
    "/?lang=%00",
)
PATHS = (
    "/api/cases/SD-1%00",
    "/api/cases/%00",
    "/api/messages/1%00",
    "/api/attachments/%00",
    "/api/vendors/a%00b",
    "/api/spool/%00",
    "/api/spool/a%00b/raw",
    "/cases/%00",
    "/received/%00",
    "/static/%00",
)
BODIES = {
    "raw": b'{"url": "https://hook.example/\x00"}',
    "escaped": b'{"url": "https://hook.example/\\u0000"}',
    "surrogate": b'{"url": "https://hook.example/\\ud800"}',
    "nested": json.dumps({"items": {"environment": "a\x00"}}).encode(),
    "key": json.dumps({"items": {"a\x00": "waived"}}).encode(),
    "list": json.dumps({"kinds": ["\x00"], "url": "https://hook.example/"}).encode(),
}
TARGETS = (
    ("POST", "/api/webhooks"),
    ("PATCH", "/api/cases/{case}"),
    ("POST", "/api/cases/{case}/merge"),
    ("POST", "/api/messages/1/move"),
)


@pytest.mark.both_databases
@pytest.mark.parametrize("address", QUERIES)
def test_nul_in_a_query_is_a_problem_answer(service: Running, address: str) -> None:
    answer = service.client.get(address, follow_redirects=False)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "NUL" in answer.json()["detail"]


@pytest.mark.parametrize("address", PATHS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nul_in_a_path_is_a_problem_answer(embedded: Running, method: str, address: str) -> None:
    answer = embedded.client.request(method, address, follow_redirects=False)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("method", "address"), TARGETS)
def test_nul_in_a_json_body_is_a_problem_answer(embedded: Running, method: str, address: str, body: str) -> None:
    (case,) = embedded.deliver(REPORT)
    answer = embedded.client.request(
        method, address.format(case=case), content=BODIES[body], headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


@pytest.mark.parametrize("field", ["value=%00", "value=a%00b", "%00=1", "value=a\x00"])
def test_nul_in_a_form_is_refused(embedded: Running, field: str) -> None:
    (case,) = embedded.deliver(REPORT)
    answer = embedded.client.post(
        f"/cases/{case}/items/environment",
        content=field.encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 400


def test_text_that_only_looks_like_nul_passes(service: Running) -> None:
    (case,) = service.deliver(REPORT)
    assert service.client.get("/api/cases", params={"q": "%00 \\u0000 \\x00"}).status_code == 200
    written = service.client.patch(f"/api/cases/{case}", content=b'{"title": "a \\\\u0000 %00 \\ud83d\\ude00"}')
    assert written.status_code in (200, 422)
