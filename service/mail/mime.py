"""Splits bytes into a tree of MIME parts (RFC 5322 §2, RFC 2046) in one pass.

Nothing is decoded or copied: a part is a slice of the buffer. A stack of open boundaries keeps the time linear, even
for 10,000 nested multiparts. Parts beyond the limits of depth and number are not split.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from service.mail.encoded import parameters

MAX_DEPTH = 64
MAX_PARTS = 2_000
MAX_HEADERS = 5_000
MAX_VALUE = 200_000  # maximum bytes of one header field; a longer one is truncated (defect ``header-long``)

MAX_KIND = 255
"""Maximum characters of a media type (RFC 6838 §4.2: 127 before and after the slash); a longer one is ignored."""

_FIELD = re.compile(rb"([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)\n?")
_PREAMBLE = re.compile(rb"(?:\xef\xbb\xbf)?(?:[ \t]*\r?\n)*(?:>?From [^\n]*\n)?")
_BLANK = re.compile(rb"[ \t]*\r*(?:\n|\Z)")
_KNOWN = re.compile(
    rb"(?im)^(?:from|to|cc|subject|date|message-id|mime-version|content-[a-z-]+|received|return-path|reply-to"
    rb"|in-reply-to|references|x-[a-z0-9-]+):"
)
_TRACE = re.compile(rb"(?im)^(?:received|return-path|message-id|mime-version|content-type|delivered-to|x-[a-z-]+):")
"""Matches a field that only programs write. Header lines at the beginning of a text have none of them."""
_SNIFF = re.compile(rb"(?im)^--([^\s-][^\r\n]{5,200}+)\r?\ncontent-[a-z-]+:")


@dataclass(slots=True)
class Part:
    """One MIME part: its header fields, and the position of its body in ``buffer``.

    A field is (lower-case name, raw value).
    """

    buffer: bytes
    fields: list[tuple[str, bytes]]
    start: int
    end: int
    path: str = "0"
    kind: str = "text/plain"
    parameters: dict[str, str] = field(default_factory=dict)
    children: list[Part] = field(default_factory=list)
    opaque: bool = False  # whether a multipart exceeds a limit: it is not split, and its body becomes one file

    @property
    def body(self) -> bytes:
        """The body, not decoded."""
        return self.buffer[self.start : self.end]

    def first(self, name: str) -> bytes | None:
        """Return the raw value of the first field with this lower-case name; None if there is none."""
        return next((value for key, value in self.fields if key == name), None)


class _Splitter:
    """Splits one buffer; codes of irregularities are added to ``defects``."""

    def __init__(self, buffer: bytes, defects: set[str]) -> None:
        self.buffer = buffer
        self.defects = defects
        self.parts = 0
        self.delimiters: dict[bytes, list[int]] = {}
        self.open: list[tuple[Part, bytes | None]] = []

    def read(self, path: str) -> Part:
        """Return the root part of the buffer."""
        preamble = _PREAMBLE.match(self.buffer)  # a byte order mark, empty lines and an mbox "From " line
        root = self._enter(preamble.end() if preamble else 0, path, "text/plain")
        position = self.open[-1][0].start - 1  # a delimiter may be on the first line of a body
        while self.delimiters and (at := self.buffer.find(b"\n--", position)) >= 0:
            end = self.buffer.find(b"\n", at + 1, at + 1_000)
            position = self._delimiter(at + 1, end if end >= 0 else min(len(self.buffer), at + 1_000))
        return root

    def _delimiter(self, start: int, end: int) -> int:
        """Process a line that may be a delimiter, and return the position to continue from."""
        line = self.buffer[start:end].rstrip()
        closing = line not in self.delimiters and line.endswith(b"--")
        line = line[:-2] if closing else line
        if line not in self.delimiters:
            return end
        level = self.delimiters[line][-1]
        self._close(level + 1, start - 2 if self.buffer[start - 2 : start] == b"\r\n" else start - 1)
        parent = self.open[level][0]
        if closing:
            parent.end = end
            return end
        if self.parts >= MAX_PARTS:
            self.defects.add("mime-many-parts")
            self.delimiters.clear()
            return end
        default = "message/rfc822" if parent.kind == "multipart/digest" else "text/plain"
        prefix = parent.path + "." if parent.path != "0" else ""
        child = self._enter(min(end + 1, len(self.buffer)), f"{prefix}{len(parent.children) + 1}", default)
        parent.children.append(child)
        return max(self.open[-1][0].start - 1, end)

    def _enter(self, at: int, path: str, default: str) -> Part:
        """Read the header at ``at``, open its part and the messages at its beginning, and return it."""
        outermost = enclosing = None
        while True:
            self.parts += 1
            fields, start = self._fields(at)
            part = Part(self.buffer, fields, start, len(self.buffer), path)
            part.kind, part.parameters = content_type(part, default)
            delimiter = self._boundary(part)
            if delimiter is not None:
                self.delimiters.setdefault(delimiter, []).append(len(self.open))
            self.open.append((part, delimiter))
            outermost = outermost or part
            if enclosing is not None:
                enclosing.children.append(part)
            if part.kind not in MESSAGES or not _is_not_encoded(part) or len(self.open) >= MAX_DEPTH:
                return outermost
            enclosing = part
            at, path, default = start, part.path + ".m" if part.path != "0" else "m", "text/plain"

    def _boundary(self, part: Part) -> bytes | None:
        if not part.kind.startswith("multipart/"):
            return None
        boundary = part.parameters.get("boundary", "")
        delimiter = b"--" + boundary.encode("utf-8", "surrogateescape").rstrip()
        if len(self.open) < 3 and (not boundary or self.buffer.find(delimiter, part.start) < 0):
            self.defects.add("mime-no-boundary" if not boundary else "mime-wrong-boundary")
            # a line in the body that looks like a delimiter: a Content- field is below it
            line = _SNIFF.search(self.buffer, part.start, part.start + 20_000)
            boundary = line[1].rstrip(b" \t").decode("latin-1") if line else ""
            delimiter = b"--" + boundary.encode("utf-8").rstrip()
        if not boundary:
            return None
        if len(self.open) >= MAX_DEPTH:
            self.defects.add("mime-deep")
            part.opaque = True
            return None
        return delimiter

    def _close(self, level: int, end: int) -> None:
        """Close all open parts at ``level`` and deeper; their bodies end at ``end``."""
        while len(self.open) > level:
            part, delimiter = self.open.pop()
            part.end = max(part.start, min(part.end, end))
            if delimiter is not None:
                self.delimiters[delimiter].pop()
                if not self.delimiters[delimiter]:
                    del self.delimiters[delimiter]

    def _fields(self, at: int) -> tuple[list[tuple[str, bytes]], int]:
        """Return (header fields from ``at`` on, position of the body)."""
        buffer = self.buffer
        fields: list[tuple[str, bytes]] = []
        while True:
            match = _FIELD.match(buffer, at)
            if match is None:
                blank = _BLANK.match(buffer, at)
                if blank is not None:
                    return fields, blank.end()
                end = buffer.find(b"\n", at) + 1 or len(buffer)
                line = buffer[at:end]
                if not self._skippable(line, end, bool(fields)):
                    self.defects.add("header-unterminated")
                    return fields, at
                if fields and not line.startswith((b"From ", b">From ")) and len(fields[-1][1]) < MAX_VALUE:
                    # a folded line that lost its indentation
                    fields[-1] = (fields[-1][0], fields[-1][1] + b" " + line.strip())
                at = end
                continue
            at = match.end()
            if len(fields) >= MAX_HEADERS:
                self.defects.add("header-many")
                continue
            if len(match[2]) > MAX_VALUE:
                self.defects.add("header-long")
            value = match[2][:MAX_VALUE]
            if b"\n" in value:  # a folded field; a CR alone stays
                value = value.replace(b"\r", b"").replace(b"\n", b"")
            fields.append((match[1].decode("latin-1").lower(), value.strip()))

    def _skippable(self, line: bytes, end: int, has_fields: bool) -> bool:
        """Return whether a line that is no field can be skipped, because a field follows before an empty line."""
        if line.startswith((b"From ", b">From ")):
            return True
        if self.open:
            return False
        ahead = self.buffer[end : end + 4_000]
        ahead = re.split(rb"\n\r?\n", ahead, maxsplit=1)[0]
        known_field = _KNOWN.search(ahead)
        if known_field is None or not (has_fields or (known_field.start() <= 200 and _TRACE.search(ahead))):
            return False
        self.defects.add("header-malformed")
        return True


MESSAGES = frozenset({"message/rfc822", "message/global", "message/news"})


def _is_not_encoded(part: Part) -> bool:
    encoding = part.first("content-transfer-encoding")
    return encoding is None or encoding.strip().lower() not in (b"base64", b"quoted-printable", b"x-uuencode")


def content_type(part: Part, default: str) -> tuple[str, dict[str, str]]:
    """Return (media type, parameters) of Content-Type (RFC 2045 §5.1, RFC 2231)."""
    raw = part.first("content-type")
    if not raw:
        return default, {}
    media_type, _, after_type = raw.partition(b";")
    kind = media_type.decode("latin-1").strip().strip("\"'").lower().replace(" ", "")
    kind = {"html": "text/html", "multipart": "multipart/mixed"}.get(kind, kind)
    values = parameters(after_type) if after_type else {}
    if len(kind) <= MAX_KIND and re.fullmatch("[^/]+/.*[^/]", kind):
        return kind, values
    is_file = kind.startswith(("application", "image", "audio", "video")) or "name" in values
    return "application/octet-stream" if is_file else default, values


def read(buffer: bytes, defects: set[str], path: str = "0") -> Part:
    """Return the root part of ``buffer``; codes such as ``mime-deep`` are added to ``defects``."""
    head = buffer[:4_096]
    if b"\n" not in head and b"\r" in head:
        buffer = buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        defects.add("line-ends-cr")
    return _Splitter(buffer, defects).read(path)
