"""Converts HTML to readable text that has quotes as ``> `` lines.

The tags are read once, with a small stack and without a tree. Memory and time are linear in the input, even with
200,000 nested tags, 30,000 attributes, or unclosed quotation marks.
"""

import re
from html import unescape

from service.mail.html_layout import TextLayout

MAX_CHARS = 4_000_000
MAX_TAGS = 200_000
MAX_NEST = 200
MAX_SKIPS = 20_000  # maximum number of tags that are examined to find the ends of all hidden elements
RULE = "_" * 32  # text for ``<hr>``, which Outlook draws above a quoted header block

_TAG = re.compile(r"/?[A-Za-z][A-Za-z0-9:_-]*")
_HREF = re.compile(r"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
_MAY_HIDE = re.compile("none|hid|NONE|HID")
_PRE = re.compile(r"white-space\s*:\s*(?:pre|break-spaces)", re.IGNORECASE)

_BLOCK = frozenset(
    """div section article header footer main nav aside address center form fieldset table thead tbody tfoot caption
    dl dt dd ul ol figure figcaption body html tr""".split()
)
_PARAGRAPH = frozenset("p h1 h2 h3 h4 h5 h6".split())
_RAW = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "title", "xml", "template")}
_NEVER_HIDDEN = frozenset("body br hr img input meta link col area base wbr".split())
"""Elements without content, and ``body``, which would hide the whole mail."""


def to_text(html: str) -> str:
    """Return the visible text of ``html``."""
    # if everything is in hidden elements, this cannot be intended
    return _Scan(html, hide=True).run() or _Scan(html, hide=False).run()


_TITLE = re.compile(r"<title\b[^>]{0,200}>([^<]{1,300})</title", re.IGNORECASE)


def title(html: str) -> str:
    """Return the title of the document on one line; empty if there is none."""
    match = _TITLE.search(html[:20_000])
    return " ".join(unescape(match[1]).split()) if match else ""


class _Scan(TextLayout):
    def __init__(self, html: str, *, hide: bool) -> None:
        self.html = html[:MAX_CHARS]
        self.hide = hide
        super().__init__()
        self.stack: list[tuple[str, bool, int, int]] = []
        """Open elements: name, then ``pre``, ``depth`` and number of open lists outside the element."""
        self.lists: list[int] = []  # open lists: the number of the last item; -1 for ``ul``
        self.link: tuple[str, int, int] | None = None
        self.skips_left = MAX_SKIPS
        self.unclosed: set[str] = set()
        """Elements such as ``script``, comments and quotation marks that are not closed in the rest of the document."""

    def run(self) -> str:
        html, position = self.html, 0
        for _ in range(MAX_TAGS):
            at = html.find("<", position)
            if at < 0:
                self.text(html[position:])
                break
            self.text(html[position:at])
            match = _TAG.match(html, at + 1)
            if match is None:
                position = self._markup(at)
                if position == at + 1:
                    self.text("<")
                continue
            end = self._tag_end(match.end())
            if end < 0:
                break
            position = self._tag(match.group().lower(), html[match.end() : end], end + 1)
        return self.finish()

    def _tag_end(self, start: int) -> int:
        """Return the position of the ``>`` that ends a tag; -1 if there is none. A quoted ``>`` does not count."""
        end = self.html.find(">", start)
        attributes = self.html[start:end] if end > start else ""
        for quote in ('"', "'") if attributes else ():
            if attributes.count(quote) % 2 and quote not in self.unclosed and ("=" + quote) in attributes:
                closing = self.html.find(quote, end)
                if closing < 0:
                    self.unclosed.add(quote)
                    continue
                next_end = self.html.find(">", closing)
                return next_end if 0 <= next_end - end < 100_000 else end
        return end

    def _tag(self, name: str, attributes: str, position: int) -> int:
        """Process a tag that ends at ``position``; return the position to continue from."""
        if name[0] == "/":
            self._end(name[1:])
        elif name in _RAW:
            closing = None if name in self.unclosed else _RAW[name].search(self.html, position)
            if closing is not None:
                return self.html.find(">", closing.end()) + 1 or len(self.html)
            self.unclosed.add(name)
        elif self.hide and name not in _NEVER_HIDDEN and _MAY_HIDE.search(attributes) and _HIDDEN.search(attributes):
            return self._skip(name, position)
        else:
            self._start(name, attributes)
        return position

    def _markup(self, at: int) -> int:
        """Return the position after the comment or declaration at ``at``, or ``at + 1``."""
        html = self.html
        if html.startswith("<!--", at) and "<!--" not in self.unclosed:
            end = html.find("-->", at + 2)
            if end >= 0:
                return end + 3
            self.unclosed.add("<!--")
        if html[at + 1 : at + 2] in ("!", "?", "/"):
            return html.find(">", at) + 1 or len(html)
        return at + 1

    def _skip(self, name: str, position: int) -> int:
        """Return the position after a hidden element, or ``position`` if it is not closed.

        ``position``: after the start tag of the element.
        """
        pattern = re.compile(rf"<(/?){re.escape(name)}\b", re.IGNORECASE)
        level, start = 1, position
        while self.skips_left > 0:
            self.skips_left -= 1
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

    def _start(self, name: str, attributes: str) -> None:
        if name == "br":
            self.breaks += 1
        elif name in _PARAGRAPH:
            self.block(2 if self.cells == 0 or name != "p" else 1)
        elif name in ("td", "th"):
            self.cell()
        elif name in _BLOCK:
            self.block(1)
            is_pre = "pre" in attributes and _PRE.search(attributes) is not None
            if name in ("tr", "ul", "ol") or is_pre:
                self._push(name, pre=is_pre)
            if name == "tr":
                self.cells, self.row_line, self.cell_is_empty = 0, -1, False
                self.block(1)
        elif name in ("blockquote", "pre", "listing", "plaintext", "xmp"):
            self.block(1)
            self._push(name, pre=name != "blockquote")
        elif name == "li":
            self.block(1)
            self._item()
        elif name == "hr":
            self.block(1)
            self.put(RULE)
            self.block(1)
        elif name == "a":
            match = _HREF.search(attributes)
            href = next((g for g in match.groups() if g), "") if match else ""
            self.link = (unescape(href).strip(), len(self.lines), len(self.line)) if href else None

    def _end(self, name: str) -> None:
        if name in _PARAGRAPH:
            self.block(2 if self.cells == 0 or name != "p" else 1)
        elif name == "a":
            self._unlink()
        elif name in _BLOCK or name in ("blockquote", "li", "pre", "listing", "xmp"):
            self.cell_is_empty = self.cell_is_empty and name != "tr"
            self.block(1)
            self._pop(name)

    def _push(self, name: str, *, pre: bool) -> None:
        if len(self.stack) >= MAX_NEST:
            return
        self.stack.append((name, self.pre, self.depth, len(self.lists)))
        self.pre = self.pre or pre
        self.depth += name == "blockquote"
        if name in ("ul", "ol"):
            self.lists.append(0 if name == "ol" else -1)

    def _pop(self, name: str) -> None:
        """Close the innermost open element with this name, and all elements inside it."""
        if all(open_element[0] != name for open_element in self.stack[-49:]):
            return
        popped = ""
        while popped != name:
            popped, self.pre, self.depth, lists = self.stack.pop()
            del self.lists[lists:]
            if popped == "tr":
                self.cells, self.row_line = 0, -1

    def _item(self) -> None:
        mark = "* "
        if self.lists and self.lists[-1] >= 0:
            self.lists[-1] += 1
            mark = f"{self.lists[-1]}. "
        self.put("  " * min(max(len(self.lists) - 1, 0), 8) + mark)

    def _unlink(self) -> None:
        link, self.link = self.link, None
        if link is None or not re.match(r"(?:https?|ftp|mailto|tel):", link[0], re.IGNORECASE):
            return
        href, line, start = link
        label = "".join(self.line[start:] if line == len(self.lines) else self.line).strip()
        target = re.sub(r"^(?:mailto|tel):", "", href, flags=re.IGNORECASE).partition("?")[0] if ":" in href else href
        if not label or len(href) > 2_000:
            return
        short_href = re.sub(r"^https?://(?:www\.)?|/$", "", href)
        if target.casefold() in label.casefold() or short_href.casefold() in label.casefold() or label in href:
            return
        # show an address in the form of header lines: Name <a@b>
        self.line.append(f" <{target if href[:7].casefold() == 'mailto:' else href}>")
