"""Loads the language classifier py3langid, with its tables in files mapped into memory.

Only the used parts of a mapped file take memory, and the system can free them. This does not help if the temporary
folder (``TMPDIR``) is in memory.
"""

import io
import lzma
import shutil
import tempfile
from functools import cache
from typing import Any

import numpy as np
from py3langid.langid import MODEL_DIR, MODEL_FILE, LanguageIdentifier


@cache
def load_classifier() -> Any:
    """Return a classifier for about a hundred languages; takes half a second. Raises OSError."""
    try:
        tables = _mapped_tables()
    except OSError:  # the temporary folder is full or not writable
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed, np.load(io.BytesIO(packed.read())) as archive:
            tables = dict(archive)
    return LanguageIdentifier(  # type: ignore[no-untyped-call]
        tables["ptc"],
        tables["pc"],
        tables["classes"].tolist(),
        tables["nextmove"].data,
        tables["out_feat"].data,
        tk_row=tables["nextmove_row"].tolist(),
    )


def _mapped_tables() -> dict[str, Any]:
    tables = {}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as unpacked:
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed:
            shutil.copyfileobj(packed, unpacked, length=1 << 20)
        unpacked.seek(0)
        with np.load(unpacked) as archive:
            for name in archive.files:
                np.save(f"{folder}/{name}.npy", archive[name])
                tables[name] = np.load(f"{folder}/{name}.npy", mmap_mode="r")  # valid after its file is deleted
    return tables
