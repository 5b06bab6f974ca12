"""The contents of a message: body segments, attachments, attached messages, reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from service.mail import calendar, html
from service.mail.mime import Part

MAX_TEXT = 3_000_000
"""Maximum number of characters of body text kept of one mail."""


@dataclass(slots=True)
class Found:
    """A decoded file found in a mail. ``path`` identifies it within the mail."""

    filename: str
    content_type: str
    payload: bytes
    path: str
    inline: bool = False


@dataclass(slots=True)
class Segment:
    """One part of the body: as plain text, as HTML, or both (multipart/alternative)."""

    plain: str = ""
    html: str = ""
    read: str | None = None
    """Cached text of ``html``."""

    def rendered(self) -> str:
        if self.read is None:
            self.read = html.to_text(self.html) if self.html else ""
        return self.read


class Inner(NamedTuple):
    """A message inside a message. ``contents`` is None for a MIME message whose parts were not read yet."""

    root: Part
    contents: Contents | None = None


@dataclass(slots=True)
class Contents:
    """The contents of one message."""

    segments: list[Segment] = field(default_factory=list)
    files: list[Found] = field(default_factory=list)
    messages: list[Inner] = field(default_factory=list)
    returned: list[Part] = field(default_factory=list)
    """Messages or header blocks that a report returns."""
    reports: list[tuple[str, str]] = field(default_factory=list)
    """(media type, text) of delivery status, disposition notification and feedback report."""
    events: list[calendar.Event] = field(default_factory=list)
    subject: str = ""
    """Subject from inside the content (TNEF, protected headers)."""
    defects: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return the whole body as text: the plain form, or the HTML as text if the plain form says much less."""
        said = [text for text in (readable(s) for s in self.segments) if text.strip()]
        return "\n\n".join(said)[:MAX_TEXT]

    def title(self) -> str:
        """Return the title of an HTML body that is used and whose text lacks the title; otherwise empty."""
        for segment in self.segments:
            if segment.html and (not segment.plain.strip() or _stub(segment)):
                title = html.title(segment.html)
                said = bare(segment.rendered()[:4_000])
                return "" if _NO_TITLE.fullmatch(title) or bare(title) in said else title
        return ""

    def html(self) -> str | None:
        return "\n".join(s.html for s in self.segments if s.html) or None


def readable(segment: Segment) -> str:
    """Return the text of a segment from its better form."""
    if not segment.html:
        return segment.plain
    if segment.plain.strip() and not _stub(segment):
        return segment.plain
    return segment.rendered() or segment.plain


_SAYS_HTML = re.compile(
    r"\bhtml\b|does not support|can(?:not|'t) (?:display|view|read)|HTML形式|HTMLメール", re.IGNORECASE
)
_LETTERS = re.compile(r"\w")
_NO_TITLE = re.compile(
    r"(?:untitled|new|no|html|plain)?[ _-]*(?:document|message|e?-?mail|template|title|page|無題.*)?", re.IGNORECASE
)


def _stub(segment: Segment) -> bool:
    """Whether the plain form only says that there is an HTML form, or lacks most of its text."""
    plain = segment.plain.strip()
    if len(plain) > 600:
        return False
    letters = len(_LETTERS.findall(plain))
    if letters == 0:
        return True
    full = len(_LETTERS.findall(segment.rendered()))
    return full > (4 if _SAYS_HTML.search(plain) or letters <= 20 else 10) * letters + 40


def bare(text: str) -> str:
    """Return only letters and digits, to compare two texts."""
    return "".join(_LETTERS.findall(text[:20_000]))
