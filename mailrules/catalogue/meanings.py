"""Entries of the catalogue: one YAML file per family, one entry per meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from mailrules.fields import Bilingual, Model
from mailrules.resources import read_yaml
from mailrules.statement import UNSURE

FAMILIES = {
    "items": "Items",
    "acts": "Acts and desk states",
    "asks": "Asks",
    "weight": "Impact, urgency and state",
    "matter": "Properties of the request",
    "tone": "Tone",
    "parked": "Parked topics",
    "kinds": "Kinds",
}
"""The shipped files, each with its heading in docs/meanings.md."""
Language = Literal["ja", "en"]
State = Literal["value", "none", "unknown", "pending", "partial", "not_applicable", "placeholder", "empty", "unsure"]
STATES = frozenset(get_args(State))
Sentences = dict[Language, Annotated[list[str], Field(min_length=1)]]
INFO = "ask.info"
"""The only meaning with instances: `ask.info.<item>` for each item that has no request meaning of its own."""


class Meaning(Model):
    """One meaning of the catalogue. `sides`: whose mail can state it. `states`: states that a statement can have."""

    id: str
    title: Bilingual
    definition: Bilingual
    sides: tuple[Literal["requester", "team", "vendor"], ...] = Field(min_length=1)
    states: tuple[State, ...] = ("value",)
    examples: Sentences
    near_misses: Sentences
    advice: Bilingual | None = None  # what the writer could do instead (tone)
    rewrite: Bilingual | None = None  # the same message in more polite words (tone)
    wants: str | None = None  # the item that this request asks for; `ask.info.<item>` does not exist for such an item
    family: str = ""

    @model_validator(mode="after")
    def _sentences_are_apart(self) -> Meaning:
        for name, sentences in (("examples", self.examples), ("near_misses", self.near_misses)):
            if missing := set(get_args(Language)) - set(sentences):
                raise ValueError(f"{name}: no sentence in {missing.pop()}; give at least one")
        every = [s for by in (self.examples, self.near_misses) for some in by.values() for s in some]
        if twice := next((s for s in every if every.count(s) > 1), None):
            raise ValueError(f"a sentence occurs twice in the examples and near-misses: {twice!r}")
        return self


@dataclass(frozen=True)
class Catalogue:
    """All meanings by id, in the order of the files."""

    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Meaning]:
        return iter(self.meanings.values())

    def get(self, meaning: str) -> Meaning | None:
        """Return the entry of an id, or None. The entry of `ask.info.version` is `ask.info`."""
        found = self.meanings.get(meaning)
        if found is None and meaning.startswith(f"{INFO}.") and meaning[len(INFO) + 1 :] in self.wanted:
            return self.meanings.get(INFO)
        return found

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids that a statement may have, including each `ask.info.<item>`."""
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

    def extended(self, more: Iterable[Meaning], family: str) -> Catalogue:
        """Return a catalogue with additional meanings in a family. Raises ValueError for an id that exists."""
        meanings = dict(self.meanings)
        for meaning in more:
            if meaning.id in meanings:
                raise ValueError("the catalogue already has a meaning with this id; use another id")
            meanings[meaning.id] = meaning.model_copy(update={"family": family})
        return Catalogue(meanings)


@cache
def load() -> Catalogue:
    """Return the shipped catalogue."""
    catalogue = Catalogue()
    for family in FAMILIES:
        written = read_yaml("catalogue", f"{family}.yaml")
        catalogue = catalogue.extended(map(Meaning.model_validate, written), family)
    return catalogue
