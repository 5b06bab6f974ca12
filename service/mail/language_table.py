"""Loads the language classifier py3langid, with its tables of 70 MB in a file that is mapped into memory.

Only the used parts of a mapped file take memory, and the system can free them. This does not help if the temporary
folder (``TMPDIR``) is in memory.
"""

import io
import lzma
import shutil
import tempfile
import zipfile
from functools import cache
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier

_LOCAL_HEADER = 30  # size of a zip member's header before its name and extra field (APPNOTE.TXT 4.3.7)


@cache
def load_classifier() -> Any:
    """Return a classifier for about a hundred languages; takes half a second. Raises OSError."""
    try:
        tables = _in_temporary_file()
    except OSError:  # the temporary folder is full or not writable
        tables = _in_memory()
    return LanguageIdentifier(  # type: ignore[no-untyped-call]
        tables["ptc"],
        tables["pc"],
        tables["classes"].tolist(),
        *(np.require(tables[name], requirements="A").data for name in ("nextmove", "out_feat")),
        tk_row=tables["nextmove_row"].tolist(),
    )


def _in_temporary_file() -> dict[str, np.ndarray[Any, Any]]:
    with tempfile.TemporaryFile(suffix=".npz") as file:  # the map stays valid after the file is closed
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
            shutil.copyfileobj(packed, file, length=1 << 20)
        with zipfile.ZipFile(file) as archive:
            return {info.filename.removesuffix(".npy"): _mapped(file, archive, info) for info in archive.infolist()}


def _in_memory() -> dict[str, np.ndarray[Any, Any]]:
    with lzma.open(MODEL_DIR / MODEL_FILE) as packed, np.load(io.BytesIO(packed.read())) as archive:
        return dict(archive)


def _mapped(file: IO[bytes], archive: zipfile.ZipFile, member_info: zipfile.ZipInfo) -> np.ndarray[Any, Any]:
    """Return an uncompressed array of the zip file, mapped into memory."""
    with archive.open(member_info) as member:
        npy.read_magic(member)
        shape, _, kind = npy.read_array_header_1_0(member)
        begin = member.tell()
    file.seek(member_info.header_offset + _LOCAL_HEADER - 4)
    lengths = np.frombuffer(file.read(4), "<u2")
    offset = member_info.header_offset + _LOCAL_HEADER + int(lengths.sum()) + begin
    return np.asarray(np.memmap(file, kind, "r", offset, shape))
