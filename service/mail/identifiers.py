"""Identity of mails: Message-ID, In-Reply-To, References (RFC 5322 §3.6.4), Thread-Index."""

from __future__ import annotations

import re
from hashlib import sha256

from service.mail.encoded import base64

MAX_REFERENCES = 1_000
MAX_ID = 900
"""Bytes of one id; a longer one is shortened, the same one always to the same."""
_ANGLE = re.compile(r"<([^<>]*)>")
_SEPARATORS = re.compile(r"[\s<>\"',;()]+")


def message_id(raw: bytes | None) -> str | None:
    """The id in angle brackets without white space; None where the field names none."""
    found = message_ids(raw)
    return found[0] if found else None


def message_ids(raw: bytes | None) -> tuple[str, ...]:
    """Every id of the field, in order, once; free words around them ("Your message of …") are ignored."""
    if not raw:
        return ()
    value = raw.decode("utf-8", "replace").replace("\x00", "")
    found = [re.sub(r"\s+", "", inner) for inner in _ANGLE.findall(value)]
    found = [inner for inner in found if inner]
    if not found:
        found = [word for word in _SEPARATORS.split(value) if "@" in word.strip("@")]
        if not found and value.strip() and not re.search(r"\s", value.strip().strip("<>")):
            found = [value.strip().strip("<>")]
    unique = list(dict.fromkeys(f"<{_fit(inner)}>" for inner in found if inner))
    if len(unique) > MAX_REFERENCES:
        # root and nearest parents decide; the middle does not
        unique = unique[:1] + unique[-(MAX_REFERENCES - 1) :]
    return tuple(unique)


def _fit(id: str) -> str:
    """No line of a header holds an id of a thousand bytes (RFC 5322 §2.1.1), and no index of a database either."""
    if len(id) <= MAX_ID // 4:
        return id
    raw = id.encode("utf-8", "replace")
    if len(raw) <= MAX_ID:
        return id
    return f"{raw[: MAX_ID - 70].decode('utf-8', 'ignore')}.{sha256(raw).hexdigest()}"


def thread_root(raw: bytes | None) -> str | None:
    """Hex of the 22 leading bytes of Exchange's Thread-Index ([MS-OXOMSG] 2.2.1.3): equal within a conversation."""
    if not raw or len(raw) > 100_000:
        return None
    data = base64(raw)
    return data[:22].hex() if len(data) >= 22 else None
