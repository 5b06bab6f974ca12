"""Recognises the vendor of a mail by address, then by case numbers, then by names."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, islice
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from mailrules.fold import fold, lower
from mailrules.judgement import Reference
from mailrules.patterns import compile_pattern
from mailrules.thread import RuleInput
from mailrules.vendors.case_numbers import find_case_numbers
from mailrules.vendors.profile import Incidental, ReferencePattern, Vendor
from mailrules.vendors.references import Places, References, is_log, lines_of, places_of

_IN_SUBJECT, _IN_GREETING, _IN_TEXT = 4.0, 6.0, 1.0  # weight of a name by its position
_GREETING_LINES = 3
_SPEAKS_OF_NOTHING = frozenset(("auto_reply", "bounce", "receipt", "calendar"))
"""Automatic mail repeats our subject, so names in it do not count; vendors' own automatic mail has their address."""
_ENOUGH = 400  # maximum number of names read per line
_LONG_NUMBER = re.compile(r"[0-9]{6}")
_LATIN_PAIR = re.compile(r"\w\w", re.ASCII)
_RIGHT_BEHIND = 8
"""Maximum number of characters between a vendor's name and the label of its number: の, 's, 社の, a space."""
_NEAR = 40  # number of characters before and after a name that are checked for its context


@dataclass(frozen=True, slots=True)
class Recognised:
    """The vendor of one mail.

    ``by_domain``: whether an address of the vendor was found. ``maker``: the vendor of the product that a user names,
    if no other vendor is recognised.
    """

    vendor: str | None
    by_domain: bool = False
    maker: str | None = None


class _Name(NamedTuple):
    vendor: str
    strong: bool


class Vendors:
    """All vendor profiles, compiled for recognition."""

    def __init__(
        self,
        profiles: Sequence[Vendor],
        generic: Sequence[ReferencePattern] = (),
        mapped: Mapping[str, str] | None = None,
        *,
        never: Sequence[str] = (),
        incidental: Sequence[Incidental] = (),
    ) -> None:
        """``mapped``: domain or address → vendor id, from the site file.

        ``never``: RE2 patterns of numbers that are never case numbers. ``incidental``: contexts in which a name does
        not make its vendor the vendor of the mail.
        """
        self.profiles = {profile.id: profile for profile in profiles}
        self._domains = {domain.lower(): p.id for p in profiles for domain in p.domains}
        self._domains.update({key.lower().lstrip("@"): value for key, value in (mapped or {}).items()})
        self._numbers = References(profiles, generic, never)
        self._before = _any_of([p for said in incidental for p in said.before], after="[ \t]*$")
        self._after = _any_of([p for said in incidental for p in said.after], before="^[ \t]*")
        self._maker = _any_of([p for said in incidental for p in said.maker], before="^[ \t]*")
        self._party = _any_of([p for said in incidental for p in said.party], after="[ \t]*$")
        named = [
            (word, _Name(profile.id, is_strong))
            for profile in profiles
            for is_strong, words in ((True, profile.names), (False, profile.products))
            for word in words
        ]
        self._names = [name for _, name in named]
        self._automaton = AhoCorasick([lower(fold(word)) for word, _ in named], matchkind=MatchKind.LeftmostLongest)

    def of_address(self, address: str) -> str | None:
        """Return the vendor that uses this address; the longest matching domain takes precedence."""
        name = address.lower()
        while name and name not in self._domains:
            name = name.rpartition("@")[2] if "@" in name else name.partition(".")[2]
        return self._domains.get(name)

    def is_platform(self, vendor: str | None) -> bool:
        profile = self.profiles.get(vendor or "")
        return profile is not None and profile.platform

    def read(self, turn: RuleInput) -> tuple[Recognised, tuple[Reference, ...]]:
        """Return the vendor of a mail and the case numbers in it."""
        lines = lines_of(turn)
        places = places_of(turn, lines)
        known = self._recognise(turn, lines, places)
        if turn.partner and not known.by_domain:
            return known, self._of_partner(turn, places, turn.partner)
        return known, self._references(turn, places, known.vendor, known.by_domain)

    def _recognise(self, turn: RuleInput, lines: Sequence[str], places: Places) -> Recognised:
        """Return the vendor that this mail is about."""
        by_address = turn.vendor or self.of_address(turn.author)
        if by_address and not self.is_platform(by_address):
            return Recognised(by_address, True)
        certain = [reference.vendor for reference in self._numbers.certain(places).values()]
        for vendor in certain:
            if not self.is_platform(vendor):
                return Recognised(vendor)
        if by_address:
            return Recognised(by_address, True)
        named = self._named(turn, lines)
        if named.vendor is None and certain and turn.side in ("vendor", "unknown"):
            return Recognised(certain[0])
        return named

    def _references(
        self, turn: RuleInput, places: Places, vendor: str | None, by_domain: bool, *, by_patterns: bool = False
    ) -> tuple[Reference, ...]:
        """Return the case numbers in this mail, those of the recognised vendor first.

        ``by_patterns``: only the numbers that the vendor's own patterns find.
        """
        others = self._of_others(places, vendor) if vendor is not None and by_domain else {}
        if others:
            places = _without(places, [ref.quote for ref in others.values()])
        found = self._numbers.read(places, vendor, by_domain, loosely=turn.side != "requester")
        unknown = turn.side != "requester" and not by_patterns and all(ref.token for ref in found)
        if vendor is not None and unknown:
            found += _of_any_vendor(places, vendor, "vendor" if turn.side == "vendor" and by_domain else "team")
        known = {(ref.vendor, ref.ref) for ref in found}
        return (*found, *(ref for ref in others.values() if (ref.vendor, ref.ref) not in known))

    def _of_partner(self, turn: RuleInput, places: Places, partner: str) -> tuple[Reference, ...]:
        """Return the case numbers in the mail of a partner without a vendor file.

        Numbers with a label count only as mentioned in mail of our team, because they may belong to somebody else.
        """
        certain = tuple(self._numbers.certain(places).values())
        if turn.side == "requester":
            return certain
        his = turn.side == "vendor"
        own = _of_any_vendor(_without(places, [ref.quote for ref in certain]), partner, "vendor" if his else "team")
        return (*certain, *(Reference(ref.vendor, ref.ref, ref.stated and his, ref.quote) for ref in own))

    def _of_others(self, places: Places, vendor: str) -> dict[str, Reference]:
        """Return the numbers that directly follow another vendor's name, as in "Cisco SR 69…"."""
        found: dict[str, Reference] = {}
        for texts in places.plain.values():
            for text in texts:
                if not _LONG_NUMBER.search(text):
                    continue
                for _, end, name in self._found(text)[:_ENOUGH]:
                    if name.strong and name.vendor != vendor and not self.is_platform(name.vendor):
                        behind = text[end : end + _NEAR]
                        for ref in self._numbers.behind(name.vendor, behind, _RIGHT_BEHIND):
                            found.setdefault(ref.ref, ref)
        return found

    def _named(self, turn: RuleInput, lines: Sequence[str]) -> Recognised:
        """Return the vendor that is named in the text.

        A user who writes "Outlook" usually has no case with its maker: a product counts only in mail of the team that
        is not to requesters, or where the text says that the maker was asked, answered or sent an invoice.
        """
        if turn.automatic in _SPEAKS_OF_NOTHING:
            return Recognised(None)
        weak = turn.side == "team" and "requester" not in turn.towards
        scores: dict[str, float] = defaultdict(float)
        makers: dict[str, float] = defaultdict(float)
        for text, weight, start, end, name in self._names_in(turn, lines):
            before, after = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
            if self._after(after) or self._before(before):
                continue  # named in passing
            party = self._maker(after) or self._party(before)
            strong = party or (name.strong and turn.side != "requester")
            if not (strong or weak):
                makers[name.vendor] += weight
                continue
            scores[name.vendor] += weight if strong else weight / 2
        if not scores:
            return Recognised(None, maker=max(makers, key=lambda maker: makers[maker], default=None))
        return Recognised(max(scores, key=lambda vendor: scores[vendor]))

    def _names_in(self, turn: RuleInput, lines: Sequence[str]) -> Iterator[tuple[str, float, int, int, _Name]]:
        """Yield each name as (text, weight, start, end, name)."""
        if turn.subject:
            subject = fold(turn.subject)
            for start, end, name in self._found(subject)[:_ENOUGH]:
                yield subject, _IN_SUBJECT, start, end, name
        text = "\n".join(lines)
        firsts = list(accumulate((len(line) + 1 for line in lines), initial=0))
        top = list(islice((number for number, line in enumerate(lines) if not is_log(line)), _GREETING_LINES))
        for number, found in groupby(self._found(text), lambda one: bisect_right(firsts, one[0]) - 1):
            line, first = lines[number], firsts[number]
            if is_log(line):
                continue
            greeting = number in top and len(line) <= 60 and any(word in lower(line) for word in _GREETS)
            for start, end, name in islice(found, _ENOUGH):
                yield line, _IN_GREETING if greeting else _IN_TEXT, start - first, end - first, name

    def _found(self, text: str) -> list[tuple[int, int, _Name]]:
        """Return the names in a text that are not part of a longer word."""
        found = [(start, end, self._names[n]) for n, start, end in self._automaton.find_matches_as_indexes(lower(text))]
        return [
            (start, end, name)
            for start, end, name in found
            if not any(at >= 0 and _LATIN_PAIR.match(text, at) for at in (start - 1, end - 1))
        ]


def _of_any_vendor(places: Places, vendor: str, side: str) -> Iterator[Reference]:
    """Yield case numbers by labels and by the classifier, if the vendor's patterns found none."""
    texts = {place: "\n".join(lines) for place, lines in (places.masked or places.plain).items()}
    told = find_case_numbers(texts.get("subject", ""), texts.get("line", ""), side=side)
    mentioned = find_case_numbers("", texts.get("body", ""), side=side)
    for stated, numbers in ((True, told), (False, mentioned)):
        for one in numbers:
            yield Reference(vendor, one.number, stated and bool(one.marks), one.quote)


def _without(places: Places, quotes: Sequence[str]) -> Places:
    """Return the same texts with these quotes replaced by spaces."""
    plain = {place: list(texts) for place, texts in places.plain.items()}
    for texts in plain.values():
        for number, text in enumerate(texts):
            for quote in quotes:
                text = text.replace(quote, " " * len(quote))
            texts[number] = text
    return Places(plain)


def _any_of(patterns: Sequence[str], before: str = "", after: str = "") -> Callable[[str], bool]:
    """Return a function that tests whether one of the patterns matches."""
    if not patterns:
        return lambda _: False
    for pattern in patterns:
        compile_pattern(pattern)
    joined = compile_pattern(f"{before}(?:{'|'.join(f'(?:{pattern})' for pattern in patterns)}){after}", groups=False)
    return lambda text: joined.search(text) is not None


_GREETS = ("御中", "様", "ご担当", "各位", "サポート", "hi ", "hello", "dear", "support", "team")


def check(vendors: Vendors, profile: Vendor) -> list[str]:
    """Return a message for each example and near-miss that gives wrong case numbers."""
    wrong: list[str] = []
    for kind, examples in (("example", profile.examples), ("near miss", profile.near_misses)):
        for number, example in enumerate(examples, 1):
            author = example.author or f"support@{profile.domains[0] if profile.domains else 'desk.example'}"
            turn = RuleInput(f"{profile.id}-{number}", "vendor", author, example.text, example.subject)
            owner = vendors.read(turn)[0].vendor or (profile.id if profile.platform else None)
            places = places_of(turn, lines_of(turn))
            refs = vendors._references(turn, places, owner, by_domain=True, by_patterns=True)
            found = [r.ref for r in refs if not r.token]
            if sorted(found) != sorted(example.refs):
                wrong.append(f"{kind} {number}: {example.subject or example.text!r} gives {found}, not {example.refs}")
    return wrong
