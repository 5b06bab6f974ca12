"""Tries the examples in packs and vendor files against the loaded rules."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone

from mailrules.catalogue.meanings import Meaning
from mailrules.engine.judge import Rules
from mailrules.engine.pack import Example, Finder
from mailrules.engine.sources import Library, Source
from mailrules.thread import File, RuleInput
from mailrules.vendors import check

_WRITTEN = datetime(2026, 11, 10, 9, 30, tzinfo=timezone(timedelta(hours=9)))
"""A Tuesday; relative dates in examples are resolved against it."""


def try_examples(library: Library, rules: Rules, only: Collection[str] | None = None) -> Iterator[str]:
    """Try the examples and near-misses of all packs and vendors, or only of those in `only`.

    Yields one line for each: where and why it failed, or "".
    """
    for pack, source in library.own:
        for finder in pack.find:
            if only is None or {finder.id, pack.pack} & set(only):
                yield from _finder(finder, source, rules)
        for meaning in pack.meanings:
            if only is None or {meaning.id, pack.pack} & set(only):
                yield from _meaning(meaning, source, rules)
    for source in library.sources:
        vendor = source.pack.vendor
        if vendor is not None and (only is None or {vendor.id, source.pack.pack} & set(only)):
            wrong = check(rules.vendors, vendor)
            right = [""] * (len(vendor.examples) + len(vendor.near_misses) - len(wrong))
            yield from (*(_failure(vendor.id, source, "", message) for message in wrong), *right)


def _meaning(meaning: Meaning, source: Source, rules: Rules) -> Iterator[str]:
    """A meaning of the organisation must be found in its examples and not in its near-misses."""
    for sentences, wanted in ((meaning.examples, True), (meaning.near_misses, False)):
        for language, texts in sentences.items():
            for text in texts:
                example = Example(text=text, side=meaning.sides[0])
                found = rules.read(turn_of(example, language)).says(meaning.id, states=tuple(meaning.states))
                yield _tried(meaning.id, source, text, wanted, found)


def _finder(finder: Finder, source: Source, rules: Rules) -> Iterator[str]:
    for examples, wanted in ((finder.examples, True), (finder.near_misses, False)):
        for example in examples:
            reading = rules.read(turn_of(example))
            found = any(
                s.meaning == finder.meaning and s.state == finder.state and s.reader == source.pack.pack
                for s in reading.statements
            )
            yield _tried(finder.id, source, example.text or example.subject, wanted, found)


def _tried(rule: str, source: Source, text: str, wanted: bool, found: bool) -> str:
    message = "the example is not found" if wanted else "the near-miss is found"
    return "" if found is wanted else _failure(rule, source, text, message)


def _failure(rule: str, source: Source, text: str, message: str) -> str:
    return f"{source.file}:{source.line(rule)}: {rule}: {message}: {text!r}"


def turn_of(example: Example, language: str | None = None) -> RuleInput:
    """Return an example as a mail."""
    kana = any("\u3040" <= char <= "\u9fff" for char in example.text + example.subject)
    return RuleInput(
        id="example",
        side=example.side,
        author="",
        text=example.text,
        subject=example.subject,
        subject_is_new=not example.reply,
        date=_WRITTEN,
        language=language or ("ja" if kana else "en"),
        towards=frozenset(example.to),
        files=tuple(File(name, "application/octet-stream", 30_000) for name in example.files),
    )
