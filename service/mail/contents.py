"""The contents of a message: body, attachments with their names, attached messages, reports."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from service.mail import calendar, encoded, html
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


@dataclass
class Segment:
    """One text of the body: as plain text, as HTML, or both (multipart/alternative)."""

    plain: str = ""
    html: str = ""

    @cached_property
    def html_text(self) -> str:
        return html.to_text(self.html) if self.html else ""

    @cached_property
    def html_is_better(self) -> bool:
        """Whether there is no plain form, or only a placeholder such as "see the HTML"."""
        plain = self.plain.strip()
        if not self.html or len(plain) > 600:
            return False
        plain_letters = len(_LETTERS.findall(plain))
        if plain_letters == 0:
            return True
        factor = 4 if plain_letters <= 20 or _MENTIONS_HTML.search(plain) else 10
        return len(_LETTERS.findall(self.html_text)) > factor * plain_letters + 40

    @property
    def text(self) -> str:
        """The plain form, or the text of the HTML if the plain form is useless."""
        return (self.html_is_better and self.html_text) or self.plain


class InnerMessage(NamedTuple):
    """A message inside a message. ``contents`` is None if its parts are not classified yet."""

    root: Part
    contents: Contents | None = None


@dataclass(slots=True)
class Contents:
    """The classified parts of one message."""

    segments: list[Segment] = field(default_factory=list)
    files: list[DecodedFile] = field(default_factory=list)
    messages: list[InnerMessage] = field(default_factory=list)
    returned: list[Part] = field(default_factory=list)  # parts of a report with the returned message or its header
    reports: list[tuple[str, str]] = field(default_factory=list)
    """(media type, text) of the machine-readable parts of reports, such as a delivery status."""
    events: list[calendar.Event] = field(default_factory=list)
    subject: str = ""  # subject from a TNEF part
    defects: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return the whole body as text, at most ``MAX_TEXT`` characters."""
        texts = filter(str.strip, (segment.text for segment in self.segments))
        return "\n\n".join(texts)[:MAX_TEXT]

    def title(self) -> str:
        """Return the title of the HTML body; empty if it is meaningless or also in the text."""
        shown = next((segment for segment in self.segments if segment.html_is_better), Segment())
        title = html.title(shown.html)
        if not title or _MEANINGLESS_TITLE.fullmatch(title):
            return ""
        return "" if letters(title) in letters(shown.html_text[:4_000]) else title

    def html(self) -> str | None:
        return "\n".join(s.html for s in self.segments if s.html) or None


_MENTIONS_HTML = re.compile(
    r"\bhtml\b|does not support|can(?:not|'t) (?:display|view|read)|HTML形式|HTMLメール", re.IGNORECASE
)
_LETTERS = re.compile(r"\w")
_MEANINGLESS_TITLE = re.compile(
    r"(?:untitled|new|no|html|plain)?[ _-]*(?:document|message|e?-?mail|template|title|page|無題.*)?", re.IGNORECASE
)


def letters(text: str) -> str:
    """Return only the letters and digits of a text, to compare it with another."""
    return "".join(_LETTERS.findall(text[:20_000]))


# ── names of files ───────────────────────────────────────────────────────────────────────────────────────────────────

_EXTENSIONS = {
    "image/jpeg": "jpg", "image/svg+xml": "svg", "text/plain": "txt", "text/html": "html", "text/calendar": "ics",
    "text/vcard": "vcf", "text/x-vcard": "vcf", "application/pgp-signature": "asc", "application/pgp-encrypted": "asc",
    "application/pkcs7-signature": "p7s", "application/x-pkcs7-signature": "p7s",
}  # fmt: skip


def extension(kind: str) -> str:
    """Return the file extension for a media type, such as ``png`` for ``image/png``. The default is ``bin``."""
    known = _EXTENSIONS.get(kind)
    subtype = kind.rpartition("/")[2].removeprefix("x-")
    return known or (subtype if re.fullmatch(r"[a-z0-9]{2,4}", subtype) else "bin")


def filename_of(part: Part) -> str | None:
    """Return the safe name from Content-Disposition, otherwise from Content-Type, or None."""
    disposition = encoded.parameters((part.first("content-disposition") or b"").partition(b";")[2])
    name = disposition.get("filename") or disposition.get("name")
    name = name or part.parameters.get("name") or part.parameters.get("filename")
    return safe_name(name) if name else None


_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, including those that reverse the text: they can make ``exe.txt`` look like ``txt.exe``."""


def safe_name(name: str) -> str:
    """Return a file name without path and control characters. It has at most 255 characters, and may be empty."""
    name = _HIDDEN.sub("", name)
    base_name = re.split(r"[\\/]", name.rstrip("\\/"))[-1].strip()
    return base_name[:255].rstrip() if base_name.strip(". ") else ""
