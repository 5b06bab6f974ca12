"""Which part is what: body, file, message, report (RFC 2045–2049, RFC 2387, RFC 6522, RFC 1847).

The walk follows what mail programs do, not what each type allows: a text part without a file name is body wherever it
stands, an alternative is one text, a related picture is a file shown inline, a signature wrapper is transparent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from service.mail import calendar, charset, encoded, html, mime, smime, tnef, transfer
from service.mail.mime import Part

MAX_FILES = 2_000
MAX_TEXT = 3_000_000
"""Characters of body text kept of one mail."""
MAX_BYTES = 6_000_000
"""Bytes of one text part that are decoded; the rest is in the raw mail only (defect ``text-cut``)."""

_BOUNCE_PARTS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_REPORT_PARTS = _BOUNCE_PARTS | {
    "message/disposition-notification",
    "message/global-disposition-notification",
    "message/feedback-report",
    "message/tracking-status",
}
_HEADERS_ONLY = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_CALENDAR = frozenset({"text/calendar", "application/ics"})


@dataclass(slots=True)
class Found:
    """A file found in a mail, decoded. ``path`` names it within the mail."""

    filename: str
    content_type: str
    payload: bytes
    path: str
    inline: bool = False


@dataclass(slots=True)
class Segment:
    """One stretch of the body: its plain form, its HTML form, or both (an alternative)."""

    plain: str = ""
    html: str = ""
    flowed: bool = False
    read: str | None = None
    """The text of ``html``, once it was needed."""

    def rendered(self) -> str:
        if self.read is None:
            self.read = html.to_text(self.html) if self.html else ""
        return self.read


@dataclass(slots=True)
class Contents:
    """What a message holds. ``messages`` are parts whose own contents have not been looked at yet."""

    segments: list[Segment] = field(default_factory=list)
    files: list[Found] = field(default_factory=list)
    messages: list[Part] = field(default_factory=list)
    returned: list[Part] = field(default_factory=list)
    """Messages or header blocks that a report gives back."""
    reports: list[tuple[str, str]] = field(default_factory=list)
    """(media type, text) of delivery status, disposition notification, feedback report."""
    events: list[calendar.Event] = field(default_factory=list)
    subject: str = ""
    """A subject that only the wrapped content states (TNEF, protected headers)."""
    defects: set[str] = field(default_factory=set)

    def text(self) -> str:
        """The whole body as text: the plain form where it says as much as the HTML, else the HTML read."""
        said = [text for text in (readable(s) for s in self.segments) if text.strip()]
        return "\n\n".join(said)[:MAX_TEXT]

    def title(self) -> str:
        """The title of an HTML body where that is what is read and does not say the same itself; else empty."""
        for segment in self.segments:
            if segment.html and (not segment.plain.strip() or _stub(segment)):
                title = html.title(segment.html)
                said = _bare(segment.rendered()[:4_000])
                return "" if _NO_TITLE.fullmatch(title) or _bare(title) in said else title
        return ""

    def html(self) -> str | None:
        return "\n".join(s.html for s in self.segments if s.html) or None

    @property
    def flowed(self) -> bool:
        plain = [s for s in self.segments if s.plain.strip()]
        return bool(plain) and all(s.flowed for s in plain)


def readable(segment: Segment) -> str:
    """The better form of a segment."""
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
    """A plain form that only says that there is an HTML form, or next to nothing of what that says."""
    plain = segment.plain.strip()
    if len(plain) > 600:
        return False
    letters = len(_LETTERS.findall(plain))
    if letters == 0:
        return True
    full = len(_LETTERS.findall(segment.rendered()))
    return full > (4 if _SAYS_HTML.search(plain) or letters <= 20 else 10) * letters + 40


def contents(root: Part) -> Contents:
    """Look at every part of one message."""
    found = Contents()
    _Walk(found).part(root, found.segments, "root")
    return found


class _Walk:
    def __init__(self, found: Contents) -> None:
        self.found = found

    def part(self, part: Part, into: list[Segment], place: str = "mixed", *, report: bool = False) -> None:
        """``place``: ``root``, or the multipart the part stands in: ``mixed``, ``alternative``, ``related``."""
        kind = part.kind
        if kind.startswith("multipart/"):
            self._multipart(part, into, report)
        elif kind in mime.MESSAGES:
            self._message(part, report)
        elif kind in _HEADERS_ONLY:
            self.found.returned.append(part)
        elif kind in _REPORT_PARTS:
            self.found.reports.append((kind, self._text(part)))
        else:
            self._leaf(part, into, place)

    def _multipart(self, part: Part, into: list[Segment], report: bool) -> None:
        kind, children = part.kind, part.children
        if part.opaque:
            self._file(part, part.body)
            return
        if not children:
            # no boundary, or none of its delimiters there: read as what it is, text
            if part.body.strip():
                self.found.defects.add("mime-no-parts")
                text, _ = charset.decode(part.body, part.parameters.get("charset"))
                into.append(Segment(plain=_lines(text)))
            return
        if kind == "multipart/alternative":
            self._alternative(children, into)
        elif kind == "multipart/encrypted":
            protocol = part.parameters.get("protocol", "")
            self.found.defects.add("encrypted-pgp" if "pgp" in protocol.lower() else "encrypted")
            for child in children:
                self._file(child, self._payload(child))
        elif kind == "multipart/report":
            for index, child in enumerate(children):
                self.part(child, into, report=index > 0)
        else:
            related = kind == "multipart/related"
            start = _related_root(part) if related else None
            for child in children:
                self.part(child, into, "related" if related and child is not start else "mixed", report=report)

    def _alternative(self, children: list[Part], into: list[Segment]) -> None:
        inner: list[Segment] = []
        for child in children:
            self.part(child, inner, "alternative")
        plain = "\n\n".join(s.plain for s in inner if s.plain.strip())
        markup = "\n".join(s.html for s in inner if s.html.strip())
        if plain or markup:
            into.append(Segment(plain, markup, all(s.flowed for s in inner if s.plain.strip())))

    def _message(self, part: Part, report: bool) -> None:
        if not part.children:
            # encoded, though RFC 2046 §5.2.1 forbids it
            payload = self._payload(part)
            part.children.append(mime.read(payload, self.found.defects, part.path + ".m"))
        else:
            payload = part.body
        if report:
            self.found.returned.append(part.children[0])
            return
        self.found.messages.append(part.children[0])
        name = _filename(part)
        if not name:
            subject = encoded.text(part.children[0].first("subject"))
            name = _safe(re.sub(r'[\\/:*?"<>|]+', "_", subject)[:80].strip() or "message") + ".eml"
        self._add(Found(name, part.kind, payload, part.path))

    def _leaf(self, part: Part, into: list[Segment], place: str) -> None:
        kind = part.kind
        disposition, name = _disposition(part), _filename(part)
        if kind in _CALENDAR:
            self._calendar(part, into, name)
        elif kind.startswith("text/") and kind not in ("text/x-vcard", "text/vcard", "text/directory"):
            if _is_file(kind, name, disposition, place, bool(into)):
                self._file(part, self._payload(part))
                return
            if name and (place == "mixed" or (disposition and place == "alternative")):
                # named, and all the body there is: shown, and a file too
                self._file(part, self._payload(part))
            if kind == "text/html":
                into.append(Segment(html=self._text(part)))
            else:
                self._plain(part, into)
        elif kind in _TNEF or (name or "").casefold() == "winmail.dat":
            self._tnef(part, into)
        elif kind in _PKCS7 or (name or "").casefold().endswith((".p7m", ".p7z")):
            self._smime(part, into)
        elif kind == "application/pgp" or (kind == "application/pgp-encrypted" and place == "root"):
            self._plain(part, into)
        else:
            self._file(part, self._payload(part))

    def _plain(self, part: Part, into: list[Segment]) -> None:
        payload = self._payload(part)
        files = transfer.uuencoded(payload) if b"begin" in payload else []
        files = files or (transfer.yencoded(payload) if b"=ybegin " in payload else [])
        if files:
            kept: list[bytes] = []
            last = 0
            for index, (start, end, data, name) in enumerate(files, 1):
                kept.append(payload[last:start])
                last = end
                self._add(
                    Found(
                        _safe(encoded.parameter_text(name)), "application/octet-stream", data, f"{part.path}/u{index}"
                    )
                )
            kept.append(payload[last:])
            payload = b"".join(kept)
        text = self._decode(part, payload)
        if part.kind in ("text/enriched", "text/richtext"):
            text = _enriched(text)
        elif part.kind == "text/rtf":
            text = tnef.rtf_text(payload)
        if "-----BEGIN PGP " in text:
            text = self._pgp(text)
        flowed = part.parameters.get("format", "").lower() == "flowed"
        if flowed:
            text = unflow(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        into.append(Segment(plain=text, flowed=flowed))

    def _pgp(self, text: str) -> str:
        if "-----BEGIN PGP MESSAGE-----" in text:
            self.found.defects.add("encrypted-pgp")
        return _unsigned(text)

    def _calendar(self, part: Part, into: list[Segment], name: str | None) -> None:
        text = self._text(part)
        event = calendar.read(text, part.parameters.get("method", ""))
        if event is not None:
            self.found.events.append(event)
        if _disposition(part) == "attachment" or name:
            self._file(part, self._payload(part), fallback="invite.ics")

    def _tnef(self, part: Part, into: list[Segment]) -> None:
        unpacked = tnef.read(self._payload(part))
        if unpacked is None:
            self.found.defects.add("tnef-broken")
            self._file(part, self._payload(part))
            return
        self.found.defects.update(unpacked.defects)
        self.found.subject = self.found.subject or unpacked.subject
        segment = Segment(plain=_lines(unpacked.text), html=unpacked.html)
        said = _bare("".join(readable(s) for s in into))
        if _bare(readable(segment))[:200] not in said:
            into.append(segment)
        for index, file in enumerate(unpacked.files, 1):
            self._add(
                Found(_safe(file.filename), file.content_type, file.payload, f"{part.path}/t{index}", file.inline)
            )

    def _smime(self, part: Part, into: list[Segment]) -> None:
        payload = self._payload(part)
        self._file(part, payload, fallback="smime.p7m")
        opened = smime.signed_content(payload)
        if opened is None:
            self.found.defects.add("encrypted-smime")
            return
        inner = mime.read(opened, self.found.defects, part.path + "/s")
        self.part(inner, into)

    def _file(self, part: Part, payload: bytes, fallback: str = "") -> None:
        name = _filename(part) or fallback
        if not name:
            # what mail programs show for a nameless file: its kind
            stem = part.kind.partition("/")[0]
            stem = "file" if stem in ("application", "message") else stem
            name = f"{stem}.{_extension(part.kind)}"
        inline = part.first("content-id") is not None or _disposition(part) == "inline"
        inline = inline and _disposition(part) != "attachment" and part.kind.startswith("image/")
        self._add(Found(name, part.kind, payload, part.path, inline))

    def _add(self, file: Found) -> None:
        if len(self.found.files) < MAX_FILES:
            self.found.files.append(file)
        else:
            self.found.defects.add("files-many")

    def _payload(self, part: Part) -> bytes:
        payload, defect = transfer.decode(part.body, part.first("content-transfer-encoding"))
        if defect:
            self.found.defects.add(defect)
        return payload

    def _text(self, part: Part) -> str:
        return self._decode(part, self._payload(part))

    def _decode(self, part: Part, payload: bytes) -> str:
        label = part.parameters.get("charset")
        if part.kind == "text/html" and not label:
            match = _META.search(payload[:2_000])
            label = match[1].decode("ascii", "replace") if match else None
        if len(payload) > MAX_BYTES:
            self.found.defects.add("text-cut")
            # at a line end, else before a byte that begins no character
            cut = payload.rfind(b"\n", MAX_BYTES - 100_000, MAX_BYTES)
            payload = payload[: cut if cut > 0 else MAX_BYTES]
        text, defect = charset.decode(payload, label)
        if defect:
            self.found.defects.add(defect)
        return _lines(text)


_META = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_ARMOUR = ("-----BEGIN PGP SIGNED MESSAGE-----", "-----BEGIN PGP SIGNATURE-----", "-----END PGP SIGNATURE-----")
_EXTENSIONS = {
    "image/jpeg": "jpg",
    "image/svg+xml": "svg",
    "text/plain": "txt",
    "text/html": "html",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/x-vcard": "vcf",
    "application/pgp-signature": "asc",
    "application/pgp-encrypted": "asc",
    "application/pkcs7-signature": "p7s",
    "application/x-pkcs7-signature": "p7s",
}


def _is_file(kind: str, name: str | None, disposition: str, place: str, body_seen: bool) -> bool:
    """A text part that is a file: called an attachment, or named where it cannot be the body."""
    if disposition == "attachment":
        return bool(name) or place != "root"
    if place == "related":
        return kind != "text/html"
    if place == "mixed" and name:
        return body_seen or kind != "text/plain"
    return False


def _extension(kind: str) -> str:
    """``png`` of ``image/png``; ``bin`` where the subtype does not look like one."""
    known = _EXTENSIONS.get(kind)
    subtype = kind.rpartition("/")[2].removeprefix("x-")
    return known or (subtype if re.fullmatch(r"[a-z0-9]{2,4}", subtype) else "bin")


def _lines(text: str) -> str:
    """Line ends as LF; NUL gone (no database takes it)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\x00", "") if "\x00" in text else text


def _disposition(part: Part) -> str:
    raw = part.first("content-disposition")
    return raw.partition(b";")[0].strip().decode("latin-1").lower() if raw else ""


def _filename(part: Part) -> str | None:
    """The name in Content-Disposition, else in Content-Type; only its last path component."""
    raw = part.first("content-disposition")
    name = None
    if raw and b";" in raw:
        found = encoded.parameters(raw.partition(b";")[2])
        name = found.get("filename") or found.get("name")
    name = name or part.parameters.get("name") or part.parameters.get("filename")
    if not name:
        return None
    return _safe(name)


def _safe(name: str) -> str:
    name = name.replace("\x00", "")
    last = re.split(r"[\\/]", name.rstrip("\\/"))[-1].strip() if re.search(r"[\\/]", name) else name.strip()
    return last[:255]


def _bare(text: str) -> str:
    """Letters alone, to see whether two texts are the same."""
    return "".join(_LETTERS.findall(text[:20_000]))


def _unsigned(text: str) -> str:
    """The text of clear-signed messages without their armour (RFC 9580 §7)."""
    begin, signature, end = _ARMOUR
    out: list[str] = []
    at = 0
    while True:
        start = text.find(begin, at)
        middle = text.find(signature, start) if start >= 0 else -1
        stop = text.find(end, middle) if middle >= 0 else -1
        if stop < 0:
            out.append(text[at:])
            return "".join(out)
        body = text[start + len(begin) : middle]
        # the armour's own header (Hash: …) ends with an empty line
        body = body.partition("\n\n")[2] or body.lstrip("\n")
        out += [text[at:start], re.sub(r"^- ", "", body, flags=re.MULTILINE)]
        at = text.find("\n", stop) + 1 or len(text)


def _related_root(part: Part) -> Part:
    start = part.parameters.get("start")
    if start:
        for child in part.children:
            if encoded.text(child.first("content-id")) == start:
                return child
    return part.children[0]


def unflow(text: str, *, delete_space: bool) -> str:
    """format=flowed put back into paragraphs (RFC 3676 §4.1); quote depth kept."""
    out: list[str] = []
    paragraph: list[str] = []
    last_depth = 0
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        signature = bare == "-- "
        if paragraph and (depth != last_depth or signature):
            out.append("".join(paragraph))
            paragraph = []
        if not paragraph and depth:
            paragraph.append(">" * depth + " ")
        soft = bare.endswith(" ") and not signature
        paragraph.append(bare[:-1] if soft and delete_space else bare)
        if not soft:
            out.append("".join(paragraph))
            paragraph = []
        last_depth = depth
    if paragraph:
        out.append("".join(paragraph))
    return "\n".join(out)


def _enriched(text: str) -> str:
    """text/enriched (RFC 1896) and text/richtext (RFC 1341) without their commands."""
    text = re.sub(r"<param>[^<]{0,500}</param>", "", text, flags=re.IGNORECASE)
    text = re.sub(r"<nl>", "\n", text, flags=re.IGNORECASE)
    text = text.replace("<lt>", "\x01").replace("<<", "\x01")
    text = re.sub(r"</?[A-Za-z-]{1,60}>", "", text)
    return text.replace("\x01", "<")
