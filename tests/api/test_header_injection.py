"""CR and LF in everything a caller or a mail can say, read back byte by byte: no header is anybody's but ours.

Spoken by raw socket, since clients refuse to send most of it.
"""

import json
import re
import socket
from urllib.parse import quote

import pytest

from tests.mails import ASK, REFUND, REPORT
from tests.running import Running

EVIL = "\r\nX-Evil: 1\r\nSet-Cookie: evil=1\r\n\r\n<script>evil</script>"
CODED = quote(EVIL, safe="")
ATTACK = """
From: "=?utf-8?q?a=0D=0AX-Evil:_1?=" <evil@corp.example>
To: intake@corp.example
Subject: =?utf-8?q?a=0D=0AX-Evil:_1=0D=0A=0D=0Ab?=
Message-ID: <attack@corp.example>
Content-Type: text/x=?utf-8?q?=0D=0AX-Evil:_1?=

It does not work.
"""


class Wire:
    """What goes over the line to a service and comes back, as bytes."""

    def __init__(self, service: Running) -> None:
        host, port = service.url.removeprefix("http://").split(":")
        self.address, self.host = (host, int(port)), f"{host}:{port}"

    def says(self, method: str, target: str, *lines: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
        """Status, headers and the rest of an answer, each header looked at; ``lines`` are sent as they are."""
        host = () if any(line.lower().startswith("host:") for line in lines) else (f"Host: {self.host}",)
        sent = body.encode()
        length = (f"Content-Length: {len(sent)}",) if body else ()
        head = "\r\n".join((f"{method} {target} HTTP/1.1", *host, "Connection: close", *lines, *length, "", ""))
        with socket.create_connection(self.address, timeout=30) as link:
            link.sendall(head.encode("latin-1", "replace") + sent)
            heard = b"".join(iter(lambda: link.recv(65536), b""))
        said, _, rest = heard.partition(b"\r\n\r\n")
        first, *written = said.decode("latin-1").split("\r\n")
        assert re.fullmatch(r"HTTP/1\.1 [2-5][0-9]{2} [A-Za-z ]+", first), (target, first)
        headers: dict[str, str] = {}
        for line in written:
            name, colon, value = line.partition(": ")
            assert colon, (target, line)
            assert re.fullmatch(r"[A-Za-z-]+", name), (target, line)
            assert value.isprintable(), (target, line)
            assert name.lower() not in headers, (target, line)
            headers[name.lower()] = value
        assert "x-evil" not in headers, target
        assert "evil=1" not in headers.get("set-cookie", ""), target
        assert "evil.example" not in " ".join(headers.values()), target
        return int(first.split()[1]), headers, rest


@pytest.fixture
def wire(embedded: Running) -> Wire:
    return Wire(embedded)


def test_nothing_in_an_address_becomes_a_header(embedded: Running, wire: Wire) -> None:
    report, ask, _ = embedded.deliver(REPORT, ASK, REFUND)
    merged = embedded.client.post(f"/api/cases/{report}/merge", json={"into": ask}).json()
    # Location of a merged case: by its own name, by names that are nearly that, and with a query
    for path in (f"/api/cases/{report}", f"/cases/{report}", f"/api/cases/{report}/messages"):
        status, headers, _ = wire.says("GET", f"{path}?x={CODED}")
        if path.startswith("/api"):  # it has no such parameter
            assert (status, "location" in headers) == (422, False)
            status, headers, _ = wire.says("GET", path)
        assert (status, headers["location"]) == (308, path.replace(report, ask))
        assert wire.says("GET", f"{path}?x=a\r\nX-Evil: 1\r\nX-Rest: b")[0] in (200, 308, 400, 422)
        for end in ("%0d%0aX-Evil:%201", "%0a", "%e2%80%a8", "%0d%0a%0d%0a"):
            assert wire.says("GET", path.replace(report, report + end))[0] == 404
    # Link: the whole address of the next page, with the words that were looked for and what else was said
    found = "%E3%81%BE%E3%81%99%0d%0a%0d%0a%3E%3B%22%2C%3C%20"  # words that are found, with what could end a link
    pages = ("/api/cases?limit=1", f"/api/cases?limit=1&q={found}", f"/api/cases/{ask}/messages?limit=1")
    for target in (*pages, "/api/spool?limit=1"):
        status, headers, _ = wire.says("GET", target)
        assert (status, bool(re.fullmatch(r'<http://[^<>"\s]+>; rel="next"', headers["link"]))) == (200, True), target
    for words in (f"q={CODED}", f"status=open&q={CODED}&vendor_ref={CODED}", 'q=a>;rel="next",<http:'):
        assert wire.says("GET", f"/api/cases?limit=1&{words}")[0] == 200
    # and everything else with a name or a value in it
    for target in (
        f"/{CODED}", f"/api/{CODED}", f"/static/{CODED}", f"/api/vendors/{CODED}", f"/api/attachments/{CODED}",
        f"/api/messages?message_id={CODED}", f"/api/messages/1{CODED}", f"/api/spool/{CODED}",
        f"/api/webhooks/1{CODED}",
        f"/api/cases?sort={CODED}", f"/api/cases?cursor={CODED}", f"/api/cases?updated_since={CODED}",
        f"/api/cases/{ask}/brief?for=vendor&lang=ja{CODED}", f"/api/cases/{ask}/brief?format=markdown{CODED}",
        f"/api/events?once=1&last={CODED}", f"/language?to=en{CODED}&back=/{CODED}", f"/language?back={CODED}",
        f"/?q={CODED}&lang=en{CODED}", f"/cases/{ask}?done={CODED}&undo={CODED}&key={CODED}", f"/?cursor={CODED}",
    ):  # fmt: skip
        for method in ("GET", "HEAD", "PUT", "OPTIONS"):
            wire.says(method, target)
    assert wire.says("POST", merged["undo"] + CODED)[0] in (404, 422)


def test_nothing_in_a_header_comes_back_as_one(embedded: Running, wire: Wire) -> None:
    (key,) = embedded.deliver(REPORT)
    for value in (CODED, "a\r\n X-Evil: 1", 'a, "\rX-Evil: 1"', "a\nX-Evil: 1"):
        for name in ("If-None-Match", "Last-Event-ID", "Accept-Language", "Cookie", "Origin", "Referer", "Accept"):
            for path in (f"/api/cases/{key}", "/"):
                wire.says("GET", path, f"{name}: {value}")
    for host in (
        f'{wire.host}>; rel="next", <http://evil.example/', "localhost:1>;x=<evil.example", "evil.example",
        "localhost@evil.example", "localhost\\@evil.example", "localhost/@evil.example",
        "localhost?.evil.example", "localhost#.evil.example", "localhost:evil.example", "localhost:1 evil.example",
    ):  # fmt: skip
        for target in ("/api/spool?limit=1", "/api/cases?limit=1", "/language?back=/", f"/cases/{key}"):
            wire.says("GET", target, f"Host: {host}")


def test_nothing_in_a_form_becomes_a_header(embedded: Running, wire: Wire) -> None:
    report, ask = embedded.deliver(REPORT, ASK)
    (message,) = embedded.get("/api/messages", message_id="<report@corp.example>")["items"]
    form = "Content-Type: application/x-www-form-urlencoded"
    for target, body in (
        (f"/cases/{report}/set", f"title={CODED}&vendor={CODED}&priority={CODED}"),
        (f"/cases/{report}/set", f"title={CODED}&was_title="),
        (f"/cases/{report}/items/version", f"value={CODED}"),
        (f"/cases/{report}/items/version{CODED}", "value=1"),
        (f"/cases/{report}%0d%0a/set", "priority=P1"),
        (f"/cases/{report}/merge", f"into={ask}{CODED}"),
        (f"/messages/{message['id']}/move", f"to={ask}{CODED}"),
        (f"/messages/{message['id']}/move", f"to=new{CODED}"),
        (f"/corrections/1{CODED}/undo", "x=1"),
        (f"/received/{CODED}/retry", "x=1"),
        ("/login", f"token={CODED}"),
    ):
        status, _, _ = wire.says("POST", target, form, body=body)
        assert status in (303, 400, 401, 404, 409, 422), (target, status)
    assert embedded.get(f"/api/cases/{report}")["merged"] == []
    for target, value in (
        (f"/api/cases/{report}/merge", {"into": ask + EVIL[:11]}),
        (f"/api/messages/{message['id']}/move", {"to": ask + EVIL[:11]}),
        ("/api/webhooks", {"url": f"https://hooks.example/{EVIL}"}),
        ("/api/webhooks", {"url": "https://hooks.example/", "kinds": [EVIL]}),
    ):
        status, _, _ = wire.says("POST", target, "Content-Type: application/json", body=json.dumps(value))
        assert status in (404, 422), target


def test_what_a_mail_says_is_no_header_of_a_page_or_an_event(embedded: Running, wire: Wire) -> None:
    """The names of files are looked at in tests/hostile/test_files.py."""
    (key,) = embedded.deliver(ATTACK)
    for path in (f"/api/cases/{key}", f"/cases/{key}", "/api/messages/1/raw", "/api/events?once=true"):
        status, _, told = wire.says("GET", path)
        assert status == 200
        assert path.endswith("raw") or not re.search(rb"^x-evil", told, re.IGNORECASE | re.MULTILINE)


def test_when_to_come_back_is_a_number_whatever_the_token_says(wire: Wire) -> None:
    for _ in range(12):
        status, headers, _ = wire.says("GET", "/api/cases", f"Authorization: Bearer {CODED}")
    assert (status, headers["retry-after"].isdigit()) == (429, True)
