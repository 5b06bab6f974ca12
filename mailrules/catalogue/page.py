"""Generates the reference page of the catalogue, `docs/meanings.md`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mailrules.catalogue.meanings import Catalogue, Meaning

_FAMILIES: Mapping[str, str] = {
    "items": "Items",
    "acts": "Acts and desk states",
    "asks": "Asks",
    "weight": "Impact, urgency and state",
    "matter": "Properties of the request",
    "tone": "Tone",
    "parked": "Parked topics",
    "kinds": "Kinds",
}
_HEAD = """# Meanings

Every meaning that a reader can find in a mail. This page is generated from `mailrules/catalogue/` by
`python -m mailrules.catalogue`; edit the YAML files, not this page.

A statement consists of a meaning, one of its states and the quoted text. A near-miss is a similar sentence that does
not have the meaning. Every meaning can also have the state `unsure`: the reader could not decide, so the statement
counts neither as given nor as missing.
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
    yield f"Found in mail of: {', '.join(meaning.sides)}. States: {', '.join(meaning.states)}.\n"
    for name, sentences in (("Examples", meaning.examples), ("Near-misses", meaning.near_misses)):
        yield f"{name}:\n"
        yield "\n".join(f"- {_plain(s)}" for language in ("en", "ja") for s in sentences.get(language, ())) + "\n"


def _plain(sentence: str) -> str:
    for mark in ("\\", "*", "_", "<", "[", "#"):
        sentence = sentence.replace(mark, f"\\{mark}")
    return sentence
