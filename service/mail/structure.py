"""Classifies MIME parts as body, attachment, message or report. See RFC 2045–2049, RFC 2387, RFC 6522, RFC 1847.

The rules follow the behaviour of mail programs. A text part without a file name belongs to the body in any position.
The parts of multipart/alternative are one text. A picture in multipart/related is a file shown inline.
"""

import re

from asn1crypto import cms

from service.mail import calendar, charset, encoded, mime, msgfile, plain, rtf, tnef, transfer
from service.mail.contents import (
    Contents,
    DecodedFile,
    InnerMessage,
    Segment,
    extension,
    filename_of,
    letters,
    safe_name,
)
from service.mail.mime import Part

MAX_FILES = 2_000
MAX_BYTES = 6_000_000  # maximum bytes of one text part; a longer one is truncated (defect ``text-cut``)

_REPORT_PARTS = frozenset(
    "message/delivery-status message/global-delivery-status message/disposition-notification"
    " message/global-disposition-notification message/feedback-report message/tracking-status".split()
)
_HEADERS_ONLY = frozenset({"text/rfc822-headers", "message/rfc822-headers", "message/global-headers"})
_TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_PKCS7 = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_MSG = frozenset({"application/vnd.ms-outlook", "application/msoutlook", "application/x-msg"})
_CALENDAR = frozenset({"text/calendar", "application/ics"})


def classify(root: Part) -> Contents:
    """Classify every part of one message."""
    classified = Contents()
    _Classifier(classified).part(root, classified.segments, "root")
    return classified


class _Classifier:
    def __init__(self, contents: Contents) -> None:
        self.contents = contents

    def part(self, part: Part, segments: list[Segment], container: str = "mixed", *, in_report: bool = False) -> None:
        """Classify one part; its texts are added to ``segments``.

        ``container``: the multipart that contains it (``mixed``, ``alternative``, ``related``), or ``root``.
        ``in_report``: whether it is a part of a report after the first one.
        """
        kind = part.kind
        if kind.startswith("multipart/"):
            self._multipart(part, segments, in_report)
        elif kind in mime.MESSAGES:
            self._message(part, in_report)
        elif kind in _HEADERS_ONLY:
            self.contents.returned.append(part)
        elif kind in _REPORT_PARTS:
            self.contents.reports.append((kind, self._text(part)))
        else:
            self._leaf(part, segments, container)

    def _multipart(self, part: Part, segments: list[Segment], in_report: bool) -> None:
        kind, children = part.kind, part.children
        if part.opaque:
            self._file(part, part.body)
            return
        if not children:
            # no boundary, or no delimiter in the body: treat it as text
            if part.body.strip():
                self.contents.defects.add("mime-no-parts")
                text, _ = charset.decode(part.body, part.parameters.get("charset"))
                segments.append(Segment(plain=plain.normalised(text)))
            return
        if kind == "multipart/alternative":
            self._alternative(children, segments)
        elif kind == "multipart/encrypted":
            protocol = part.parameters.get("protocol", "")
            self.contents.defects.add("encrypted-pgp" if "pgp" in protocol.lower() else "encrypted")
            for child in children:
                self._file(child, self._payload(child))
        elif kind == "multipart/report":
            for index, child in enumerate(children):
                self.part(child, segments, in_report=index > 0)
        else:
            root = _related_root(part)
            for child in children:
                container = "related" if kind == "multipart/related" and child is not root else "mixed"
                self.part(child, segments, container, in_report=in_report)

    def _alternative(self, children: list[Part], segments: list[Segment]) -> None:
        alternatives: list[Segment] = []
        for child in children:
            self.part(child, alternatives, "alternative")
        plain = "\n\n".join(segment.plain for segment in alternatives if segment.plain.strip())
        markup = "\n".join(segment.html for segment in alternatives if segment.html.strip())
        if plain or markup:
            segments.append(Segment(plain, markup))

    def _message(self, part: Part, in_report: bool) -> None:
        payload = part.body
        if not part.children:  # encoded, although RFC 2046 §5.2.1 forbids it
            payload = self._payload(part)
            part.children.append(mime.read(payload, self.contents.defects, part.path + ".m"))
        if in_report:
            self.contents.returned.append(part.children[0])
            return
        self.contents.messages.append(InnerMessage(part.children[0]))
        name = filename_of(part)
        if not name:
            subject = encoded.decode_field(part.children[0].first("subject"))
            name = safe_name(re.sub(r'[\\/:*?"<>|]+', "_", subject)[:80].strip() or "message") + ".eml"
        self._add(DecodedFile(name, part.kind, payload, part.path))

    def _leaf(self, part: Part, segments: list[Segment], container: str) -> None:
        kind = part.kind
        disposition, name = _disposition(part), filename_of(part)
        if kind in _CALENDAR:
            self._calendar(part, name, disposition)
        elif kind.startswith("text/") and kind not in ("text/x-vcard", "text/vcard", "text/directory"):
            is_file = _is_file(kind, name, disposition, container, bool(segments))
            if is_file or (name and (container == "mixed" or disposition)):
                self._file(part, self._payload(part))
            if is_file:
                return  # otherwise it is the only body: show it, even if it has a name
            if kind == "text/html":
                segments.append(Segment(html=self._text(part)))
            else:
                self._plain(part, segments)
        elif kind in _TNEF or (name or "").casefold() == "winmail.dat":
            self._tnef(part, segments)
        elif kind in _PKCS7 or (name or "").casefold().endswith((".p7m", ".p7z")):
            self._smime(part, segments)
        elif kind == "application/pgp":  # a signed text by programs older than multipart/signed (RFC 3156)
            self._plain(part, segments)
        elif kind == "message/partial":
            # the rest is in other mails (RFC 2046 §5.2.2)
            self.contents.defects.add("message-partial")
            self._file(part, part.body)
        elif kind in _MSG or (name or "").casefold().endswith(".msg"):
            self._msg(part)
        else:
            self._file(part, self._payload(part))

    def _msg(self, part: Part) -> None:
        """Add an Outlook mail both as a file and as an attached message."""
        payload = self._payload(part)
        self._file(part, payload, fallback="message.msg")
        inner = msgfile.read(payload, part.path + ".m")
        if inner is not None:
            self.contents.messages.append(inner)

    def _plain(self, part: Part, segments: list[Segment]) -> None:
        payload, files = transfer.split_uuencoded(self._payload(part))
        for index, (name, data) in enumerate(files, 1):
            filename = safe_name(encoded.parameter_text(name))
            self._add(DecodedFile(filename, "application/octet-stream", data, f"{part.path}/u{index}"))
        text = self._decode(part, payload)
        if part.kind == "text/rtf":
            text = rtf.read(payload)[0]
        if "-----BEGIN PGP MESSAGE-----" in text:
            self.contents.defects.add("encrypted-pgp")
        text = plain.without_pgp_lines(text)
        if part.parameters.get("format", "").lower() == "flowed":
            text = plain.join_flowed(text, delete_space=part.parameters.get("delsp", "").lower() == "yes")
        segments.append(Segment(plain=text))

    def _calendar(self, part: Part, name: str | None, disposition: str) -> None:
        attached = disposition == "attachment"
        event = None if attached else calendar.read(self._text(part), part.parameters.get("method", ""))
        if event is not None:
            self.contents.events.append(event)
        if attached or name or event is None:
            self._file(part, self._payload(part), fallback="invite.ics")

    def _tnef(self, part: Part, segments: list[Segment]) -> None:
        unpacked = tnef.read(self._payload(part), part.path)
        if unpacked is None:
            self.contents.defects.add("tnef-broken")
            self._file(part, self._payload(part))
            return
        self.contents.defects.update(unpacked.defects)
        self.contents.subject = self.contents.subject or unpacked.subject
        [segment] = unpacked.segments
        text_before = letters("".join(other.text for other in segments))
        if letters(segment.text)[:200] not in text_before:
            segments.append(segment)
        for file in unpacked.files:
            self._add(file)

    def _smime(self, part: Part, segments: list[Segment]) -> None:
        payload = self._payload(part)
        self._file(part, payload, fallback="smime.p7m")
        content = _signed_content(payload)
        if content is None:
            self.contents.defects.add("encrypted-smime")
        else:
            self.part(mime.read(content, self.contents.defects, part.path + "/s"), segments)

    def _file(self, part: Part, payload: bytes, fallback: str = "") -> None:
        stem = part.kind.partition("/")[0]
        stem = "file" if stem in ("application", "message") else stem
        name = filename_of(part) or fallback or f"{stem}.{extension(part.kind)}"
        disposition = _disposition(part)
        is_shown = disposition == "inline" or (disposition != "attachment" and part.first("content-id") is not None)
        inline = is_shown and part.kind.startswith("image/")
        self._add(DecodedFile(name, part.kind, payload, part.path, inline))

    def _add(self, file: DecodedFile) -> None:
        if len(self.contents.files) < MAX_FILES:
            self.contents.files.append(file)
        else:
            self.contents.defects.add("files-many")

    def _payload(self, part: Part) -> bytes:
        payload, defect = transfer.decode(part.body, part.first("content-transfer-encoding"))
        if defect:
            self.contents.defects.add(defect)
        return payload

    def _text(self, part: Part) -> str:
        return self._decode(part, self._payload(part))

    def _decode(self, part: Part, payload: bytes) -> str:
        label = part.parameters.get("charset")
        if part.kind == "text/html" and not label:
            match = _META.search(payload[:2_000])
            label = match[1].decode("ascii", "replace") if match else None
        if len(payload) > MAX_BYTES:
            self.contents.defects.add("text-cut")
            # cut at a line end; if there is none, inside a character at worst
            cut = payload.rfind(b"\n", MAX_BYTES - 100_000, MAX_BYTES)
            payload = payload[: cut if cut > 0 else MAX_BYTES]
        text, defect = charset.decode(payload, label)
        if defect:
            self.contents.defects.add(defect)
        return plain.normalised(text)


_META = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)


def _disposition(part: Part) -> str:
    raw = part.first("content-disposition")
    return raw.partition(b";")[0].strip().decode("latin-1").lower() if raw else ""


def _is_file(kind: str, name: str | None, disposition: str, container: str, has_body: bool) -> bool:
    """Return whether a text part is a file: it is marked as one, or is not part of the body."""
    if disposition == "attachment":
        return bool(name) or container != "root"
    if container == "related":
        return kind != "text/html"
    if container == "mixed" and name:
        return has_body or kind != "text/plain"
    return False


def _related_root(part: Part) -> Part:
    """Return the part that ``start`` names, or the first one: the text of multipart/related (RFC 2387 §3.2)."""
    start, children = part.parameters.get("start"), part.children
    named = (child for child in children if start and encoded.decode_field(child.first("content-id")) == start)
    return next(named, children[0])


def _signed_content(data: bytes) -> bytes | None:
    """Return the MIME part inside signed data (RFC 8551 §3.5.2), or None. The signature is not verified."""
    try:
        info = cms.ContentInfo.load(data)  # type: ignore[no-untyped-call]
        signed = info["content_type"].native == "signed_data"
        value = info["content"]["encap_content_info"]["content"].native if signed else None
        return bytes(value) if isinstance(value, bytes | bytearray) else None
    except Exception:  # asn1crypto raises many kinds of errors on invalid DER
        return None
