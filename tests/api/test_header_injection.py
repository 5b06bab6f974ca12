"""CR and LF in a request or a mail never become a response header. Raw sockets, because clients refuse to send them."""

import re
import socket
from urllib.parse import quote

from tests.mails import ASK, REFUND, REPORT
from tests.running import Running

INJECTED = quote("\r\nX-Evil: 1\r\nSet-Cookie: evil=1\r\n\r\n<script>evil</script>", safe="")
ATTACK = """
From: "=?utf-8?q?a=0D=0AX-Evil:_1?=" <evil@corp.example>
To: intake@corp.example
Subject: =?utf-8?q?a=0D=0AX-Evil:_1=0D=0A=0D=0Ab?=
Message-ID: <attack@corp.example>
Content-Type: text/x=?utf-8?q?=0D=0AX-Evil:_1?=

It does not work.
"""


def send(service: Running, method: str, target: str, *lines: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
    """Send a raw request, check each response header, and return status, headers and body."""
    host, port = service.url.removeprefix("http://").split(":")
    own_host = () if any(line.startswith("Host:") for line in lines) else (f"Host: {host}:{port}",)
    head = (f"{method} {target} HTTP/1.1", *own_host, "Connection: close", *lines, f"Content-Length: {len(body)}")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall("\r\n".join((*head, "", body)).encode("latin-1", "replace"))
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    received, _, content = response.partition(b"\r\n\r\n")
    status_line, *header_lines = received.decode("latin-1").split("\r\n")
    assert re.fullmatch(r"HTTP/1\.1 [2-5][0-9]{2} [A-Za-z ]+", status_line), (target, status_line)
    headers = dict(line.lower().split(": ", 1) for line in header_lines)
    assert len(headers) == len(header_lines), (target, header_lines)
    assert all(re.fullmatch(r"[a-z-]+", name) and value.isprintable() for name, value in headers.items()), headers
    assert "x-evil" not in headers, target
    assert "evil=1" not in headers.get("set-cookie", ""), target
    assert "evil.example" not in " ".join(headers.values()), target
    return int(status_line.split()[1]), headers, content


def test_redirects_and_links_contain_no_injected_header(embedded: Running) -> None:
    report, ask, _ = embedded.deliver(REPORT, ASK, REFUND)
    embedded.client.post(f"/api/cases/{report}/merge", json={"into": ask})
    for path in (f"/api/cases/{report}", f"/cases/{report}", f"/api/cases/{report}/messages"):
        status, headers, _ = send(embedded, "GET", path)
        assert (status, headers["location"]) == (308, path.replace(report, ask).lower())
        for query in (INJECTED, "a\r\nX-Evil: 1\r\nX-Rest: b"):
            assert send(embedded, "GET", f"{path}?x={query}")[0] in (200, 308, 400, 422)
        for end in ("%0d%0aX-Evil:%201", "%0a", "%e2%80%a8", "%0d%0a%0d%0a"):
            assert send(embedded, "GET", path.replace(report, report + end))[0] == 404
    found = "%E3%81%BE%E3%81%99%0d%0a%0d%0a%3E%3B%22%2C%3C%20"  # a word that is found, with characters that end a link
    for target in ("/api/cases?limit=1", f"/api/cases?limit=1&q={found}", "/api/spool?limit=1"):
        status, headers, _ = send(embedded, "GET", target)
        assert (status, bool(re.fullmatch(r'<http://[^<>"\s]+>; rel="next"', headers["link"]))) == (200, True), target
    for target in (
        f"/{INJECTED}", f"/static/{INJECTED}", f"/api/vendors/{INJECTED}", f"/api/messages/1{INJECTED}",
        f"/api/cases?sort={INJECTED}", f"/api/cases?updated_since={INJECTED}", f"/api/events?once=1&last={INJECTED}",
        f"/api/cases/{ask}/brief?format=markdown{INJECTED}", f"/language?to=en{INJECTED}&back=/{INJECTED}",
        f"/?q={INJECTED}&lang=en{INJECTED}", f"/cases/{ask}?done={INJECTED}&undo={INJECTED}&key={INJECTED}",
    ):  # fmt: skip
        for method in ("GET", "HEAD", "PUT", "OPTIONS"):
            send(embedded, method, target)


def test_request_headers_are_not_repeated_in_the_response(embedded: Running) -> None:
    (key,) = embedded.deliver(REPORT)
    for value in (INJECTED, "a\r\n X-Evil: 1", 'a, "\rX-Evil: 1"', "a\nX-Evil: 1"):
        for name in ("If-None-Match", "Last-Event-ID", "Accept-Language", "Cookie", "Origin", "Referer", "Accept"):
            for path in (f"/api/cases/{key}", "/"):
                send(embedded, "GET", path, f"{name}: {value}")
    for host in (
        'localhost:1>; rel="next", <http://evil.example/', "localhost:1>;x=<evil.example", "evil.example",
        "localhost@evil.example", "localhost\\@evil.example", "localhost/@evil.example",
        "localhost?.evil.example", "localhost#.evil.example", "localhost:evil.example", "localhost:1 evil.example",
    ):  # fmt: skip
        for target in ("/api/cases?limit=1", "/language?back=/", f"/cases/{key}"):
            send(embedded, "GET", target, f"Host: {host}")


def test_values_of_forms_do_not_become_response_headers(embedded: Running) -> None:
    report, ask = embedded.deliver(REPORT, ASK)
    for target, body in (
        (f"/cases/{report}/set", f"title={INJECTED}&vendor={INJECTED}"),
        (f"/cases/{report}/items/version{INJECTED}", "value=1"),
        (f"/cases/{report}%0d%0a/set", "priority=P1"),
        (f"/cases/{report}/merge", f"into={ask}{INJECTED}"),
        ("/messages/1/move", f"to=new{INJECTED}"),
        ("/login", f"token={INJECTED}"),
    ):
        status, *_ = send(embedded, "POST", target, "Content-Type: application/x-www-form-urlencoded", body=body)
        assert status in (303, 400, 401, 404, 409, 422), (target, status)
    assert embedded.get(f"/api/cases/{report}")["merged"] == []


def test_the_text_of_a_mail_does_not_become_a_response_header_or_an_event(embedded: Running) -> None:
    (key,) = embedded.deliver(ATTACK)
    for path in (f"/api/cases/{key}", f"/cases/{key}", "/api/messages/1/raw", "/api/events?once=true"):
        status, _, content = send(embedded, "GET", path)
        assert status == 200
        assert path.endswith("raw") or not re.search(rb"^x-evil", content, re.IGNORECASE | re.MULTILINE)
