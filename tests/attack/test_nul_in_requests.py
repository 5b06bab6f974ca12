"""Requests with NUL or lone surrogates, which no database can store as text, get 400."""

import json

import httpx
import pytest

from tests.mails import REPORT
from tests.running import Running
from tests.tables import table_beside

ADDRESSES: dict[str, list[str]] = table_beside(__file__, "nul.yaml")
JSON = {"Content-Type": "application/json"}
BODIES = (
    b'{"url": "https://hook.example/\x00"}',
    b'{"url": "https://hook.example/\\u0000"}',
    b'{"url": "https://hook.example/\\ud800"}',
    json.dumps({"items": {"environment": "a\x00"}}).encode(),
    json.dumps({"items": {"a\x00": "waived"}}).encode(),
    json.dumps({"kinds": ["\x00"], "url": "https://hook.example/"}).encode(),
)


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.request.url
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.both_databases
def test_nul_in_a_query_is_refused(service: Running) -> None:
    for address in ADDRESSES["queries"]:
        answer = service.client.get(address, follow_redirects=False)
        assert_refused(answer)
        assert "NUL" in answer.json()["detail"]


def test_nul_in_a_path_is_refused(empty: Running) -> None:
    for address in ADDRESSES["paths"]:
        for method in ("GET", "POST"):
            assert_refused(empty.client.request(method, address, follow_redirects=False))


def test_nul_in_a_json_body_or_a_form_assert_refused(embedded: Running) -> None:
    (case,) = embedded.deliver(REPORT)
    posts = ("/api/webhooks", f"/api/cases/{case}/merge", "/api/messages/1/move")
    for body in BODIES:
        for address in posts:
            assert_refused(embedded.client.post(address, content=body, headers=JSON))
        assert_refused(embedded.client.patch(f"/api/cases/{case}", content=body, headers=JSON))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for field in (b"value=%00", b"value=a%00b", b"%00=1", b"value=a\x00"):
        answer = embedded.client.post(f"/cases/{case}/items/environment", content=field, headers=kind)
        assert answer.status_code == 400, field


def test_text_that_only_looks_like_nul_is_accepted(service: Running) -> None:
    (case,) = service.deliver(REPORT)
    assert service.client.get("/api/cases", params={"q": "%00 \\u0000 \\x00"}).status_code == 200
    written = service.client.patch(f"/api/cases/{case}", content=b'{"title": "a \\\\u0000 %00 \\ud83d\\ude00"}')
    assert written.status_code in (200, 422)
