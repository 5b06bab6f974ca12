"""The whole case, judged: kind, checklist, priority, tone, what is parked, the problem, the vendor.

A judgement is made anew from the readings of all mails each time; it never patches an older one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailrules.apart import apart
from mailrules.checklist import Checklist, is_opening, side_of
from mailrules.explain import Explanation, explain
from mailrules.judgement import Finding, Judgement, Problem, Reading, Reference, ToneHint
from mailrules.pack import Advice, Decision
from mailrules.priority import prioritise
from mailrules.reading import Reader
from mailrules.site import Site
from mailrules.thread import Side, Thread, Turn
from mailrules.vendors import Vendors

_WHO = ("requester", "contact")
"""Items that say who is concerned, and nothing of the matter."""


@dataclass(frozen=True)
class Rules:
    """All packs, ready to judge. Made by ``library.load``."""

    version: str
    """Of all packs together: changes when any of their words does."""
    packs: tuple[str, ...]
    reader: Reader
    vendors: Vendors
    checklist: Checklist
    tones: Mapping[str, Advice] = field(default_factory=dict)
    decisions: tuple[tuple[Decision, str], ...] = ()
    """Every decision with its pack, in the order of loading."""
    site: Site = field(default_factory=Site)

    @property
    def colleagues(self) -> tuple[str, ...]:
        """Addresses and ``@domain`` that the site file counts to the team, lower case."""
        return tuple(one.address.lower() for one in self.site.people if one.side == "team")

    @property
    def people(self) -> dict[str, Side]:
        """Address or ``@domain``, lower case → the side that the site file names."""
        return {one.address.lower(): one.side for one in self.site.people}

    @property
    def names(self) -> dict[str, str]:
        """Address, lower case → the name that the site file gives."""
        return {one.address.lower(): one.name for one in self.site.people if one.name}

    def vendor_of(self, address: str) -> str | None:
        """The vendor that writes from this address."""
        return self.vendors.of_address(address)

    def vendor_name(self, vendor: str, language: str = "en") -> str:
        """Its name in that language, its id where no pack knows it."""
        profile = self.vendors.profiles.get(vendor)
        if profile is None:
            return vendor
        return profile.name.ja if language == "ja" else profile.name.en

    def read(self, turn: Turn) -> Reading:
        """One mail, judged alone."""
        return self.reader.read(turn)

    def explain(self, turn: Turn, rule: str | None = None) -> Explanation:
        """Which rules fired on which words, and why another did not; or of ``rule`` alone, a decision or a signal."""
        return explain(self.reader, turn, rule)

    def knows(self, rule: str) -> bool:
        """Whether a decision or a signal has this id."""
        return rule in self.reader.spotter.index or any(decision.id == rule for decision, _ in self.decisions)

    def judge(self, thread: Thread, readings: Sequence[Reading | None] | None = None) -> Judgement:
        """The case as its mails stand, oldest first."""
        if not thread:
            raise ValueError("a case without mails cannot be judged")
        given = list(readings) if readings is not None else [None] * len(thread)
        full = [reading or self.read(turn) for turn, reading in zip(thread, given, strict=True)]
        kind = _kind(thread, full)
        side = side_of(thread)
        priority = prioritise(thread, full, kind, self.site.calendar.days_off)
        values = self.checklist.values(thread, full)
        installed = any("installed" in reading.flags for reading in full)
        wanted = self.checklist.required(kind, side, installed=installed)
        if not is_opening(thread):
            wanted = []
        lines, missing, questions = self.checklist.fill(kind, wanted, values)
        vendor = _vendor(thread, full, self.vendors)
        return Judgement(
            kind=kind,
            language=_language(thread),
            side=side,
            priority=priority,
            checklist=lines,
            missing=missing,
            present=tuple(line.item for line in lines if line.state == "present"),
            unknown=tuple(line.item for line in lines if line.state == "unknown"),
            questions=questions,
            readings=tuple(full),
            tone=self._tone(thread, full),
            parked=_parked(thread, full),
            problem=_problem(thread, full),
            vendor=vendor,
            references=_references(thread, full, vendor, self.vendors),
            judged_by=self.version,
        )

    def _tone(self, thread: Thread, readings: Sequence[Reading]) -> tuple[ToneHint, ...]:
        hints: list[ToneHint] = []
        for turn, reading in zip(thread, readings, strict=True):
            seen: set[str] = set()
            for finding in reading.tone:
                advice = self.tones.get(finding.value or "")
                if advice is None or turn.side not in ("team", "requester") or advice.id in seen:
                    continue
                seen.add(advice.id)
                kind = {
                    "ja": f"{advice.advice.ja}\n{advice.rewrite.ja}",
                    "en": f"{advice.advice.en}\n{advice.rewrite.en}",
                }
                hints.append(ToneHint(advice.id, finding, kind))
        return tuple(hints)


def _kind(thread: Thread, readings: Sequence[Reading]) -> str:
    """Of the opening first; other mails of ours speak at half its weight, a vendor's and a machine's where nobody else
    does."""
    if all(turn.automatic is not None for turn in thread):
        mere = all(turn.automatic in ("notification", "bounce", "calendar") for turn in thread)
        return next((r.kind for r in readings if r.kind), "notice" if mere else "incident")
    ours: dict[str, float] = {}
    others: dict[str, float] = {}
    first = True
    for turn, reading in zip(thread, readings, strict=True):
        if turn.automatic is not None:
            continue
        spoken = others if turn.side == "vendor" else ours
        for kind, weight in reading.kinds:
            spoken[kind] = spoken.get(kind, 0.0) + weight * (1.0 if first else 0.3)
        first = False
    for spoken in (ours, others):
        if spoken:
            return max(spoken, key=lambda kind: spoken[kind])
    return "incident"


def _language(thread: Thread) -> str:
    spoken = [turn.language for turn in thread if turn.language not in ("", "und")]
    ours = [t.language for t in thread if t.side != "vendor" and t.language not in ("", "und")]
    return (ours or spoken or ["und"])[0]


def _vendor(thread: Thread, readings: Sequence[Reading], vendors: Vendors) -> str | None:
    """By address before words, a vendor before a platform, newest first."""
    platform: str | None = None
    for by_address in (True, False):
        for turn, reading in zip(reversed(thread), reversed(readings), strict=True):
            vendor = (turn.vendor or vendors.of_address(turn.author)) if by_address else reading.vendor
            if vendor is None:
                continue
            if vendors.is_platform(vendor):
                platform = platform or vendor
                continue
            return vendor
    return platform


def _references(
    thread: Thread, readings: Sequence[Reading], vendor: str | None, vendors: Vendors
) -> tuple[Reference, ...]:
    found: dict[tuple[str, str], Reference] = {}
    for turn, reading in zip(thread, readings, strict=True):
        if turn.side == "requester" and vendor is None:
            continue
        for reference in reading.references:
            key = (reference.vendor, reference.ref)
            if key not in found or (reference.stated and not found[key].stated):
                found[key] = reference
    return tuple(found.values())


def _parked(thread: Thread, readings: Sequence[Reading]) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for turn, reading in zip(thread, readings, strict=True):
        if turn.side == "vendor" or turn.automatic is not None:
            continue
        for finding in reading.parked:
            found.setdefault(finding.value or "", finding)
    return tuple(found.values())


def _problem(thread: Thread, readings: Sequence[Reading]) -> Problem:
    """The problem as last stated: our own words first (those of the inquiry to the vendor rather than the user's
    subject), then each statement offered for agreement. It drifts where one is about what nobody told before."""
    statements: list[tuple[str, str]] = []
    told: list[str] = []
    inquired = drift = False
    for turn, reading in zip(thread, readings, strict=True):
        if turn.automatic is not None:
            continue
        if reading.problems:
            statement = " ".join(finding.quote for finding in reading.problems)[:400]
            drift = drift or (bool(told) and apart(statement, "\n".join(told)))
            statements.append((statement, turn.id))
            told.append(statement)
            inquired = True
        elif reading.topic and (not statements or (not inquired and _inquires(turn))):
            statements[:] = [(reading.topic, turn.id)]
            inquired = inquired or _inquires(turn)
        if turn.side != "vendor":
            told += [reading.topic, *(value.finding.quote for value in reading.items if value.item not in _WHO)]
    if not statements:
        return Problem()
    return Problem(statements[-1][0], len(statements), drift, statements[-1][1])


def _inquires(turn: Turn) -> bool:
    return turn.side == "team" and "vendor" in turn.towards and turn.subject_is_new


def opener(thread: Thread) -> Side:
    """The side of the first mail that a person wrote."""
    return next((turn.side for turn in thread if turn.automatic is None), thread[0].side)
