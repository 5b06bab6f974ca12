"""The language classifier, with its tables in a file that is mapped into memory.

The tables of py3langid take 70 MB. Mapped, only the pages that texts lead to are in memory, and the system can drop
them.
"""

from __future__ import annotations

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
    """Load the classifier for about a hundred languages; half a second."""
    with tempfile.TemporaryFile(suffix=".npz") as file:  # a map of it stays after it is closed
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
            shutil.copyfileobj(packed, file, length=1 << 20)
        with zipfile.ZipFile(file) as archive:
            table = {info.filename: _mapped(file, archive, info) for info in archive.infolist()}
    return LanguageIdentifier(  # type: ignore[no-untyped-call]
        table["ptc.npy"],
        table["pc.npy"],
        table["classes.npy"].tolist(),
        *(np.require(table[f"{name}.npy"], requirements="A").data for name in ("nextmove", "out_feat")),
        tk_row=table["nextmove_row.npy"].tolist(),
    )


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
