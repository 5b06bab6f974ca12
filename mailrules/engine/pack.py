"""Packs: YAML files of the organisation with words, meanings, rules or a vendor. Reference: `docs/packs.md`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from mailrules.catalogue.meanings import Meaning
from mailrules.engine.rulefile import WrittenRule
from mailrules.fields import Model, Words
from mailrules.judgement import Kind
from mailrules.thread import Side
from mailrules.vendors.profile import Incidental, ReferencePattern, Vendor

RuleId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]


class Example(Model):
    """An example: a short mail. In the file, a plain string is the text of the mail."""

    text: str = ""
    subject: str = ""
    side: Side = "requester"
    to: list[Side] = Field(default=["team"])
    reply: bool = False
    files: Words = Field(default=[])


_AS_EXAMPLE = BeforeValidator(lambda value: {"text": value} if isinstance(value, str) else value)
Examples = list[Annotated[Example, _AS_EXAMPLE]]


class Finder(Model):
    """Phrases, patterns and labels of one meaning. A sentence with one of them becomes a statement.

    If a pattern has a group `(?P<value>…)`, the matched text is the value of the statement.
    """

    id: RuleId
    meaning: str  # an id of the catalogue, or of this pack's `meanings`
    state: str = "value"
    phrases: Words = Field(default=[])  # literal text in any case and width
    patterns: Words = Field(default=[])  # RE2 patterns, any case
    labels: Words = Field(default=[])  # labels of form lines (`機材番号: …`); the text after the label is the value
    unless: Words = Field(default=[])  # RE2 patterns; matching sentences are skipped
    sides: list[Side] = Field(default=["requester", "team"])
    examples: Examples = Field(default=[])
    near_misses: Examples = Field(default=[])

    @model_validator(mode="after")
    def _finds_something(self) -> Finder:
        if not (self.phrases or self.patterns or self.labels):
            raise ValueError("this entry finds nothing; add phrases, patterns or labels")
        return self


class Required(Model):
    """Items that a kind of case needs, most important first."""

    team: list[str] | None = None  # from users
    vendor: list[str] | None = None  # in inquiries to a vendor


class VendorPack(Model):
    """A shipped vendor file: the fields of a pack that concern a vendor."""

    pack: RuleId
    title: str = ""  # for people who read the file
    vendor: Vendor | None = None
    references: list[ReferencePattern] = Field(default=[])  # patterns of case numbers that any known vendor may use
    never: Words = Field(default=[])  # RE2 patterns for numbers that are never case numbers
    incidental: Incidental = Incidental()


class Pack(VendorPack):
    """One pack file."""

    words: dict[str, dict[Literal["ja", "en"], list[str]]] = Field(default={})
    """Concept of the embedded reader → additional words by language."""
    meanings: list[Meaning] = Field(default=[])  # additional entries of the catalogue
    find: list[Finder] = Field(default=[])
    rules: dict[str, list[WrittenRule]] = Field(default={})
    """Question (`priority`, `kind`, …) → rules evaluated before the shipped ones; the same id replaces a rule."""
    required: dict[Kind, Required] = Field(default={})

    @model_validator(mode="after")
    def _has_each_rule_once(self) -> Pack:
        for question, rules in self.rules.items():
            ids = [rule.id for rule in rules]
            if twice := [id for id in dict.fromkeys(ids) if ids.count(id) > 1]:
                raise ValueError(f"rules.{question} contains {twice[0]!r} twice; give one of them another id")
        return self
