"""NUL and lone surrogates, which no database text can hold, are refused with 400 wherever a request carries them."""

import json

import httpx
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
JSON = {"Content-Type": "application/json"}
BODIES = (
    b'{"url": "https://hook.example/\x00"}',
    b'{"url": "https://hook.example/\\u0000"}',
    b'{"url": "https://hook.example/\\ud800"}',
    json.dumps({"items": {"environment": "a\x00"}}).encode(),
    json.dumps({"items": {"a\x00": "waived"}}).encode(),
    json.dumps({"kinds": ["\x00"], "url": "https://hook.example/"}).encode(),
)
TARGETS = (
    ("POST", "/api/webhooks"),
    ("PATCH", "/api/cases/{case}"),
    ("POST", "/api/cases/{case}/merge"),
    ("POST", "/api/messages/1/move"),
)


def is_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.request.url
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.both_databases
def test_nul_in_a_query_is_a_problem_answer(service: Running) -> None:
    for address in QUERIES:
        answer = service.client.get(address, follow_redirects=False)
        is_refused(answer)
        assert "NUL" in answer.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nul_in_a_path_is_a_problem_answer(empty: Running, method: str) -> None:
    for address in PATHS:
        is_refused(empty.client.request(method, address, follow_redirects=False))


@pytest.mark.parametrize(("method", "address"), TARGETS)
def test_nul_in_a_json_body_is_a_problem_answer(embedded: Running, method: str, address: str) -> None:
    (case,) = embedded.deliver(REPORT)
    for body in BODIES:
        is_refused(embedded.client.request(method, address.format(case=case), content=body, headers=JSON))


def test_nul_in_a_form_is_refused(embedded: Running) -> None:
    (case,) = embedded.deliver(REPORT)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for field in (b"value=%00", b"value=a%00b", b"%00=1", b"value=a\x00"):
        answer = embedded.client.post(f"/cases/{case}/items/environment", content=field, headers=kind)
        assert answer.status_code == 400, field


def test_text_that_only_looks_like_nul_passes(service: Running) -> None:
    (case,) = service.deliver(REPORT)
    assert service.client.get("/api/cases", params={"q": "%00 \\u0000 \\x00"}).status_code == 200
    written = service.client.patch(f"/api/cases/{case}", content=b'{"title": "a \\\\u0000 %00 \\ud83d\\ude00"}')
    assert written.status_code in (200, 422)
