"""The dependencies of sodan have permissive licences, by the metadata of the installed packages."""

import re
from importlib import metadata
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
PERMISSIVE = re.compile(
    r"\b(MIT|MIT-0|BSD|0BSD|[23]-Clause|Apache|ISC|PSF|Python Software Foundation|Unlicense|Public Domain|Zlib|CC0)\b",
    re.I,
)
COPYLEFT = re.compile(r"\b(A?GPL|LGPL|General Public|MPL|Mozilla|EUPL|CDDL|SSPL)", re.I)
# certifi (MPL) contains only data: the certificate authorities of Mozilla.
# pathspec (MPL) is part of the build backend, and is not used when sodan runs.
KNOWN = {"certifi", "pathspec"}


def licence_of(name: str) -> str:
    about = metadata.metadata(name)
    stated = [*(about.get_all("License-Expression") or []), *(about.get_all("License") or [""])[0].split("\n")[:1]]
    stated += [c for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    if not any(stated):  # some packages contain only the text of their licence
        texts = [str(file.read_text()) for file in metadata.files(name) or [] if file.name in ("COPYING", "LICENSE")]
        stated = ["BSD" for text in texts if "Redistribution and use in source and binary forms" in text]
    return " / ".join(filter(None, stated))


def test_every_locked_dependency_has_a_permissive_licence() -> None:
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
