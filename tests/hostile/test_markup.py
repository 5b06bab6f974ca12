"""Markup in mail is shown as text: it runs no script, loads nothing, and links to no other site."""

import re
import uuid

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.hostile.bombs import attached, mixed, plain
from tests.hostile.conftest import Besieged
from tests.tables import table_beside

SAID = "The printer prints nothing since 9:00."
MARKUP: dict[str, str] = table_beside(__file__, "markup.yaml")
"""Case → HTML of a mail; ``SAID`` is replaced by the sentence."""

OURS = re.compile(r"(?:/(?!/)|#|\?|$)")


def check_harmless(page: str) -> None:
    """Check that the page runs and loads only its own files, and links only to itself."""
    tree = LexborHTMLParser(page)
    assert [(script.attributes.get("src") or "")[:16] for script in tree.css("script")] == ["/static/page.js?"]
    assert tree.css("img, iframe, object, embed, style, base, meta[http-equiv], svg[onload], math, template") == []
    assert tree.css("input[type=password]") == []
    for element in tree.css("*"):
        for name, value in element.attributes.items():
            assert not name.startswith("on"), (name, value)
            assert name != "style", value
            if name in ("href", "src", "action", "srcset", "data", "formaction", "poster"):
                assert OURS.match(value or ""), (name, value)


@pytest.mark.timeout(600)
def test_markup_of_a_body_is_text_on_every_page(besieged: Besieged) -> None:
    for case, markup in MARKUP.items():
        id = f"markup-{uuid.uuid4().hex[:8]}"
        charset = "utf-7" if case == "utf-7" else "utf-8"
        message = besieged.take(
            id, plain(id, markup.replace("SAID", SAID).encode(), f"Content-Type: text/html; charset={charset}")
        )
        assert SAID in message["text"], case
        for path in (f"/cases/{message['case']}", f"/messages/{message['id']}", "/"):
            answer = besieged.page(path)
            check_harmless(answer.text)
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["img-src"] == policy["style-src"] == "'self'"
            assert policy["form-action"] == "'self'"
        if case not in ("markup as words", "markup twice escaped", "utf-7", "null bytes"):
            assert "RAN" not in message["text"].replace("here", ""), case
    besieged.goes_on()


def test_markup_in_names_is_text_on_every_page(besieged: Besieged) -> None:
    """Markup in the name of the author, in the subject, in the name and content of a file, and in a search."""
    id = f"names-{uuid.uuid4().hex[:8]}"
    evil = "<script>RAN()</script><img src=x onerror=RAN()>'><svg onload=RAN()>{{7*7}}"
    mail = mixed(id, b"Content-Type: text/plain\r\n\r\n" + SAID.encode(), attached(f'filename="../{evil}.html"', b"x"))
    mail = mail.replace(b"Aiko Mori", f'"{evil}"'.encode()).replace(b"Trouble with the printer", evil.encode())
    message = besieged.take(id, mail)
    case, mail_page = f"/cases/{message['case']}", f"/messages/{message['id']}"
    for path in (case, mail_page, "/", "/?q=%3Cscript%3E", "/vendors", "/received"):
        text = besieged.page(path).text
        check_harmless(text)
        assert "<script>RAN" not in text
        assert ">49<" not in text
