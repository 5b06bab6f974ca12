"""Finds case numbers by the patterns of vendor files, and normalises their spelling.

A pattern never takes a part of a longer token: the whole token is the number, or no part of it is.
If a pattern is unique to one vendor, a number of this pattern is a case number. Any other number needs a label or other
evidence for the vendor. Numbers of phones, serials, contracts, deliveries and articles, and dates, are never case
numbers: they are replaced by spaces before the patterns run, because RE2 has no look-around.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec import structs

from mailrules.fold import fold
from mailrules.judgement import Reference
from mailrules.patterns import compile_pattern, options_for, set_of
from mailrules.thread import RuleInput
from mailrules.vendors.profile import Canonical, ReferencePattern, Vendor
from mailrules.vendors.separators import separate

_HEAD_LINES = 6  # lines at the top of a mail in which a case number is stated rather than mentioned
_BETWEEN = (
    r"[ \t]*(?:番号|ナンバー|\b(?:numbers?|no|id|nr)\b\.?)?"
    r"(?:[ \t:#=(\[「【<は,-]|\bis\b|\b(?:number|id)\b){0,5}"
)
"""Text that may be between a label and its number."""
_ADDRESS = re.compile(r"https?://[^\s<>「」]+")
_ELSEWHERE = re.compile(
    r"(?:関連|過去|以前|前回|別件|重複|同様|類似)[^。\n]{0,12}$|\b(?:related|previous|earlier|older|similar|duplicate|other|another)\b[^.\n]{0,20}$",
    re.I,
)
"""Words before a number that indicate another case."""
_BEFORE = 40  # number of characters before a number in which these words are searched
_ENOUGH = 50  # maximum number of matches of one pattern in one text: a text with more is a table
_DIGIT = re.compile(r"[0-9]")
_FROM_FIRST_DIGIT = re.compile(r"[0-9].*", re.DOTALL)
_DAY = re.compile(r"20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_TOKEN_BEFORE = re.compile(r"(?:[0-9A-Za-z][-_]?|[0-9]/)\Z")
_TOKEN_AFTER = re.compile(r"[-_]?[0-9A-Za-z]|/[0-9]")
_TOKEN_REST = re.compile(r"(?:[-_]?[0-9A-Za-z]|/[0-9])*")
"""A token consists of letters, digits, hyphens or underscores between them, and slashes between digits."""

_LABEL = re.compile(r"(?:[ \t]*[■□●○◆◇▼▽▲◎・※*•‣-]+)?[ \t]*[【<\[]?[^\s:=。、|][^:=。\n|]{0,38}[】>\]]?[ \t]*[:=|\t]")
_LOG = re.compile(
    r"[ \t]+at [\w.$/<>]{1,200}\(|[ \t]*\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d|Traceback |[ \t]*Caused by: "
)
_MOST_LINES = 400  # maximum number of lines read per mail
_MOST_TEXT = 100_000  # maximum number of characters read per mail


@dataclass(slots=True)
class _Shape:
    vendor: str
    pattern: Any
    group: int
    said: ReferencePattern
    unless: list[Any]


@dataclass(slots=True)
class Places:
    """The texts of a mail by place: as written, and with numbers of other things masked."""

    plain: dict[str, list[str]]
    masked: dict[str, list[str]] = field(default_factory=dict)


class _Found(dict[tuple[str, str], Reference]):
    """Case numbers by vendor and number. ``in_subject``: those that the subject states."""

    def __init__(self) -> None:
        super().__init__()
        self.in_subject: set[tuple[str, str]] = set()


class References:
    """The compiled case number patterns of all vendors."""

    def __init__(
        self, profiles: Sequence[Vendor], generic: Sequence[ReferencePattern] = (), never: Sequence[str] = ()
    ) -> None:
        """``generic``: patterns that apply to every known vendor. ``never``: patterns of numbers of other things."""
        own = {p.id: [_shape(p.id, said) for said in p.references] for p in profiles}
        self._certain = [s for shapes in own.values() for s in shapes if s.said.needs == "nothing"]
        self._any_certain = set_of([shape.pattern.pattern for shape in self._certain], options_for())
        self._own = {
            vendor: [s for s in shapes if s.said.needs != "nothing"] for vendor, shapes in own.items() if shapes
        }
        platforms = [s for p in profiles if p.platform for s in own[p.id] if s.said.needs != "nothing"]
        self._loose = (platforms, [_shape("", said) for said in generic])
        self._platform_ids = frozenset(p.id for p in profiles if p.platform)
        self._never = list(map(compile_pattern, never))
        self._never_of = {p.id: list(map(compile_pattern, p.never)) for p in profiles if p.never}

    def certain(self, places: Places, vendor: str | None = None) -> _Found:
        """Return the numbers whose pattern is unique to one vendor.

        ``vendor``: if given, the numbers of a platform, such as a help desk provider, belong to this vendor.
        """
        found = _Found()
        matching = {place: set(self._any_certain("\n".join(texts).encode())) for place, texts in places.plain.items()}
        for number, shape in enumerate(self._certain):
            if any(number in matching[place] for place in shape.said.at):
                owner = vendor if vendor and shape.vendor in self._platform_ids else shape.vendor
                _collect(shape, owner, places.plain, found)
        return found

    def read(self, places: Places, vendor: str | None, by_domain: bool, *, loosely: bool = True) -> list[Reference]:
        """Return the case numbers of this mail: first those that it states, then those that it only mentions.

        ``loosely``: whether generic patterns and those of platforms are used too. They are not used in mail of
        requesters, because the numbers in such mail are usually ours.
        """
        found = self.certain(places, vendor)
        if vendor is not None:
            self._mask(places, vendor)
            for is_own, shapes in ((True, self._own.get(vendor, ())), *((False, some) for some in self._loose)):
                if not is_own and any(ref.vendor == vendor and not ref.token for ref in found.values()):
                    break
                for shape in shapes:
                    usable = is_own or loosely or shape.said.token
                    if usable and (by_domain or shape.said.needs != "domain"):
                        _collect(shape, vendor, places.masked, found)
        whole = _by_subject(_whole(found), found)
        return sorted(whole, key=lambda ref: (ref.token, not ref.stated))

    def behind(self, vendor: str, text: str, within: int) -> list[Reference]:
        """Return this vendor's numbers that begin in the first ``within`` characters of a text, as only mentioned."""
        found = _Found()
        for shape in (*self._own[vendor], *self._certain) if vendor in self._own else ():
            match = shape.pattern.search(text) if shape.vendor == vendor and "body" in shape.said.at else None
            if match is not None and match.start() <= within:
                _add(shape, vendor, match, text, "body", found)
        return [ref for ref in found.values() if not ref.token]

    def _mask(self, places: Places, vendor: str) -> None:
        whole = "\n".join(text for texts in places.plain.values() for text in texts)
        patterns = [p for p in (*self._never, *self._never_of.get(vendor, ())) if p.search(whole)]
        for place, texts in places.plain.items():
            places.masked[place] = [_blank(text, patterns) for text in texts]


def _shape(vendor: str, said: ReferencePattern) -> _Shape:
    after_label = rf"(?:{said.label}){_BETWEEN}(?P<ref>{said.pattern})(?:[^0-9A-Za-z]|$)"
    pattern = compile_pattern(said.pattern if said.label is None else after_label)
    groups = dict(pattern.groupindex)
    if "ref" not in groups:
        raise ValueError(f"the reference pattern {said.pattern!r} has no (?P<ref>…)")
    return _Shape(vendor, pattern, groups["ref"], said, [compile_pattern(p) for p in said.not_])


def lines_of(turn: RuleInput) -> list[str]:
    """Return the folded lines of the new text that are neither empty nor quoted."""
    folded = map(str.strip, fold(turn.text[:_MOST_TEXT]).split("\n")[: _MOST_LINES * 3])
    return [line for line in folded if line and line[0] != ">"][:_MOST_LINES]


def is_log(line: str) -> bool:
    """Whether a line is from a log file."""
    return _LOG.match(line[:300]) is not None


def places_of(turn: RuleInput, lines: Sequence[str]) -> Places:
    """Return the texts of a mail that may contain a case number, by place."""
    plain: dict[str, list[str]] = {
        "subject": [separate(fold(turn.subject))] if turn.subject else [],
        "line": [],
        "body": [],
    }
    for near_top, line in enumerate(lines, 1):
        if _DIGIT.search(line) or line.startswith("thread::"):
            short = near_top <= _HEAD_LINES and len(line) <= 60
            stated = short or line.startswith(("[", "ref:", "thread::")) or _LABEL.match(line[:60])
            plain["line" if stated else "body"].append(separate(line))
    return Places(plain)


def _blank(text: str, patterns: Sequence[Any]) -> str:
    """Return the text with matches of ``patterns`` and URLs replaced by spaces of equal length."""
    if "http" in text:
        text = _ADDRESS.sub(lambda match: " " * len(match.group()), text)
    if not patterns or not _DIGIT.search(text):
        return text
    for pattern in patterns:
        text = _blank_one(text, pattern)
    return text


def _blank_one(text: str, pattern: Any) -> str:
    """Hide the matches of one pattern to the end of their token, except parts of longer numbers."""
    pieces, done = [], 0
    for match in pattern.finditer(text):
        start, end = match.span()
        cuts = _cuts_token(text, end)
        if start < done or _cuts_token(text, start) or (cuts and _DIGIT.match(text, start)):
            continue  # in the token of an earlier match, or 2026-11 in 2026-118822
        if cuts:
            end = _TOKEN_REST.match(text, end).end()  # type: ignore[union-attr]
        pieces += [text[done:start], " " * (end - start)]
        done = end
    return "".join((*pieces, text[done:]))


def _cuts_token(text: str, at: int) -> bool:
    """Whether this position is inside a token: F261201|-0007."""
    return bool(_TOKEN_BEFORE.search(text[max(0, at - 2) : at]) and _TOKEN_AFTER.match(text, at))


def _is_whole_token(match: Any, group: int, text: str) -> bool:
    """Whether the match is a whole token, not a part of a longer one.

    At each end, this must be true for the number or for the whole match of the pattern.
    """
    return all(
        any(not _cuts_token(text, at) for at in ends)
        for ends in ((match.start(group), match.start()), (match.end(group), match.end()))
    )


def _collect(shape: _Shape, vendor: str, places: dict[str, list[str]], found: _Found) -> None:
    for at in shape.said.at:
        texts = places[at]
        if len(texts) > 1 and not shape.pattern.search("\n".join(texts)):
            continue  # search all lines at once first, since most patterns match in none
        for text in texts:
            if shape.unless and any(pattern.search(text) for pattern in shape.unless):
                continue
            for match in islice(shape.pattern.finditer(text), _ENOUGH):
                _add(shape, vendor, match, text, at, found)


def _whole(found: _Found) -> list[Reference]:
    """Return the numbers that are not part of a longer number of the same vendor."""
    return [
        ref
        for (vendor, number), ref in found.items()
        if not any(vendor == other and number != longer and number in longer for other, longer in found)
    ]


def _add(shape: _Shape, vendor: str, match: Any, text: str, at: str, found: _Found) -> None:
    raw = match.group(shape.group)
    ref = canonical(raw, shape.said.canonical) if raw and _is_whole_token(match, shape.group, text) else ""
    ref = ref.strip("-_")
    if not ref or (_DAY.fullmatch(ref) and shape.said.needs != "nothing"):
        return
    stated = at != "body" and not _ELSEWHERE.search(text[max(0, match.start() - _BEFORE) : match.start()])
    key = (vendor, ref)
    if key not in found or (stated and not found[key].stated):
        found[key] = Reference(vendor, ref, stated, match.group().strip(" \t"), token=shape.said.token)
    if stated and at == "subject":
        found.in_subject.add(key)


def _by_subject(refs: Sequence[Reference], found: _Found) -> Iterator[Reference]:
    """Yield the numbers. If the subject states one, no other number of its kind, such as a parent case, is stated."""
    kinds = {_kind(ref) for ref in refs if (ref.vendor, ref.ref) in found.in_subject}
    for ref in refs:
        is_other = _kind(ref) in kinds and (ref.vendor, ref.ref) not in found.in_subject
        yield structs.replace(ref, stated=False) if is_other else ref


def _kind(ref: Reference) -> tuple[str, str]:
    """Return the vendor and the letters with which a number begins."""
    return ref.vendor, _FROM_FIRST_DIGIT.sub("", ref.ref)


def canonical(ref: str, how: Canonical) -> str:
    """Return the number in the form that ``how`` describes."""
    removed = {"all": r"\s", "digits": r"[^0-9]", "alnum": r"[^0-9A-Za-z]"}[how.keep]
    text = re.sub(removed, "", fold(ref))
    return (text.upper() if how.upper else text)[: how.length]
