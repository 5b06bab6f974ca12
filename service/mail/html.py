"""Converts HTML to readable text and keeps the quote structure.

A scanner without a tree: one pass over the tags with a small stack. Memory and time are linear in the input, also for
two hundred thousand nested tags, thirty thousand attributes, or unclosed quotes. ``blockquote`` becomes ``> `` lines,
as in plain-text mail; ``hr`` becomes the line of underscores that Outlook writes.
"""

from __future__ import annotations

import re
from html import unescape

from service.mail.page import Page

MAX_CHARS = 4_000_000
MAX_TAGS = 200_000
MAX_NEST = 200
MAX_SKIPS = 20_000
"""Maximum number of tags examined, over the whole document, to find the ends of hidden elements."""
RULE = "_" * 32
"""Text for ``<hr>``: the line that Outlook writes above a quoted header block."""

_TAG = re.compile(r"/?[A-Za-z][A-Za-z0-9:_-]*")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_MAY_HIDE = re.compile("none|hid|NONE|HID")
_PRE = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)
_CITE = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)

_BLOCK = frozenset(
    """div section article header footer main nav aside address center form fieldset table thead tbody tfoot caption
    dl dt dd ul ol figure figcaption body html tr""".split()
)
_PARAGRAPH = frozenset("p h1 h2 h3 h4 h5 h6".split())
_RAW = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "title", "xml", "template")}
_NEVER_HIDDEN = frozenset("body br hr img input meta link col area base wbr".split())
"""Void elements have no content to hide; a hidden body is ignored, because then the whole mail would be hidden."""


def to_text(html: str) -> str:
    """Return the visible text of ``html``."""
    scan = _Scan(html, hide=True)
    text = scan.run()
    if not text and scan.hid:
        # everything was in hidden elements: show it, because hiding all was not intended
        text = _Scan(html, hide=False).run()
    return text


_TITLE = re.compile(r"<title\b[^>]{0,200}>([^<]{1,300})</title", re.IGNORECASE)


def title(html: str) -> str:
    """Return the title of the document with white space collapsed; empty if there is none."""
    match = _TITLE.search(html[:20_000])
    return " ".join(unescape(match[1]).split()) if match else ""


class _Scan(Page):
    def __init__(self, html: str, *, hide: bool) -> None:
        self.html = html[:MAX_CHARS]
        self.hide = hide
        self.hid = False
        """Whether something was left out because it is hidden."""
        super().__init__()
        self.stack: list[tuple[str, str]] = []
        self.lists: list[int] = []
        self.link: tuple[str, int, int] | None = None
        self.skips = MAX_SKIPS
        self.unclosed: set[str] = set()

    def run(self) -> str:
        html, position, size = self.html, 0, len(self.html)
        find = html.find
        no_quote = {'"': False, "'": False}
        for _ in range(MAX_TAGS):
            at = find("<", position)
            if at < 0:
                break
            if at > position:
                self.text(html[position:at])
            match = _TAG.match(html, at + 1)
            if match is None:
                position = self._markup(at)
                if position == at + 1:
                    self.text("<")
                continue
            end = find(">", match.end())
            if end < 0:
                position = size
                break
            body = html[match.end() : end]
            for quote in ('"', "'") if body else ():
                if quote in body and body.count(quote) % 2 and not no_quote[quote] and ("=" + quote) in body:
                    closing = find(quote, end)
                    if closing < 0:
                        no_quote[quote] = True
                        continue
                    further = find(">", closing)
                    if further >= 0 and further - end < 100_000:
                        end = further
                        body = html[match.end() : end]
                    break
            name = match.group().lower()
            position = end + 1
            if name[0] == "/":
                self._end(name[1:])
            elif name in _RAW:
                closing_tag = None if name in self.unclosed else _RAW[name].search(html, position)
                if closing_tag is None:
                    self.unclosed.add(name)
                else:
                    after = find(">", closing_tag.end())
                    position = after + 1 if after >= 0 else size
            elif body and self.hide and name not in _NEVER_HIDDEN and _MAY_HIDE.search(body) and _HIDDEN.search(body):
                self.hid = True
                position = self._skip(name, position)
            else:
                self._start(name, body)
        else:
            return self.finish()
        if position < size:
            self.text(html[position:])
        return self.finish()

    def _markup(self, at: int) -> int:
        """Skip a comment, declaration or processing instruction. Return the position after it."""
        html = self.html
        if html.startswith("<!--", at):
            if html.startswith("<!-->", at):
                return at + 5
            end = html.find("-->", at + 4)
            if end >= 0:
                return end + 3
            end = html.find(">", at)
            return end + 1 if end >= 0 else len(html)
        if html[at + 1 : at + 2] in ("!", "?", "/"):
            end = html.find(">", at)
            return end + 1 if end >= 0 else len(html)
        return at + 1

    def _skip(self, name: str, position: int) -> int:
        """Return the position after a hidden element; if it is never closed, the position after its start tag."""
        pattern = re.compile(rf"<(/?){re.escape(name)}\b", re.IGNORECASE)
        level, start = 1, position
        while self.skips > 0:
            self.skips -= 1
            match = pattern.search(self.html, position)
            if match is None:
                return start
            end = self.html.find(">", match.end())
            if end < 0:
                return start
            position = end + 1
            level += -1 if match[1] else 1
            if level == 0:
                return position
        return start

    def _start(self, name: str, body: str) -> None:
        if name == "br":
            self.breaks += 1
        elif name in _PARAGRAPH:
            self.block(2 if self.cells == 0 or name != "p" else 1)
        elif name in ("td", "th"):
            self.cell()
        elif name in _BLOCK:
            self.block(1)
            if name == "tr":
                self._push("tr")
                self.cells, self.row_line, self.fresh = 0, -1, False
                self.block(1)
            elif name in ("ul", "ol"):
                self._push(name)
                self.lists.append(0 if name == "ol" else -1)
            elif "pre" in body and _PRE.search(body) and self._push(name, "pre"):
                self.pre += 1
        elif name == "blockquote":
            self.block(1)
            if self._push(name):
                self.depth += 1
        elif name == "li":
            self.block(1)
            self._item()
        elif name in ("pre", "listing", "plaintext", "xmp"):
            self.block(1)
            if self._push(name, "pre"):
                self.pre += 1
        elif name == "hr":
            self.block(1)
            self.put(RULE)
            self.block(1)
        elif name == "a":
            match = _HREF.search(body)
            href = next((g for g in match.groups() if g), "") if match else ""
            self.link = (unescape(href).strip(), len(self.lines), len(self.line)) if href else None
        elif name == "img":
            self._image(body)

    def _end(self, name: str) -> None:
        if name in ("span", "b", "i", "font", "strong", "em", "td", "th"):
            return
        if name in _PARAGRAPH:
            self.block(2 if self.cells == 0 or name != "p" else 1)
        elif name == "a":
            self._unlink()
        elif name in _BLOCK or name in ("blockquote", "li", "pre", "listing", "xmp"):
            self.fresh = self.fresh and name != "tr"
            self.block(1)
            self._pop(name)

    def _push(self, name: str, effect: str = "") -> bool:
        if len(self.stack) >= MAX_NEST:
            return False
        self.stack.append((name, effect))
        return True

    def _pop(self, name: str) -> None:
        """Close the nearest open element with that name, and the elements left open inside it."""
        for index in range(len(self.stack) - 1, max(-1, len(self.stack) - 50), -1):
            if self.stack[index][0] == name:
                break
        else:
            return
        while len(self.stack) > index:
            popped, effect = self.stack.pop()
            if effect == "pre":
                self.pre -= 1
            elif popped == "blockquote":
                self.depth -= 1
            elif popped in ("ul", "ol") and self.lists:
                self.lists.pop()
            elif popped == "tr":
                self.cells, self.row_line = 0, -1

    def _item(self) -> None:
        if self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            mark = f"{self.lists[-1]}. "
        else:
            mark = "* "
        self.put("  " * min(max(len(self.lists) - 1, 0), 8) + mark)

    def _image(self, body: str) -> None:
        match = _CITE.search(body)
        alt = unescape((match[1] or match[2] or "") if match else "").strip()
        if 0 < len(alt) <= 4 and not alt.isascii():
            # an emoji sent as an image
            self.put(alt)

    def _unlink(self) -> None:
        link, self.link = self.link, None
        if link is None or not re.match(r"(?:https?|ftp|mailto|tel):", link[0], re.IGNORECASE):
            return
        href, line, start = link
        label = "".join(self.line[start:] if line == len(self.lines) else self.line).strip()
        target = re.sub(r"^(?:mailto|tel):", "", href, flags=re.IGNORECASE).partition("?")[0] if ":" in href else href
        if not label or len(href) > 2_000:
            return
        bare = re.sub(r"^https?://(?:www\.)?|/$", "", href)
        if target.casefold() in label.casefold() or bare.casefold() in label.casefold() or label in href:
            return
        # show an address in the form of header lines: Name <a@b>
        self.line.append(f" <{target if href[:7].casefold() == 'mailto:' else href}>")
