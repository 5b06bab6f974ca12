"""Names of files in mails: the stated name made safe, otherwise a name as mail clients show."""

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
    """Return the file extension for a media type (``png`` for ``image/png``); ``bin`` if it has none."""
    known = _EXTENSIONS.get(kind)
    subtype = kind.rpartition("/")[2].removeprefix("x-")
    return known or (subtype if re.fullmatch(r"[a-z0-9]{2,4}", subtype) else "bin")


def filename(part: Part) -> str | None:
    """Return the name from Content-Disposition, otherwise Content-Type, without path; None if there is none."""
    stated = encoded.parameters((part.first("content-disposition") or b"").partition(b";")[2])
    other = part.parameters
    name = stated.get("filename") or stated.get("name") or other.get("name") or other.get("filename")
    return safe(name) if name else None


_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that change the reading direction: ``exe.txt`` may read as ``txt.exe``."""


def safe(name: str) -> str:
    """Return the name for display: no path or invisible characters, at most 255 characters; may be empty."""
    name = _HIDDEN.sub("", name)
    last = re.split(r"[\\/]", name.rstrip("\\/"))[-1].strip() if re.search(r"[\\/]", name) else name.strip()
    return last[:255].rstrip() if last.strip(". ") else ""
