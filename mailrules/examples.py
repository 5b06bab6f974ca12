"""The examples that stand beside the rules, tried on the rules as loaded."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from mailrules.judge import Rules
from mailrules.library import Library, Source
from mailrules.pack import Decision, Defaults, Example, Signal, Vendor
from mailrules.thread import File, Side, Turn
from mailrules.vendors import check

_WRITTEN = datetime(2026, 11, 10, 9, 30, tzinfo=timezone(timedelta(hours=9)))
"""A Tuesday: examples with relative days are read against it."""
_PLAIN = re.compile(r"[\w\s|()]+")
_KANA = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Tried:
    """One example tried. ``wanted``: ``fires``, ``silent``, or ``exists`` where a rule has no example at all."""

    rule: str
    file: str
    line: int
    wanted: str
    text: str
    ok: bool
    message: str = ""


def try_examples(library: Library, rules: Rules, only: Collection[str] | None = None) -> Iterator[Tried]:
    """Every example and near-miss of every pack, or of the rules named."""
    for signal, source in library.signals.values():
        if only is None or signal.id in only:
            yield from _signal(signal, source, rules)
    for decision, source in library.decisions.values():
        if only is None or decision.id in only:
            yield from _decision(decision, source, library, rules)
    for source in library.sources:
        if source.pack.vendor is not None and only is None:
            yield from _vendor(source.pack.vendor, source, rules)


def _signal(signal: Signal, source: Source, rules: Rules) -> Iterator[Tried]:
    yield from _missing(signal.id, source, signal.examples, signal.near_misses)
    number = rules.reader.spotter.index[signal.id]
    for example, wanted in _both(signal.examples, signal.near_misses):
        side = signal.side[0] if signal.side else None
        looked = rules.reader.look(turn_of(example, source.pack.defaults, side))
        fires = bool(looked.hits.mail >> number & 1)
        value = next((hit.value for _, hit in looked.hits.places(number)), None) if fires else None
        yield _tried(signal.id, source, example, wanted, fires, value)


def _decision(decision: Decision, source: Source, library: Library, rules: Rules) -> Iterator[Tried]:
    examples, near_misses = list(decision.examples), list(decision.near_misses)
    if not examples and not near_misses and plain(decision):
        for name in re.findall(r"\w+", decision.when):
            known = library.signals.get(name)
            if known is not None:
                examples += known[0].examples
    else:
        yield from _missing(decision.id, source, examples, near_misses)
    for example, wanted in _both(examples, near_misses):
        turn = turn_of(example, source.pack.defaults, None)
        reading = rules.read(turn)
        found = [finding for finding in reading.findings if finding.rule == decision.id]
        value = None
        if found and decision.then.item:
            value = next((item.value for item in reading.items if item.finding.rule == decision.id), found[0].value)
        yield _tried(decision.id, source, example, wanted, bool(found), value)


def plain(decision: Decision) -> bool:
    """Whether the condition is no more than signals joined by ``||``: their examples then are its own."""
    return bool(_PLAIN.fullmatch(decision.when)) and "mail" not in decision.when.split()


def _vendor(vendor: Vendor, source: Source, rules: Rules) -> Iterator[Tried]:
    wrong = check(rules.vendors, vendor)
    for message in wrong:
        yield Tried(vendor.id, str(source.file), source.line(vendor.id), "fires", "", False, message)
    for _ in range(len(vendor.examples) + len(vendor.near_misses) - len(wrong)):
        yield Tried(vendor.id, str(source.file), source.line(vendor.id), "fires", "", True)


def _missing(rule: str, source: Source, examples: Sequence[Any], near_misses: Sequence[Any]) -> Iterator[Tried]:
    for kind, given in (("example", examples), ("near-miss", near_misses)):
        if not given:
            yield Tried(rule, str(source.file), source.line(rule), "exists", "", False, f"has no {kind}")


def _both(examples: Sequence[Any], near_misses: Sequence[Any]) -> Iterator[tuple[Any, str]]:
    yield from ((example, "fires") for example in examples)
    yield from ((example, "silent") for example in near_misses)


def _tried(rule: str, source: Source, example: Example, wanted: str, fires: bool, value: str | None) -> Tried:
    ok = fires is (wanted == "fires")
    message = "" if ok else ("does not fire" if wanted == "fires" else "fires")
    if ok and fires and example.value is not None and value != example.value:
        ok, message = False, f"read {value!r}, wanted {example.value!r}"
    text = example.text or example.subject or " ".join(example.files)
    return Tried(rule, str(source.file), source.line(rule), wanted, text, ok, message)


def turn_of(example: Example, defaults: Defaults, side: Side | None) -> Turn:
    """An example as a mail. ``side``: whose, where it does not say."""
    return Turn(
        id="example",
        side=example.side or side or defaults.side,
        author=example.author or defaults.author,
        text=example.text,
        subject=example.subject,
        subject_is_new=not example.reply,
        date=_WRITTEN,
        language="ja" if _KANA.search(example.text + example.subject) else "en",
        automatic=example.automatic,
        towards=frozenset(example.to or defaults.to),
        files=tuple(File(name, "application/octet-stream", 30_000) for name in example.files),
        vendor=example.vendor,
        headers=tuple(example.headers.items()),
    )
