"""Attachments: always sent as a download and never displayed by a browser, whatever their type."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path
from starlette.responses import Response

from service.api.dependencies import TheDesk
from service.api.problems import documented
from service.mail import parse
from service.store import timeline

Number = Annotated[int, Path(ge=1, le=2**62, description="Id of the attachment.")]
BYTES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file. `X-Content-Type` is its media type.",
    }
}
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)", re.IGNORECASE)


router = APIRouter(prefix="/api/attachments", tags=["messages"])


@router.get("/{id}", response_class=Response, responses={**BYTES, **documented(404, 503)})
def read_attachment(desk: TheDesk, id: Number) -> Response:
    """Return the file as a download."""
    file = desk.database.read(lambda conn: timeline.file(conn, id))
    raw = desk.content(file.spool_id)
    return Response(
        parse.attachment(raw, file.part),
        headers={
            "Content-Type": "application/octet-stream",
            "X-Content-Type": _token(file.content_type),
            "Content-Disposition": disposition(file.filename),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, no-cache",
            "ETag": f'"{file.sha256}"',
        },
    )


def disposition(filename: str) -> str:
    """Return a Content-Disposition header for a file name from a mail (RFC 6266).

    Folders, drives, leading dots, control characters and characters that change the text direction are removed. A
    Windows device name, with any extension, is prefixed with an underscore.
    """
    name = unicodedata.normalize("NFC", filename.encode("utf-8", "replace").decode())
    name = re.split(r"[\\/]", name)[-1]
    name = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))
    name = re.sub(r'[<>:"|?*]', "_", name).strip(" .") or "attachment"
    if _DEVICE.match(name):
        name = f"_{name}"
    name = name[:150] if len(name) <= 150 else f"{name[:120]}…{name[-29:]}"
    plain = re.sub(r"[^A-Za-z0-9._ -]", "_", unicodedata.normalize("NFKD", name)) or "attachment"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _token(content_type: str) -> str:
    """Return the media type, or ``application/octet-stream`` if it is not valid (RFC 9110 §8.3.1)."""
    written = content_type.partition(";")[0].strip().lower()
    return (
        written
        if re.fullmatch(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}", written)
        else "application/octet-stream"
    )
