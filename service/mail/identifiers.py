"""Reads the fields that link mails: Message-ID, In-Reply-To, References, Thread-Index."""

import re
from hashlib import sha256

from service.mail.encoded import base64

MAX_REFERENCES = 1_000
MAX_ID = 900  # Maximum bytes of one id. A longer id ends with its hash, so that different ids stay different.
_ANGLE = re.compile(r"<([^<>]*)>")
_SEPARATORS = re.compile(r"[\s<>\"',;()]+")


def message_id(raw: bytes | None) -> str | None:
    """Return the first ``<id>`` of a field (RFC 5322 §3.6.4), or None."""
    return next(iter(message_ids(raw)), None)


def message_ids(raw: bytes | None) -> tuple[str, ...]:
    """Return each ``<id>`` of a field, in order. Other words ("Your message of …") are ignored."""
    if not raw:
        return ()
    value = raw.decode("utf-8", "replace").replace("\x00", "")
    ids = list(filter(None, (re.sub(r"\s+", "", id) for id in _ANGLE.findall(value))))
    if not ids:
        ids = [id for id in _SEPARATORS.split(value) if "@" in id.strip("@")]
        if not ids and value.strip() and not re.search(r"\s", value.strip().strip("<>")):
            ids = [value.strip().strip("<>")]
    unique = list(dict.fromkeys(f"<{_shortened(id)}>" for id in ids if id))
    if len(unique) > MAX_REFERENCES:
        # only the root and the nearest parents matter
        unique = unique[:1] + unique[-(MAX_REFERENCES - 1) :]
    return tuple(unique)


def _shortened(id: str) -> str:
    """Shorten an id to ``MAX_ID`` bytes. They fit on a header line (RFC 5322 §2.1.1) and into an index."""
    raw = id.encode("utf-8", "replace")
    if len(raw) <= MAX_ID:
        return id
    return f"{raw[: MAX_ID - 70].decode('utf-8', 'ignore')}.{sha256(raw).hexdigest()}"


def thread_root(raw: bytes | None) -> str | None:
    """Return the first 22 bytes of Thread-Index in hex, or None. A conversation shares them ([MS-OXOMSG] 2.2.1.3)."""
    if not raw or len(raw) > 100_000:
        return None
    data = base64(raw)
    return data[:22].hex() if len(data) >= 22 else None
