"""Raw mail, smaller: Zstandard (RFC 8878) with a dictionary of what all mails share.

``mail.zstd-dictionary`` holds 16 KB of header names, MIME boundaries and HTML of mailers, drawn from mails made up for
the tests (``python -m bench.dictionary``), never from anybody's mail: it must stay, as it is, as long as contents that
were packed with it. It makes mails of a few KB an eighth smaller; big ones gain nothing from it and lose nothing.
A frame names its dictionary, so that another one may join later.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

import zstandard

LEVEL = 3
"""The library's own default: levels above cost twice the time for a hundredth of the size (measured on mail)."""
_DICTIONARY = Path(__file__).with_name("mail.zstd-dictionary")

_of_thread = threading.local()
"""A compressor serves one thread at a time."""


def pack(content: bytes) -> bytes:
    """``content`` as one frame that knows its own length and carries a checksum."""
    compressor: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if compressor is None:
        compressor = _of_thread.compressor = zstandard.ZstdCompressor(
            level=LEVEL, dict_data=_dictionary(), write_checksum=True
        )
    return compressor.compress(content)


def unpack(packed: bytes, size: int | None = None) -> bytes:
    """The bytes that were packed; ``size`` of them, if given. Raises ValueError where the frame is broken."""
    decompressor: zstandard.ZstdDecompressor | None = getattr(_of_thread, "decompressor", None)
    if decompressor is None:
        decompressor = _of_thread.decompressor = zstandard.ZstdDecompressor(dict_data=_dictionary())
    try:
        if size is not None and zstandard.frame_content_size(packed) != size:  # it is reserved before it is filled
            raise ValueError("a packed content is of another size")
        return decompressor.decompress(packed)
    except zstandard.ZstdError as error:
        raise ValueError(f"a packed content is broken: {error}") from None


@cache
def _dictionary() -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(_DICTIONARY.read_bytes())
