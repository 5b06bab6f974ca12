"""The contents of a message: body segments, attachments, attached messages, reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from service.mail import calendar, html
from service.mail.mime import Part

MAX_TEXT = 3_000_000  # maximum number of characters of body text kept of one mail


@dataclass(slots=True)
class DecodedFile:
    """A file in a mail, decoded. ``path`` identifies it within the mail (``Attachment.part``)."""

    filename: str
    content_type: str
    payload: bytes
    path: str
    inline: bool = False


@dataclass(slots=True)
class Segment:
    """One text of the body: as plain text, as HTML, or both (multipart/alternative)."""

    plain: str = ""
    html: str = ""
    html_text: str | None = None  # cache of ``rendered``

    def rendered(self) -> str:
        if self.html_text is None:
            self.html_text = html.to_text(self.html) if self.html else ""
        return self.html_text


class Inner(NamedTuple):
    """A message inside a message. ``contents`` is None if its parts are not classified yet."""

    root: Part
    contents: Contents | None = None


@dataclass(slots=True)
class Contents:
    """The classified parts of one message."""

    segments: list[Segment] = field(default_factory=list)
    files: list[DecodedFile] = field(default_factory=list)
    messages: list[Inner] = field(default_factory=list)
    returned: list[Part] = field(default_factory=list)  # parts of a report with the returned message or its header
    reports: list[tuple[str, str]] = field(default_factory=list)
    """(media type, text) of the machine-readable parts of reports, such as a delivery status."""
    events: list[calendar.Event] = field(default_factory=list)
    subject: str = ""  # subject from a TNEF part
    defects: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return the whole body as text, at most ``MAX_TEXT`` characters."""
        texts = [text for text in (best_text(segment) for segment in self.segments) if text.strip()]
        return "\n\n".join(texts)[:MAX_TEXT]

    def title(self) -> str:
        """Return the title of the HTML body if it is meaningful and not in the text; otherwise empty."""
        for segment in self.segments:
            if segment.html and (not segment.plain.strip() or _is_placeholder(segment)):
                title = html.title(segment.html)
                text_start = letters(segment.rendered()[:4_000])
                return "" if _MEANINGLESS_TITLE.fullmatch(title) or letters(title) in text_start else title
        return ""

    def html(self) -> str | None:
        return "\n".join(s.html for s in self.segments if s.html) or None


def best_text(segment: Segment) -> str:
    """Return the plain form of a segment, or the HTML as text if the plain form is missing or a placeholder."""
    if not segment.html:
        return segment.plain
    if segment.plain.strip() and not _is_placeholder(segment):
        return segment.plain
    return segment.rendered() or segment.plain


_MENTIONS_HTML = re.compile(
    r"\bhtml\b|does not support|can(?:not|'t) (?:display|view|read)|HTML形式|HTMLメール", re.IGNORECASE
)
_LETTERS = re.compile(r"\w")
_MEANINGLESS_TITLE = re.compile(
    r"(?:untitled|new|no|html|plain)?[ _-]*(?:document|message|e?-?mail|template|title|page|無題.*)?", re.IGNORECASE
)


def _is_placeholder(segment: Segment) -> bool:
    """Return whether the plain form has much less text than the HTML form, such as only "see the HTML"."""
    plain = segment.plain.strip()
    if len(plain) > 600:
        return False
    plain_letters = len(_LETTERS.findall(plain))
    if plain_letters == 0:
        return True
    html_letters = len(_LETTERS.findall(segment.rendered()))
    return html_letters > (4 if _MENTIONS_HTML.search(plain) or plain_letters <= 20 else 10) * plain_letters + 40


def letters(text: str) -> str:
    """Return only the letters and digits of a text, to compare it with another."""
    return "".join(_LETTERS.findall(text[:20_000]))
