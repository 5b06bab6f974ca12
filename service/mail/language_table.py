"""The language classifier, with its tables in a file that is mapped into memory.

The tables of py3langid take 70 MB. Mapped, only the pages that texts lead to are in memory, and the system can drop
them, unless the temporary folder (``TMPDIR``) is itself in memory. py3langid needs that folder too.
"""

from __future__ import annotations

import io
import lzma
import shutil
import tempfile
import zipfile
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

_LOCAL_HEADER = 30
"""Bytes before the name of a member of an archive (APPNOTE.TXT 4.3.7); its name and extra field follow."""


def load_classifier() -> Any:
    """Load the classifier for about a hundred languages; half a second. Raises OSError."""
    try:
        table = _in_temporary_file()
    except OSError:  # the temporary folder is full or not writable
        table = _in_memory()
    return LanguageIdentifier(  # type: ignore[no-untyped-call]
        table["ptc"],
        table["pc"],
        table["classes"].tolist(),
        *(np.require(table[name], requirements="A").data for name in ("nextmove", "out_feat")),
        tk_row=table["nextmove_row"].tolist(),
    )


def _in_temporary_file() -> dict[str, np.ndarray[Any, Any]]:
    with tempfile.TemporaryFile(suffix=".npz") as file:  # a map of it stays after it is closed
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
            shutil.copyfileobj(packed, file, length=1 << 20)
        with zipfile.ZipFile(file) as archive:
            return {info.filename.removesuffix(".npy"): _mapped(file, archive, info) for info in archive.infolist()}


def _in_memory() -> dict[str, np.ndarray[Any, Any]]:
    with lzma.open(MODEL_DIR / MODEL_FILE) as packed, np.load(io.BytesIO(packed.read())) as archive:
        return dict(archive)


def _mapped(file: IO[bytes], archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """Return an array of the archive, which is not compressed, without reading it."""
    with archive.open(info) as member:
        npy.read_magic(member)
        shape, _, kind = npy.read_array_header_1_0(member)
        begin = member.tell()
    file.seek(info.header_offset + _LOCAL_HEADER - 4)
    lengths = np.frombuffer(file.read(4), "<u2")
    offset = info.header_offset + _LOCAL_HEADER + int(lengths.sum()) + begin
    return np.asarray(np.memmap(file, kind, "r", offset, shape))
