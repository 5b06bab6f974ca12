"""HTML as a person reads it."""

import pytest

from service.mail import html

CASES = {
    "white space collapses": ("<p>a\n   b\t c</p>", "a b c"),
    "paragraphs stand apart": ("<p>one</p><p>two</p>", "one\n\ntwo"),
    "divs are lines": ("<div>one</div><div>two</div>", "one\ntwo"),
    "an empty div with a break is an empty line": ("<div>one</div><div><br></div><div>two</div>", "one\n\ntwo"),
    "a break before the end of a block adds nothing": ("<div>one<br></div><div>two</div>", "one\ntwo"),
    "two breaks are an empty line": ("one<br><br>two", "one\n\ntwo"),
    "inline tags vanish": ("<b>Re</b><span>ally</span>", "Really"),
    "entities are characters": ("1 &lt; 2 &amp;&nbsp;3 &#x3042;", "1 < 2 & 3 あ"),
    "quotes keep their depth": (
        "<p>new</p><blockquote><p>old</p><blockquote>older</blockquote></blockquote>",
        "new\n\n> old\n>\n>> older",
    ),
    "a quote that is never closed": ("new<blockquote>old<p>old too", "new\n> old\n>\n> old too"),
    "items are marked": ("<ul><li>one</li><li>two</li></ul>", "* one\n* two"),
    "numbered items are counted": ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
    "items in items are indented": ("<ul><li>a<ul><li>b</li></ul></li></ul>", "* a\n  * b"),
    "cells of a row stand beside each other": (
        "<table><tr><td>CPU</td><td>95%</td></tr><tr><td>RAM</td><td>10%</td></tr></table>",
        "CPU\t95%\nRAM\t10%",
    ),
    "paragraphs in cells do not break the row": (
        "<table><tr><td><p>CPU</p></td><td><p>95%</p></td></tr></table>",
        "CPU\t95%",
    ),
    "a link shows where it leads": (
        '<a href="https://a.example/x">here</a> now',
        "here <https://a.example/x> now",
    ),
    "a link that shows itself is not doubled": ('<a href="https://a.example/">a.example</a>', "a.example"),
    "an address that shows itself is not doubled": ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
    "an address behind a name is shown as in a header": (
        'From: <a href="mailto:a@b.example?subject=x">Ann</a>',
        "From: Ann <a@b.example>",
    ),
    "scripts are no links": ('<a href="javascript:x()">here</a>', "here"),
    "scripts and styles are not read": ("<style>p{}</style>a<script>if (1<2) b()</script>c", "ac"),
    "comments are not read": ("a<!-- <p>no</p> -->b<![endif]>c", "abc"),
    "what is hidden is not read": ('<div style="display:none">no</div><p>yes</p>', "yes"),
    "a mail that hides everything is read all the same": ('<div style="display:none">all</div>', "all"),
    "preformatted text keeps its lines": ("<pre>a\n  b</pre>", "a\n  b"),
    "a rule is a line": ("a<hr>b", "a\n" + "_" * 32 + "\nb"),
    "angles that are no tags stay": ("a < b and c <3", "a < b and c <3"),
    "an angle inside an attribute does not end the tag": ('<img alt="a > b" src=x>text', "text"),
    "a tag never closed swallows only itself": ("text <b", "text"),
    "emoji sent as pictures are characters": ('well done <img alt="🎉" src=x>', "well done 🎉"),
    "zero-width characters vanish": ("zero\u200bwidth&shy;here", "zerowidthhere"),
}


@pytest.mark.parametrize(("markup", "text"), CASES.values(), ids=CASES.keys())
def test_html_is_read(markup: str, text: str) -> None:
    assert html.to_text(markup) == text


def test_the_title_is_found() -> None:
    assert html.title("<html><head><title>\n Weekly &amp; more </title></head>") == "Weekly & more"
    assert html.title("<p>none</p>") == ""
