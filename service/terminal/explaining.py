"""What the rules made of a mail, and why, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator

from mailrules.conditions import Blamed
from mailrules.explain import Explanation, WhyNot


def lines(said: Explanation, rule: str | None = None) -> Iterator[str]:
    """Rules that fired with their words, then those that did not with what was false; of ``rule`` alone if given."""
    for fired in said.fired:
        yield f"  {fired.rule} [{fired.pack}] → {fired.then}"
        for words in fired.words:
            yield f"      {words.signal}: “{words.words}” ({words.where})"
    for other in said.not_fired:
        yield from _why_not(other)
    noticed = said.noticed
    if noticed is not None:
        yield f"  {'' if noticed.words else 'not '}{noticed.signal} (signal)"
        yield from (f"      “{words.words}” ({words.where})" for words in noticed.words)
        yield from (f"      “{one.words}” ({one.where}) does not count by {one.guard}" for one in noticed.refused)
        if noticed.deaf:
            yield f"      {noticed.deaf}"
        elif not noticed.words and not noticed.refused:
            yield "      none of its words stand in the mail"
    if rule is not None and not said.fired and not said.not_fired and noticed is None:
        yield f"  {rule} does not look at this mail"


def _why_not(other: WhyNot) -> Iterator[str]:
    yield f"  not {other.rule} [{other.pack}]: {other.when}"
    if other.place:
        yield f"      in “{other.place}”"
    yield from _blamed(other.because, "      ", top=True)


def _blamed(part: Blamed, indent: str, *, top: bool = False) -> Iterator[str]:
    if top and part.parts:
        for inside in part.parts:
            yield from _blamed(inside, indent)
        return
    truth = "true" if part.holds else "false"
    yield f"{indent}{truth}: {part.text}{f' ({part.reason})' if part.reason else ''}"
    for inside in part.parts:
        yield from _blamed(inside, indent + "  ")
