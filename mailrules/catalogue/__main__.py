"""Prints the reference of the catalogue: `python -m mailrules.catalogue > docs/meanings.md`."""

import sys

from mailrules.catalogue.meanings import FAMILIES, Catalogue, Meaning, Sentences, load

_SHOWN = 2  # sentences of each language that a cell shows
_HEAD = """# Meanings

This page lists every meaning that sodan can find in a mail. The column "for example" shows sentences that have the
meaning. The column "not" shows similar sentences that do not have it. `mailrules/catalogue/` and `GET /api/meanings`
contain more sentences, and the states of each meaning.

If sodan finds a meaning, it makes a statement: the meaning, its state and the quoted text. The state `unsure` means
that sodan could not decide. Such a statement counts neither as given nor as missing.

To change this page, edit the YAML files and run `python -m mailrules.catalogue > docs/meanings.md`.
"""


def as_markdown(catalogue: Catalogue) -> str:
    """Return the page docs/meanings.md: one table for each family, one row for each meaning."""
    out = [_HEAD]
    for family, title in FAMILIES.items():
        out.append(f"\n## {title}\n\n| meaning | definition | for example | not |\n|---|---|---|---|\n")
        out += [_row(meaning) for meaning in catalogue if meaning.family == family]
    return "".join(out)


def _row(meaning: Meaning) -> str:
    cells = (
        f"`{meaning.id}`<br>{meaning.title.en}<br>{meaning.title.ja}",
        f"{meaning.definition.en}<br>{meaning.definition.ja}",
        _sentences(meaning.examples),
        _sentences(meaning.near_misses),
    )
    return f"| {' | '.join(cells)} |\n"


def _sentences(by_language: Sentences) -> str:
    return "<br>".join(_plain(s) for some in (by_language["en"], by_language["ja"]) for s in some[:_SHOWN])


def _plain(sentence: str) -> str:
    for mark in ("\\", "*", "_", "<", "[", "#", "|"):
        sentence = sentence.replace(mark, f"\\{mark}")
    return sentence


if __name__ == "__main__":
    sys.stdout.write(as_markdown(load()))
