"""Tokens, scopes, rate limits, signing in, and protection against requests of other sites."""

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
import structlog
from fastapi.routing import APIRoute
from selectolax.lexbor import LexborHTMLParser

from service.api.serving import must_be_safe
from service.errors import Refused
from service.intake import AppContext
from service.settings import Listen, Settings
from service.store import tokens
from service.store.database import Database
from service.web.pages import ROUTERS
from tests.mails import REPORT
from tests.running import Running, now, running, with_settings
from tests.served import wait_until


@pytest.fixture
def guarded(database: Database, context: AppContext, settings: Settings) -> Iterator[Running]:
    """A service that listens on a network: every request needs a token."""
    with running(database, context, settings, loopback=False) as up:
        yield up


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_without_a_token_only_health_checks_are_answered(guarded: Running) -> None:
    for path in ("/api/cases", "/api/cases/SD-1", "/api/events", "/metrics", "/openapi.json", "/docs", "/api/spool"):
        answer = guarded.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert [guarded.client.get(path).status_code for path in ("/healthz", "/readyz")] == [200, 200]


def test_a_request_needs_a_token_with_the_right_scope(guarded: Running) -> None:
    (key,) = guarded.deliver_with(guarded.token("setup", "admin"), REPORT)
    read, write, admin = (bearer(guarded.token(scope, scope)) for scope in tokens.SCOPES)
    assert guarded.client.get(f"/api/cases/{key}", headers=read).status_code == 200
    assert guarded.client.patch(f"/api/cases/{key}", headers=read, json={"priority": "P3"}).status_code == 403
    changed = guarded.client.patch(f"/api/cases/{key}", headers=write, json={"priority": "P3"})
    assert changed.json()["priority_detail"]["set_by"] == "write"
    assert guarded.client.get("/api/webhooks", headers=write).status_code == 403
    assert guarded.client.get("/api/webhooks", headers=admin).status_code == 200


def test_a_revoked_or_expired_token_is_refused_at_once(guarded: Running) -> None:
    secret = guarded.token("short", "read")
    assert guarded.client.get("/api/cases", headers=bearer(secret)).status_code == 200
    rows = guarded.database.read(lambda conn: conn.exec_driver_sql("SELECT * FROM tokens").all())
    assert secret.removeprefix(tokens.PREFIX) not in str(rows), "only hashes are stored"
    guarded.database.transact(lambda conn: tokens.revoke(conn, 1, now()))
    assert guarded.client.get("/api/cases", headers=bearer(secret)).status_code == 401
    _, old = guarded.database.transact(
        lambda conn: tokens.create(conn, "old", "read", now(), now() - timedelta(days=1))
    )
    assert guarded.client.get("/api/cases", headers=bearer(old)).status_code == 401


def test_a_wrong_token_is_refused_on_loopback_too(embedded: Running) -> None:
    for secret in ("x", "sodan_", "sodan_" + "A" * 43, "é", "a" * 7000, "' OR 1=1 --", "\x7f"):
        headers = {b"Authorization": b"Bearer " + secret.encode("latin-1")}
        assert embedded.client.get("/api/cases", headers=headers).status_code == 401, secret


def test_too_many_requests_with_one_token_get_429_with_retry_after(
    database: Database, context: AppContext, settings: Settings
) -> None:
    with running(database, context, with_settings(settings, http_rate=20), loopback=False) as up:
        headers = bearer(up.token("busy", "read"))
        first, *_, last = [up.client.get("/api/cases", headers=headers) for _ in range(12)]
        assert (first.status_code, last.status_code) == (200, 429)
        assert int(last.headers["retry-after"]) >= 1
        other = bearer(up.token("calm", "read"))
        assert up.client.get("/api/cases", headers=other).status_code == 200


def test_a_server_for_the_network_does_not_start_without_a_token(database: Database) -> None:
    must_be_safe(Listen("127.0.0.1", 8080), database, now())
    with pytest.raises(Refused, match="SODAN_HTTP_LISTEN"):
        must_be_safe(Listen("0.0.0.0", 8080), database, now())
    database.transact(lambda conn: tokens.create(conn, "x", "read", now()))
    must_be_safe(Listen("0.0.0.0", 8080), database, now())


def changing_requests(service: Running) -> Iterator[tuple[str, str]]:
    """Yield method and path of every request that can change something: forms of pages, and calls of the API."""
    forms = (
        (route.path, route.methods) for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
    )
    calls = service.get("/openapi.json")["paths"].items()
    for path, methods in (*forms, *calls):
        for method in {name.upper() for name in methods} - {"GET"}:
            yield method, re.sub(r"\{\w+\}", "1", path)


def test_a_change_that_another_site_caused_is_refused(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    requests = sorted(changing_requests(embedded))
    assert len(requests) > 25
    requests += [("POST", f"/cases/{key}/set"), ("PATCH", f"/api/cases/{key}")]
    secret = embedded.token("person", "admin")
    for signed_in in ({}, {"Cookie": f"sodan_token={secret}"}):
        for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
                       {"Sec-Fetch-Site": "same-site"}):  # fmt: skip
            for method, path in requests:
                answer = embedded.client.request(method, path, data={"priority": "P4"}, headers=signed_in | origin)
                assert (answer.status_code, "another site" in answer.text) == (403, True), (method, path, origin)
    own = signed_in | {"Origin": embedded.url, "Sec-Fetch-Site": "same-origin"}
    assert embedded.client.get(f"/api/cases/{key}", headers=own).json()["priority_detail"]["set_by"] == "rules"
    assert embedded.client.post(f"/cases/{key}/set", data={"priority": "P4"}, headers=own).status_code == 303


def test_an_unknown_path_returns_a_page_to_browsers_and_a_problem_to_programs(empty: Running) -> None:
    html = {"Accept": "text/html,*/*;q=0.8"}
    texts = {"ja": "このアドレスには何もありません。", "en": "there is nothing at this address"}
    for method, path, status in (("GET", "/nothing", 404), ("GET", "/messages/x", 404), ("GET", "/selected", 405)):
        for language, text in texts.items():
            page = empty.client.request(method, path, headers=html | {"Accept-Language": language})
            assert (page.status_code, page.headers["content-type"]) == (status, "text/html; charset=utf-8")
            assert text in page.text
            assert LexborHTMLParser(page.text).css('main a[href="/"]')
    assert page.headers["allow"] == "POST"
    for path, accepted in (("/nothing", "*/*"), ("/api/nothing", html["Accept"]), ("/api", html["Accept"])):
        answer = empty.client.get(path, headers={"Accept": accepted})
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


@pytest.fixture
def browser(guarded: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=guarded.url, headers={"Accept": "text/html"}) as opened:
        yield opened


def test_a_person_signs_in_with_a_token_and_signs_out(guarded: Running, browser: httpx.Client) -> None:
    redirect = browser.get("/")
    assert (redirect.status_code, redirect.headers["location"]) == (303, "/login")
    assert browser.post("/login", data={"token": "wrong"}).status_code == 401
    signed_in = browser.post("/login", data={"token": guarded.token("person", "write")})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
    cookie = signed_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie  # a person who follows a link in a mail stays signed in
    assert browser.get("/").status_code == 200
    assert browser.post("/logout").status_code == 303
    assert browser.get("/").status_code == 303
    signed_out = browser.post("/logout", headers={"Cookie": "sodan_token=expired"})
    assert (signed_out.status_code, signed_out.headers["location"]) == (303, "/login")
    assert 'sodan_token=""' in signed_out.headers["set-cookie"]


def test_signing_in_returns_to_the_requested_page(guarded: Running, browser: httpx.Client) -> None:
    secret = guarded.token("person", "write")
    form = browser.get("/received?state=waiting", follow_redirects=True)
    assert 'name="back" value="/received?state=waiting"' in form.text
    signed_in = browser.post("/login", data={"token": secret, "back": "/received?state=waiting"})
    assert signed_in.headers["location"] == "/received?state=waiting"
    for elsewhere in ("//evil.example", "/\\evil.example", "https://evil.example", "\r\nX: y", "evil"):
        assert browser.post("/login", data={"token": secret, "back": elsewhere}).headers["location"] == "/"
        chosen = browser.get("/language", params={"to": "en", "back": elsewhere})
        assert (chosen.headers["location"], "x" in chosen.headers) == ("/", False)


def test_the_sign_in_page_has_a_language_choice_and_reports_a_lost_form(browser: httpx.Client) -> None:
    assert browser.get("/language", params={"to": "en", "back": "/login"}).headers["location"] == "/login"
    assert "Sign in with a token" in browser.get("/login").text
    form = browser.get("/received?state=waiting", follow_redirects=True).text
    assert 'name="back" value="/received?state=waiting"' in in_other_language(browser, form)
    lost = browser.post("/cases/SD-1/notes", data={"text": "called them"}, follow_redirects=True)
    assert (lost.status_code, lost.url.path) == (200, "/login")
    assert "what you sent was not saved" in in_other_language(browser, lost.text)


def in_other_language(browser: httpx.Client, page: str) -> str:
    [link] = LexborHTMLParser(page).css("a.lang")
    return browser.get(link.attributes["href"] or "", follow_redirects=True).text


def test_every_response_has_the_security_headers(empty: Running) -> None:
    for path in ("/", "/api/cases", "/nothing", "/healthz", "/static/page.css", "/api/cases?limit=0"):
        headers = empty.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]


def test_a_body_that_is_not_json_or_not_declared_as_json_is_a_problem(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    # the second is what curl -d sends
    for kind, body, text in (("json", b"{", "JSON"), ("x-www-form-urlencoded", b"{}", "application/json")):
        headers = {"Content-Type": f"application/{kind}"}
        answer = embedded.client.patch(f"/api/cases/{key}", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert text in answer.json()["errors"][0]["why"]


def test_head_returns_the_headers_of_get_without_a_body(embedded: Running) -> None:
    for path in ("/healthz", "/api/cases", "/", "/api/cases/SD-9"):
        head, get = embedded.client.head(path), embedded.client.get(path)
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert head.headers["content-type"] == get.headers["content-type"]


def test_a_url_with_unencoded_japanese_gets_a_hint_to_encode_it(embedded: Running) -> None:
    """`curl …?q=返金` sends such a URL."""
    host, port = embedded.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("GET /api/cases?q=返金 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert "percent-encode" in json.loads(body)["detail"]


def test_the_log_contains_routes_but_no_values_of_requests(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    with structlog.testing.capture_logs() as lines:
        paths = ("/api/cases?q=hunter2", "/api/messages?message_id=hunter2", "/hunter2", "/?q=hunter2")
        for path in (f"/api/cases/{key}", *paths):
            embedded.client.get(path, headers={"User-Agent": "hunter2", "Accept-Language": "hunter2"})
        embedded.client.get("/api/cases", headers=bearer("sodan_hunter2"))
        wait_until(lambda: [line["event"] for line in lines].count("answered") >= 6)
    answered = [line for line in lines if line["event"] == "answered"]
    routes = Counter(
        line["route"] for line in answered
    )  # in any order, because a line is logged after its response was sent
    assert (routes["/api/cases/{key}"], routes["/api/cases"]) == (1, 1)
    assert routes["/api/messages"] in (1, 2)  # `deliver` may have caused the second
    assert "hunter2" not in str(lines)
    assert key not in str(lines)
