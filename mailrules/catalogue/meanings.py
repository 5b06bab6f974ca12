"""Entries of the catalogue: one YAML file per family, one entry per meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from mailrules.statement import UNSURE

FAMILIES = ("items", "acts", "asks", "weight", "matter", "tone", "parked", "kinds")
"""The shipped files, in the order of the page."""
LANGUAGES = ("ja", "en")
STATES = frozenset(("value", "none", "unknown", "pending", "partial", "not_applicable", "placeholder", "empty", UNSURE))
SIDES = frozenset(("requester", "team", "vendor"))
ENOUGH = 5  # minimum number of examples and near-misses of a shipped meaning, per language
INFO = "ask.info"
"""The only meaning with instances: `ask.info.<item>` for each item that has no request meaning of its own."""


class CatalogueError(ValueError):
    """A catalogue that cannot be used; the text is one line with file, meaning and reason."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same text in Japanese and English."""

    ja: str
    en: str

    def in_language(self, language: str) -> str:
        return self.ja if language == "ja" else self.en


class Meaning(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry. `sides`: sides in whose mail the meaning can occur. `states`: possible states of its statements."""

    id: str
    title: Text
    definition: Text
    sides: tuple[str, ...]
    states: tuple[str, ...] = ("value",)
    examples: dict[str, tuple[str, ...]] = {}
    near_misses: dict[str, tuple[str, ...]] = {}
    advice: Text | None = None  # what the writer could do instead (tone)
    rewrite: Text | None = None  # the same message in more polite words (tone)
    wants: str | None = None  # the item that this request asks for; `ask.info.<item>` does not exist for such an item
    family: str = ""


@dataclass(frozen=True)
class Catalogue:
    """All meanings by id, in the order of the files."""

    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Meaning]:
        return iter(self.meanings.values())

    def get(self, meaning: str) -> Meaning | None:
        """Return the entry of an id, or None; `ask.info.version` is an instance of `ask.info`."""
        found = self.meanings.get(meaning)
        if found is None and meaning.startswith(f"{INFO}.") and meaning[len(INFO) + 1 :] in self.wanted:
            return self.meanings.get(INFO)
        return found

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids that a statement may have, including instances."""
        plain = [meaning for meaning in self.meanings if meaning != INFO]
        return (*plain, *(f"{INFO}.{item}" for item in self.wanted))

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of the checklist items, without `item.`."""
        return tuple(meaning.removeprefix("item.") for meaning in self.meanings if meaning.startswith("item."))

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """Items that are requested as `ask.info.<item>`."""
        own = {meaning.wants for meaning in self}
        return tuple(item for item in self.items if item not in own)

    def fault(self, meaning: str, state: str, side: str | None = None) -> str | None:
        """Return why a statement is invalid in this catalogue; None for a valid statement."""
        entry = self.get(meaning)
        if entry is None:
            return f"unknown meaning {meaning!r}; docs/meanings.md lists the meanings"
        if state != UNSURE and state not in entry.states:
            return f"{meaning} has no state {state!r}; its states are {', '.join(entry.states)}"
        if side is not None and side != "unknown" and side not in entry.sides:
            return f"{meaning} does not occur in mail of the side {side}"
        return None

    def extended(self, more: Iterable[Meaning], where: str) -> Catalogue:
        """Return a catalogue with additional meanings. Raises CatalogueError if an id already exists."""
        meanings = dict(self.meanings)
        for meaning in more:
            if meaning.id in meanings:
                raise CatalogueError(
                    f"{where}: {meaning.id}: the catalogue already has a meaning with this id; use another id"
                )
            meanings[meaning.id] = meaning
        return Catalogue(meanings)


@cache
def load() -> Catalogue:
    """Return the shipped catalogue. Raises CatalogueError."""
    catalogue = Catalogue()
    for family in FAMILIES:
        file = files("mailrules") / "catalogue" / f"{family}.yaml"
        written = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        catalogue = catalogue.extended(read_meanings(written, file.name, family, enough=ENOUGH), file.name)
    return catalogue


def read_meanings(written: Any, where: str, family: str = "", *, enough: int = 1) -> tuple[Meaning, ...]:
    """Build meanings from plain values. `enough`: minimum number of examples per language. Raises CatalogueError."""
    if not isinstance(written, list):
        raise CatalogueError(f"{where}: expected a list of meanings")
    return tuple(_meaning(entry, where, family, enough) for entry in written)


def _meaning(entry: Any, where: str, family: str, enough: int) -> Meaning:
    name = entry.get("id", "?") if isinstance(entry, dict) else "?"
    try:
        meaning = msgspec.convert(entry, Meaning)
    except msgspec.ValidationError as error:
        raise CatalogueError(f"{where}: {name}: {error}") from None
    fault = _fault(meaning, enough)
    if fault:
        raise CatalogueError(f"{where}: {meaning.id}: {fault}")
    return msgspec.structs.replace(meaning, family=family or meaning.id.partition(".")[0])


def _fault(meaning: Meaning, enough: int) -> str | None:
    if unknown := set(meaning.states) - STATES:
        return f"unknown state: {', '.join(sorted(unknown))}; the states are {', '.join(sorted(STATES - {UNSURE}))}"
    if not meaning.sides or (unknown := set(meaning.sides) - SIDES):
        return f"sides: expected some of {', '.join(sorted(SIDES))}, not {list(meaning.sides)}"
    for name, sentences in (("examples", meaning.examples), ("near_misses", meaning.near_misses)):
        for language in LANGUAGES:
            given = sentences.get(language, ())
            if len(given) < enough:
                return f"{name}: {len(given)} sentences in {language}, at least {enough} are needed"
            if len(set(given)) < len(given):
                return f"{name}: a sentence occurs twice in {language}"
    both = {s for given in meaning.examples.values() for s in given}
    if twice := both & {s for given in meaning.near_misses.values() for s in given}:
        return f"a sentence is both example and near-miss: {sorted(twice)[0]!r}"
    return None
