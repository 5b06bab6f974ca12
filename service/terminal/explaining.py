"""What the rules made of a mail, and why, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator

from mailrules.conditions import Blamed
from mailrules.explain import Explanation, WhyNot

_LONG, _FEW = 60, 3
"""Characters of a part, and parts, that a short line shows."""


def lines(said: Explanation, rule: str | None = None) -> Iterator[str]:
    """Rules that fired with their words, then those that did not with what was false: those that came near at length,
    the others in a line each; of ``rule`` alone if given, and at length."""
    for fired in said.fired:
        yield f"  {fired.rule} [{fired.pack}] → {fired.then}"
        for words in fired.words:
            yield f"      {words.signal}: “{words.words}” ({words.where})"
    at_length = [other for other in said.not_fired if other.near or rule is not None]
    for other in at_length:
        yield from _why_not(other)
    yield from (_in_short(other) for other in said.not_fired if other not in at_length)
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


def _in_short(other: WhyNot) -> str:
    """The parts that were false, cut where they are long."""
    texts = [part.text for part in other.false]
    shown = "; ".join(text if len(text) <= _LONG else f"{text[:_LONG]}…" for text in texts[:_FEW])
    return f"  not {other.rule} [{other.pack}]: false: {shown}{'; …' * (len(texts) > _FEW)}"


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
