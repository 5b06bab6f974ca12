"""Names of files in mails."""

from __future__ import annotations

import re

from service.mail import encoded
from service.mail.mime import Part

_EXTENSIONS = {
    "image/jpeg": "jpg", "image/svg+xml": "svg", "text/plain": "txt", "text/html": "html", "text/calendar": "ics",
    "text/vcard": "vcf", "text/x-vcard": "vcf", "application/pgp-signature": "asc", "application/pgp-encrypted": "asc",
    "application/pkcs7-signature": "p7s", "application/x-pkcs7-signature": "p7s",
}  # fmt: skip


def extension(kind: str) -> str:
    """Return the file extension for a media type, such as ``png`` for ``image/png``; ``bin`` if none is known."""
    known = _EXTENSIONS.get(kind)
    subtype = kind.rpartition("/")[2].removeprefix("x-")
    return known or (subtype if re.fullmatch(r"[a-z0-9]{2,4}", subtype) else "bin")


def filename(part: Part) -> str | None:
    """Return the safe name from Content-Disposition, otherwise from Content-Type; None if neither states one."""
    disposition = encoded.parameters((part.first("content-disposition") or b"").partition(b";")[2])
    name = disposition.get("filename") or disposition.get("name")
    name = name or part.parameters.get("name") or part.parameters.get("filename")
    return safe(name) if name else None


_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, including those that reverse the text: they can make ``exe.txt`` look like ``txt.exe``."""


def safe(name: str) -> str:
    """Return a file name without path and control characters, at most 255 characters; may be empty."""
    name = _HIDDEN.sub("", name)
    base_name = re.split(r"[\\/]", name.rstrip("\\/"))[-1].strip() if re.search(r"[\\/]", name) else name.strip()
    return base_name[:255].rstrip() if base_name.strip(". ") else ""
