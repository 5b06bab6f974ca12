"""Compares the results of a reader and the rules with the labels of mails, for `sodan eval`.

A labelled mail is a line of a corpus file (`mailrules/corpus/GUIDE.md`). The results for the whole mail are compared:
single values (kind, priority) and sets (present, asks, acts …). Sets are compared member by member.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mailrules.engine.checklist import KNOWN

URGENT = ("P1", "P2")
SINGLE = ("kind", "priority")
SETS = ("present", "unknown", "asks", "acts", "tone", "parked")
UNLABELLED_ACTS = frozenset(("close", "withdraw", "agree", "decline"))
"""Acts that are in the catalogue but not in the labelling guide, so no label can confirm them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results for one mail, found or labelled."""

    language: str
    side: str
    kind: str | None
    priority: str
    needs_triage: bool = False
    asks_something: bool = False
    sets: Mapping[str, Collection[str]] = field(default_factory=dict)
    missing: Collection[str] = ()
    told: Collection[str] = ()  # items given in any state; none of them is missing
    meanings: Collection[str] = ()  # every meaning stated or labelled


@dataclass(slots=True)
class Figure:
    """How many results were expected, how many were given, and how many of these were correct."""

    right: int = 0
    given: int = 0
    wanted: int = 0

    @property
    def precision(self) -> float | None:
        return self.right / self.given if self.given else None

    @property
    def recall(self) -> float | None:
        return self.right / self.wanted if self.wanted else None

    @property
    def f1(self) -> float | None:
        total = self.given + self.wanted
        return 2 * self.right / total if self.wanted else None

    def add(self, given: Collection[str], wanted: Collection[str]) -> None:
        self.right += len(set(given) & set(wanted))
        self.given += len(set(given))
        self.wanted += len(set(wanted))

    def row(self) -> dict[str, float | int | None]:
        return {
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "count": self.wanted,
            "given": self.given,
        }


def labelled_outcome(mail: Mapping[str, Any]) -> Outcome:
    """Return the expected results of a corpus line."""
    labels = {label for unit in mail["units"] for label in unit["l"]}
    items: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        if label.startswith("item:"):
            item, _, state = label[5:].partition("=")
            items[item].add(state or "value")
    meanings = {label.partition("=")[0].replace(":", ".") for label in labels}
    asks = {label[4:] for label in labels if label.startswith("ask:")}
    return Outcome(
        language=mail["lang"],
        side=mail["side"],
        kind=mail["kind"],
        priority=mail["priority"],
        asks_something=bool(asks),
        sets=sets_of(items, meanings) | {"asks": asks if mail["side"] == "vendor" else set()},
        told=set(items),
        meanings=meanings,
    )


def sets_of(items: Mapping[str, Collection[str]], meanings: Collection[str]) -> dict[str, set[str]]:
    """Return what is compared of a mail: items stated, items said to be unknown, acts, tone hints and parked topics.

    `items`: item → the states in which the mail states it; `meanings`: all meanings that the mail states.
    """
    present = {item for item, states in items.items() if not set(states).isdisjoint(KNOWN)}
    unknown = {item for item, states in items.items() if "unknown" in states} - present
    families = (("acts", "act."), ("tone", "tone."), ("parked", "parked."))
    below = {name: {m.removeprefix(word) for m in meanings if m.startswith(word)} for name, word in families}
    return {"present": present, "unknown": unknown, **below}


def compare(pairs: Iterable[tuple[Outcome, Outcome]]) -> dict[str, dict[str, Any]]:
    """Return the figures by language ("en", "ja", "all"); each pair is (found, labelled)."""
    by_language: dict[str, list[tuple[Outcome, Outcome]]] = defaultdict(list)
    for said, labelled in pairs:
        by_language[labelled.language].append((said, labelled))
        by_language["all"].append((said, labelled))
    return {language: _figures(rows) for language, rows in sorted(by_language.items())}


def _figures(rows: list[tuple[Outcome, Outcome]]) -> dict[str, Any]:
    out: dict[str, Any] = {"mails": len(rows)}
    for name in SINGLE:
        out[name] = {
            "share": sum(getattr(a, name) == getattr(b, name) for a, b in rows) / len(rows),
            "count": len(rows),
        }
    out |= _urgent(rows)
    for name in SETS:
        figure = Figure()
        for said, labelled in rows:
            if name != "present" or labelled.side != "vendor":
                given = set(said.sets.get(name, ())) - (UNLABELLED_ACTS if name == "acts" else frozenset())
                figure.add(given, labelled.sets.get(name, ()))
        out[name] = figure.row()
    out["missing"] = _missing(rows).row()
    vendor = Figure()
    for said, labelled in rows:
        if labelled.side == "vendor":
            vendor.add({"yes"} if said.asks_something else (), {"yes"} if labelled.asks_something else ())
    out["vendor mail that asks"] = vendor.row()
    out["meanings"] = {meaning: figure.row() for meaning, figure in _meanings(rows)}
    return out


def _urgent(rows: list[tuple[Outcome, Outcome]]) -> dict[str, Any]:
    """Return shares of mails by priority.

    Of the P1/P2 mails: found, and found or marked for triage. Of the others: rated as P1/P2, and marked for triage.
    """
    urgent = [said for said, labelled in rows if labelled.priority in URGENT]
    calm = [said for said, labelled in rows if labelled.priority not in URGENT]
    return {
        "P1/P2 found": _share([said.priority in URGENT for said in urgent]),
        "P1/P2 found or to be triaged": _share([said.priority in URGENT or said.needs_triage for said in urgent]),
        "P1/P2 false alarms": _share([said.priority in URGENT for said in calm]),
        "other mails to be triaged": _share([said.needs_triage for said in calm]),
    }


def _share(answers: list[bool]) -> dict[str, float | int | None]:
    return {"share": sum(answers) / len(answers) if answers else None, "count": len(answers)}


def _missing(rows: list[tuple[Outcome, Outcome]]) -> Figure:
    """Count items reported as missing. Correct: no label has the item. The labels do not say which items are needed."""
    figure = Figure()
    for said, labelled in rows:
        if labelled.side != "vendor":
            figure.given += len(set(said.missing))
            figure.right += len(set(said.missing) - set(labelled.told))
    return figure


def _meanings(rows: list[tuple[Outcome, Outcome]]) -> Iterator[tuple[str, Figure]]:
    for meaning in sorted({meaning for pair in rows for outcome in pair for meaning in outcome.meanings}):
        figure = Figure()
        for said, labelled in rows:
            figure.add({meaning} & set(said.meanings), {meaning} & set(labelled.meanings))
        yield meaning, figure
