"""Generates the reference page of the catalogue, `docs/meanings.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailrules.catalogue.meanings import Catalogue, Meaning

_FAMILIES: Mapping[str, str] = {
    "items": "Items",
    "acts": "Acts and desk states",
    "asks": "Asks",
    "weight": "Weight and course",
    "matter": "Matter",
    "tone": "Tone",
    "parked": "Parked topics",
    "kinds": "Kinds",
}
_HEAD = """# Meanings

Every meaning that a reader may find in a mail. This page is made from `mailrules/catalogue/` by
`python -m mailrules.catalogue`; edit the YAML files, not the page.

A statement names a meaning, one of its states and the words that carry it. The state `unsure` is possible for every
meaning: the sentence could not be judged, so it counts neither as told nor as missing.
"""


def as_markdown(catalogue: Catalogue) -> str:
    """Return the whole page."""
    out = [_HEAD]
    for family, title in _FAMILIES.items():
        out.append(f"## {title}\n")
        for meaning in catalogue:
            if meaning.family == family:
                out += _entry(meaning)
    return "\n".join(out).rstrip() + "\n"


def _entry(meaning: Meaning) -> Iterable[str]:
    yield f"### `{meaning.id}`\n"
    yield f"{meaning.title.en} · {meaning.title.ja}\n"
    yield f"{meaning.definition.en}  \n{meaning.definition.ja}\n"
    yield f"Read in mails of: {', '.join(meaning.sides)}. States: {', '.join(meaning.states)}.\n"
    for name, sentences in (("Examples", meaning.examples), ("Near-misses", meaning.near_misses)):
        yield f"{name}:\n"
        yield "\n".join(f"- {_plain(s)}" for language in ("en", "ja") for s in sentences.get(language, ())) + "\n"


def _plain(sentence: str) -> str:
    for mark in ("\\", "*", "_", "<", "[", "#"):
        sentence = sentence.replace(mark, f"\\{mark}")
    return sentence
