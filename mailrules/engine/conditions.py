"""Conditions of rules: `all`, `any` and `unless` lists of terms over statements and facts.

A term is one line:

    impact.high                       a statement of this meaning, in state `value` or `partial`
    item.workaround is none           … in one of these states (`is none|value`)
    item.*                            any meaning that begins with `item.`
    side is vendor|unknown            a fact has one of these values
    opens                             a fact is true
    messages > 3                      a fact is a number greater than this one
    not opens                         the negation of any term

Instead of a line a term may be a group: a mapping with `all`, `any` or `unless`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailrules.statement import Statement

TOLD = ("value", "partial")  # states that a term without `is` accepts
_NAME = r"[a-z][a-z0-9_.]*(?:(?<=\.)\*)?"
_TERM = re.compile(rf"(?P<no>not )?(?P<name>{_NAME})(?: is (?P<is>[A-Za-z0-9_.|]+)| > (?P<above>[0-9]+))?")


@dataclass(frozen=True, slots=True)
class Hit:
    """A statement and the id of its mail."""

    mail: str
    statement: Statement


@dataclass(frozen=True, slots=True)
class View:
    """Input of a rule: the statements of a mail or of a case, and its facts."""

    hits: tuple[Hit, ...]
    facts: Mapping[str, Any]
    _of: dict[str, list[Hit]] = field(default_factory=dict, repr=False, compare=False)
    """Meaning, or its prefix up to a dot → its statements, in order."""

    def __post_init__(self) -> None:
        for hit in self.hits if not self._of else ():
            name = hit.statement.meaning
            while name:
                self._of.setdefault(name, []).append(hit)
                name = name.rpartition(".")[0]

    def with_facts(self, facts: Mapping[str, Any]) -> View:
        """Return a view with the same statements and additional facts."""
        return View(self.hits, {**self.facts, **facts}, self._of)

    def find(self, name: str, states: Sequence[str]) -> list[Hit]:
        """Return the statements of a meaning in one of the states. `item.*`: all meanings that begin with `item.`."""
        under = name.removesuffix(".*")
        return [
            hit
            for hit in self._of.get(under, ())
            if hit.statement.state in states and (under == name or hit.statement.meaning != under)
        ]


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a condition."""

    written: str
    name: str
    states: tuple[str, ...] = ()
    above: int | None = None
    negated: bool = False

    @property
    def is_fact(self) -> bool:
        return "." not in self.name and self.name not in BARE

    def holds(self, view: View) -> tuple[bool, list[Hit]]:
        """Whether the term is true, and the statements that make it true."""
        if self.is_fact:
            return self._fact(view.facts) != self.negated, []
        hits = view.find(self.name, self.states or TOLD)
        return bool(hits) != self.negated, [] if self.negated else hits

    def _fact(self, facts: Mapping[str, Any]) -> bool:
        value = facts.get(self.name, "")
        if self.above is not None:
            return isinstance(value, int) and value > self.above
        if self.states:
            return str(value) in self.states
        return bool(value)


BARE = frozenset(("security", "recovered", "ongoing", "heard"))
"""Meanings without a dot; every other name without a dot is a fact."""


@dataclass(frozen=True, slots=True)
class Group:
    """Lists of terms: all of `all`, at least one of `any` (unless empty), none of `unless`."""

    all: tuple[Term | Group, ...] = ()
    any: tuple[Term | Group, ...] = ()
    unless: tuple[Term | Group, ...] = ()

    def holds(self, view: View) -> tuple[bool, list[Hit]]:
        """Whether the group is true, and the statements that make it true, in order."""
        found: list[Hit] = []
        for term in self.all:
            ok, hits = term.holds(view)
            if not ok:
                return False, []
            found += hits
        if self.any:
            some = [hits for ok, hits in (term.holds(view) for term in self.any) if ok]
            if not some:
                return False, []
            found += [hit for hits in some for hit in hits]
        if any(term.holds(view)[0] for term in self.unless):
            return False, []
        return True, list(dict.fromkeys(found))

    def unmet_terms(self, view: View) -> list[str]:
        """Return the text of the terms that make the group false."""
        out = [f"all: {term_text(term)}" for term in self.all if not term.holds(view)[0]]
        if self.any and not any(term.holds(view)[0] for term in self.any):
            out.append("any: " + ", ".join(map(term_text, self.any)))
        out += [f"unless: {term_text(term)}" for term in self.unless if term.holds(view)[0]]
        return out

    def terms(self) -> Iterator[Term]:
        """Yield all terms of the group and of its inner groups."""
        for term in (*self.all, *self.any, *self.unless):
            if isinstance(term, Term):
                yield term
            else:
                yield from term.terms()


def term_text(term: Term | Group) -> str:
    """Return a term or a group as text, in the notation of the rule files."""
    if isinstance(term, Term):
        return term.written
    lists = (("all", term.all), ("any", term.any), ("unless", term.unless))
    return "{" + "; ".join(f"{name}: {', '.join(map(term_text, terms))}" for name, terms in lists if terms) + "}"


def group_of(written: Mapping[str, Any]) -> Group:
    """Parse the lists of a rule or of an inner group. Raises ValueError."""
    return Group(**{name: tuple(map(_term, _listed(written.get(name)))) for name in ("all", "any", "unless")})


def _listed(written: Any) -> Iterable[Any]:
    if written is None:
        return ()
    return written if isinstance(written, list) else [written]


def _term(written: Any) -> Term | Group:
    if isinstance(written, Mapping):
        if unknown := set(written) - {"all", "any", "unless"}:
            raise ValueError(f"a condition has all, any or unless, not {', '.join(sorted(map(str, unknown)))}")
        return group_of(written)
    match = _TERM.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(f"expected `NAME`, `NAME is VALUE` or `NAME > NUMBER`, not {written!r}")
    return Term(
        written,
        match["name"],
        tuple(match["is"].split("|")) if match["is"] else (),
        int(match["above"]) if match["above"] else None,
        bool(match["no"]),
    )
