"""Identity of mails: Message-ID, In-Reply-To, References (RFC 5322 §3.6.4), Thread-Index."""

from __future__ import annotations

import re
from hashlib import sha256

from service.mail.encoded import base64

MAX_REFERENCES = 1_000
MAX_ID = 900
"""Maximum bytes of one id; a longer one is shortened, always to the same result."""
_ANGLE = re.compile(r"<([^<>]*)>")
_SEPARATORS = re.compile(r"[\s<>\"',;()]+")


def message_id(raw: bytes | None) -> str | None:
    """Return the id in angle brackets without white space; None if the field has none."""
    found = message_ids(raw)
    return found[0] if found else None


def message_ids(raw: bytes | None) -> tuple[str, ...]:
    """Return every id of the field once, in order; other words ("Your message of …") are ignored."""
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
        # only the root and the nearest parents matter
        unique = unique[:1] + unique[-(MAX_REFERENCES - 1) :]
    return tuple(unique)


def _fit(id: str) -> str:
    """Shorten an id that is too long for a header line (RFC 5322 §2.1.1) and for a database index."""
    if len(id) <= MAX_ID // 4:
        return id
    raw = id.encode("utf-8", "replace")
    if len(raw) <= MAX_ID:
        return id
    return f"{raw[: MAX_ID - 70].decode('utf-8', 'ignore')}.{sha256(raw).hexdigest()}"


def thread_root(raw: bytes | None) -> str | None:
    """Return the first 22 bytes of Exchange's Thread-Index in hex: the conversation ([MS-OXOMSG] 2.2.1.3)."""
    if not raw or len(raw) > 100_000:
        return None
    data = base64(raw)
    return data[:22].hex() if len(data) >= 22 else None
