"""Warnings about valid packs, such as rules without effect and words that are too short."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from mailrules.engine.judge import Rules
from mailrules.engine.pack import Finder, Pack
from mailrules.engine.sources import Library, Source
from mailrules.reader.concepts import shipped_vocabulary

_SHORT = 3  # shorter Latin words match almost any text; Japanese words need two characters


@dataclass(frozen=True, slots=True)
class Remark:
    """A warning or error in a pack, shown as `file:line: severity: rule: message`."""

    file: str
    line: int
    severity: Literal["error", "warning"]
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity}: {self.rule}: {self.message}"


def lint(library: Library, rules: Rules) -> list[Remark]:
    """Return all warnings about the organisation's packs, in the order of the files."""
    return [remark for pack, source in library.own for remark in _pack(pack, source, rules)]


def _pack(pack: Pack, source: Source, rules: Rules) -> Iterator[Remark]:
    def say(rule: str, message: str, severity: Literal["error", "warning"] = "warning") -> Remark:
        return Remark(str(source.file), source.line(rule), severity, rule, message)

    seen: set[str] = set()
    for finder in pack.find:
        if finder.id in seen:
            yield say(finder.id, "two entries of the pack have this id; rename one of them", "error")
        seen.add(finder.id)
        yield from (say(finder.id, message) for message in _finder(finder))
    for meaning in (entry.id for entry in pack.meanings):
        if not any(finder.meaning == meaning for finder in pack.find):
            yield say(meaning, "no entry finds this meaning, so no mail can have it; add an entry under `find`")
        if not _used(meaning, rules):
            yield say(meaning, "no rule uses this meaning, so it has no effect; add a rule under `rules`")
    known = shipped_vocabulary()
    for concept in pack.words:
        if concept not in known:
            yield say(
                concept,
                f"unknown concept {concept!r}, so its words have no effect; mailrules/concepts/ lists the concepts",
                "error",
            )
    for question in pack.rules:
        if question not in rules.files:
            yield say(
                question,
                f"unknown question {question!r}, so its rules have no effect; there are {', '.join(rules.files)}",
                "error",
            )


def _finder(finder: Finder) -> Iterator[str]:
    if not finder.examples or not finder.near_misses:
        yield "add at least one example and one near-miss, so that `sodan rules test` can check this entry"
    for phrase in finder.phrases:
        word = phrase.strip()
        if len(word) < (_SHORT if word.isascii() else 2):
            yield f"the phrase {phrase!r} is so short that it occurs in unrelated text; use a longer phrase"


def _used(meaning: str, rules: Rules) -> bool:
    prefixes = (meaning, f"{meaning.partition('.')[0]}.*")
    return any(
        term.name in prefixes
        for file in rules.files.values()
        for rule in (*file.rules, *file.final)
        for term in rule.condition.terms()
    )
