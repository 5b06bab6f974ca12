"""Dependencies that run with sodan carry permissive licences: read from the installed packages' own metadata."""

import re
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|BSD|0BSD|[23]-Clause|Apache|ISC|PSF|Python Software Foundation|Unlicense|Public Domain|Zlib|CC0)\b",
    re.I,
)
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|General Public|MPL|Mozilla|EUPL|CDDL|SSPL)", re.I)
# Weak copyleft by file, used as it comes: certifi is Mozilla's list of certificate authorities (data).
# pathspec finds files for the build backend and does not run with sodan.
KNOWN = {"certifi", "pathspec"}


def licence_of(name: str) -> str:
    about = metadata.metadata(name)
    stated = [*(about.get_all("License-Expression") or []), *(about.get_all("License") or [""])[0].split("\n")[:1]]
    stated += [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    if not any(stated):  # some name their licence only by its text
        texts = [str(file.read_text()) for file in metadata.files(name) or [] if file.name in ("COPYING", "LICENSE")]
        stated = ["BSD" for text in texts if "Redistribution and use in source and binary forms" in text]
    return " / ".join(filter(None, stated))


def test_every_locked_dependency_is_permissive() -> None:
    names = re.findall(r"^([a-z0-9][a-z0-9._-]*)==", LOCK.read_text(encoding="utf-8"), re.M)
    assert len(names) > 30
    doubtful = {}
    for name in names:
        try:
            licence = licence_of(name)
        except metadata.PackageNotFoundError:
            continue  # locked for another platform
        if name not in KNOWN and (not PERMISSIVE.search(licence) or COPYLEFT.search(licence)):
            doubtful[name] = licence
    assert not doubtful
