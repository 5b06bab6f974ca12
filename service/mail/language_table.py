"""Loads the language classifier py3langid, with its tables of 70 MB in files that are mapped into memory.

Only the used parts of a mapped file take memory, and the system can free them. This does not help if the temporary
folder (``TMPDIR``) is in memory.
"""

import io
import lzma
import shutil
import tempfile
from functools import cache
from pathlib import Path
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
    with tempfile.TemporaryDirectory() as name:  # a map stays valid after its file is deleted
        folder, tables = Path(name), {}
        with lzma.open(MODEL_DIR / MODEL_FILE) as packed, (folder / "tables.npz").open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked, length=1 << 20)
        with np.load(folder / "tables.npz") as archive:
            for table in archive.files:
                np.save(folder / f"{table}.npy", archive[table])
                tables[table] = np.load(folder / f"{table}.npy", mmap_mode="r")
    return tables
