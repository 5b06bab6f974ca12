"""A mail's new text as units: sentences, list lines, values of label lines, pasted log lines, words of others.

Hard wraps are undone first. Every unit stands on its own line of one *sheet*, so that a pattern can never run from one
sentence into the next, and all of them are searched in one pass.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mailrules.fold import Shifts, fold
from mailrules.sentences import sentences, without_speech
from mailrules.sheet import Sheet, Unit

_BULLET = re.compile(
    r"[ \t]*(?:[■□●○◆◇▼▽▲◎・*•‣※→>-][ \t]*|[(\[]?\d{1,2}[).\]][ \t]+|\(\d{1,2}\)|[①-⑳][ \t]*|[a-hA-H][).][ \t]+"
    r"|[ア-オイロハニホ][).][ \t]*)"
)
_LABEL = re.compile(
    r"^(?P<head>[ \t]*(?:[■□●○◆◇▼▽▲◎・*•※-][ \t]*|\(?\d{1,2}[).][ \t]*|[①-⑳][ \t]*)?)"
    r"(?:【(?P<boxed>[^】\n]{1,30})】[ \t]*[::]?|<(?P<angled>[^<>\n@/]{1,24})>|\[(?P<square>[^\]\n]{1,24})\][ \t]*:?"
    r"|(?P<plain>[^\s::=。、|\t][^::=。\n|\t]{0,38}?)[ \t]*(?:[::=]|\t|[ \t]\|)(?!//))[ \t]*(?P<value>.*)$"
)
_SPACED = re.compile(r"^(?P<head>[ \t]*[■□●○◆◇▼▽▲◎・※][ \t]*)(?P<plain>\S{1,20})[ \t]{1,8}(?P<value>\S.*)$")
_COLUMN = re.compile(r"^(?P<head>[ \t]*)(?P<plain>[^\s::=。、|][^::=。、\n|\t]{0,28}?)[ \t]{2,40}(?P<value>[^\s].*)$")
"""A form laid out in columns: label and value stand apart by several blanks, with no sign between them."""
_HEADING = re.compile(r"^[ \t]*[■□●◆◇▼▽▲◎※#]+[ \t]*(?P<plain>[^\s。、:][^。、:\n]{0,28})$")
_LOG = re.compile(
    r"^\s+at [\w.$/<>]{1,200}\(|^\s*(?:\[[\w .:-]+\][ \t]*)?\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d\S*[ \t]+\S"
    r"|^\s*\w{3}[ \t]+\d{1,2} \d\d:\d\d:\d\d\s|^\s*(?:[\w$]+\.)+[\w$]*(?:Exception|Error)\b|^\s*Caused by: "
    r"|^\s*Traceback "
    r'|^\s*File "|^\s*#\d+ 0x|^\s*%[A-Z]+-\d-|^[\w.-]+[#>][ \t]?(?:show|sh|get|diag)'
)
_JUDGED = 2000
"""Units of one mail that are judged as language; what comes after so many is treated as a pasted log."""
_LONGEST = 1000
"""Characters of one unit."""
_TAIL = re.compile(r"(?:を|について|につき|に関し|の(?:点|件|情報|内容|[0-9０-９]点)|以上)")
"""How a sentence begins that closes the list above it."""
_MARKS = re.compile(r"^[\s\-_=*~─━―ー—・.]{3,}$")


@dataclass(slots=True)
class _Builder:
    pieces: list[str] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    here: list[int] = field(default_factory=list)
    there: list[int] = field(default_factory=list)
    length: int = 0
    spoken: int = -1
    """The last unit that is no quote."""

    def add(self, where: str, parts: list[tuple[str, int]], label: str = "", state: str = "", lead: int = -1) -> int:
        """Write one unit from pieces of the folded text; returns its number, -1 for an empty one.

        What is longer than any sentence becomes several units, for patterns are tried anew at each of a unit's words.
        """
        number = -1
        for bounded in _bounded(parts):
            number = self._add(where, bounded, label, state, lead)
        return number

    def _add(self, where: str, parts: list[tuple[str, int]], label: str, state: str, lead: int) -> int:
        if len(self.units) >= _JUDGED:
            where, label, state, lead = "log", "", "", -1
        start = self.length
        for text, source in parts:
            if not text:
                continue
            self.here.append(self.length)
            self.there.append(source)
            self.pieces.append(text)
            self.length += len(text)
        if self.length == start:
            return -1
        self.units.append(Unit(where, start, self.length, label, state, lead, self.spoken))
        if where != "quote":
            self.spoken = len(self.units) - 1
        self.pieces.append("\n")
        self.length += 1
        return len(self.units) - 1


def _bounded(parts: list[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    if sum([len(text) for text, _ in parts]) <= _LONGEST:
        yield parts
        return
    unit: list[tuple[str, int]] = []
    room = _LONGEST
    for text, source in parts:
        at = 0
        while at < len(text):
            end = min(len(text), at + room)
            unit.append((text[at:end], source + at))
            room -= end - at
            at = end
            if not room:
                yield unit
                unit, room = [], _LONGEST
    if unit:
        yield unit


Known = Callable[[str], bool]
StateOf = Callable[[str], str]


def lay_out(text: str, subject: str, subject_is_new: bool, known: Known, state_of: StateOf) -> Sheet:
    """The sheet of one mail. ``known`` says whether some rule knows a label, ``state_of`` reads the value of a label
    line (``none``, ``unknown``, ``placeholder``, …)."""
    build = _Builder()
    head, _ = fold(subject)
    head = " ".join(head.split())
    if head:
        build.add("subject" if subject_is_new else "old_subject", [(head, -len(head) - 2)])
    folded, shifts = fold(text)
    _body(folded, build, known, state_of)
    if not build.here:
        build.here, build.there = [0], [0]
    if len(shifts.here) > 1:
        return Sheet("".join(build.pieces), build.units, _compose(build, shifts), len(text))
    there = [at if at >= 0 else at - 1_000_000 for at in build.there]
    return Sheet("".join(build.pieces), build.units, Shifts(tuple(build.here), tuple(there)), len(text))


def _compose(build: _Builder, shifts: Shifts) -> Shifts:
    """The builder's shifts laid over those of the folding."""
    here: list[int] = []
    there: list[int] = []
    ends = [*build.here[1:], build.length]
    for at, source, end in zip(build.here, build.there, ends, strict=True):
        here.append(at)
        there.append(shifts.source(source) if source >= 0 else source - 1_000_000)
        if source < 0:
            continue
        for place in range(bisect_right(shifts.here, source), bisect_left(shifts.here, source + (end - at))):
            here.append(at + shifts.here[place] - source)
            there.append(shifts.there[place])
    return Shifts(tuple(here), tuple(there))


def _body(folded: str, build: _Builder, known: Known, state_of: StateOf) -> None:
    lines = folded.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    heading = ""
    lead = -1
    number = 0
    while number < len(lines):
        line, at = lines[number], starts[number]
        number += 1
        bare = line.strip()
        if not bare or _is_marks(bare):
            heading = heading if bare else ""
            continue
        if bare[0] == ">":
            continue
        if _is_log(line):
            build.add("log", [(line, at)])
            continue
        label = _label_of(line, known)
        after_label = bool(build.units) and build.units[-1].where == "label"
        if label is not None and lead >= 0 and not after_label and not known(label[0]) and _BULLET.match(line):
            label = None  # a point of a list that happens to hold a colon
        if label is not None:
            name, value, value_at = label
            if not value and known(name) and number < len(lines):
                following = lines[number]
                bare = following.strip()
                if bare and bare[-1] != ":" and _label_of(following, known) is None and not _BULLET.match(following):
                    value = following.strip()
                    value_at = starts[number] + len(following) - len(following.lstrip()) - at
                    number += 1
            heading = name if known(name) and not value else ""
            _value(build, name, value, at + value_at if value_at >= 0 else at, state_of, lead, line, at)
            continue
        titled = _HEADING.match(line) if bare[0] in _POINTS else None
        if titled and known(titled.group("plain").strip()):
            heading = titled.group("plain").strip()
            continue
        bullet = _bullet(line, bare)
        if bullet and bullet.end() < len(line):
            parts, number = _joined(lines, starts, number, line, at, bullet.end())
            _sentences(build, "list", parts, heading, lead)
            continue
        if lead >= 0 and _is_form_line(bare, lines[number : number + 2], build.units, lead):
            build.add("list", [(bare, at + len(line) - len(line.lstrip()))], heading, "", lead)
            continue
        if lead >= 0 and line[0] in " \t" and len(line) <= 80 and line.rstrip()[-1] not in "。.":
            _sentences(build, "list", [(line.strip(), at + len(line) - len(line.lstrip()))], heading, lead)
            continue
        parts, number = _joined(lines, starts, number, line, at, len(line) - len(line.lstrip()))
        first = len(build.units)
        lead = _sentences(build, "label" if heading else "sentence", parts, heading, -1)
        if _TAIL.match(parts[0][0]) and lead >= first:
            _lead_from_below(build.units, first)


def _is_form_line(bare: str, following: list[str], units: list[Unit], lead: int) -> bool:
    """Whether a short line ending in a colon is one of several to fill in, and no lead of its own."""
    if bare[-1] != ":" or len(bare) > 40:
        return False
    if units and units[-1].lead == lead and units[-1].where in ("label", "list"):
        return True
    after = next((text.strip() for text in following if text.strip()), "")
    return after[-1:] == ":" and len(after) <= 40


_POINTS = "■□●○◆◇▼▽▲◎・*•‣※→-#"
_LABEL_SIGNS = re.compile(r"[:=\t|【<\[]")
_LABEL_POINTS = "■□●○◆◇▼▽▲◎・※"


def _may_be_label(line: str) -> bool:
    bare = line.lstrip(" \t")
    return bare[:1] in _LABEL_POINTS or "  " in bare or _LABEL_SIGNS.search(line) is not None


def _bullet(line: str, bare: str) -> re.Match[str] | None:
    if bare[0].isalpha() and bare[1:2] not in ")." and bare[0] not in "アイウエオカキクケコ":
        return None
    return _BULLET.match(line)


def _is_marks(bare: str) -> bool:
    return not bare[0].isalnum() and _MARKS.match(bare) is not None


def _is_log(line: str) -> bool:
    """Log lines hold a colon, a dot or a bracket early on; most sentences are told by that."""
    head = line[:300]
    return ("(" in head or ":" in head or "%" in head or "Exception" in head or "#" in head or ">" in head) and bool(
        _LOG.match(head)
    )


def _lead_from_below(units: list[Unit], tail: int) -> None:
    """Japanese may put the verb after the list (``・A ・B を教えてください``): that sentence leads it then."""
    for unit in reversed(units[:tail]):
        if unit.where != "list":
            break
        unit.lead = tail


def _label_of(line: str, known: Known) -> tuple[str, str, int] | None:
    """Label, value and where the value begins, if this is a label line."""
    if not _may_be_label(line):
        return None
    if "  " in line and (match := _COLUMN.match(line)) and known(match.group("plain")):
        return match.group("plain"), match.group("value").strip(), match.start("value")
    match = _LABEL.match(line)
    if match is None:
        match = _SPACED.match(line)
        if match is None or not known(match.group("plain")):
            return None
        return match.group("plain"), match.group("value").strip(), match.start("value")
    groups = match.groupdict()
    name = (groups.get("boxed") or groups.get("angled") or groups.get("square") or groups.get("plain") or "").strip()
    doubtful = not known(name) and (groups.get("plain") or not match.group("value"))
    if groups.get("plain") and not match.group("value") and not known(name):
        return None  # "I will need:" introduces what follows
    if not known(name) and not groups.get("plain") and match.group("value"):
        return None  # 【緊急】 before a sentence is a word said, no label: only a label that some rule reads is one
    if not name or name.isdigit() or (doubtful and (groups.get("plain") is None or not _form_like(match))):
        return None
    if name[-1].isdigit() and match.group("value")[:1].isdigit() and not known(name):
        return None
    if re.fullmatch(r"[\d/.: -]+", name) or name.lower() in ("http", "https"):
        return None
    return name, match.group("value").strip(" \t|"), match.start("value")


def _form_like(match: re.Match[str]) -> bool:
    """An unknown label is believed only where the line looks like a form: a bullet before it, or few words."""
    name = match.group("plain")
    short = len(name) <= 24 if name.isascii() else len(name) <= 14
    return bool(match.group("head").strip()) or (short and len(name.split()) <= 3 and not set(name) & set("、「」。"))


def _value(
    build: _Builder, name: str, value: str, at: int, state_of: StateOf, lead: int, line: str, line_at: int
) -> None:
    state = state_of(value)
    named_at = (name, line_at + max(line.find(name), 0))
    if not value:
        build.add("label", [named_at], name, "empty", lead)
        return
    if state == "placeholder":  # a form to fill in: its line is the label and the hint
        build.add("label", [named_at, (" ", at - 1), (value, at)], name, state, lead)
        return
    pieces = sentences(value) if state == "value" and len(value) > 12 else [(0, len(value))]
    for number, (low, high) in enumerate(pieces):  # the label speaks for its first sentence
        named = number == 0
        build.add(
            "label" if named else "sentence",
            [(value[low:high], at + low)],
            name if named else "",
            state if named else "",
        )


def _joined(
    lines: list[str], starts: list[int], number: int, line: str, at: int, skip: int
) -> tuple[list[tuple[str, int]], int]:
    """The line and those that only a hard wrap parted from it."""
    parts = [(line[skip:].rstrip(), at + skip)]
    while number < len(lines):
        following = lines[number]
        last = parts[-1][0]
        bare = following.strip()
        if not bare or not _wrapped(last, bare) or bare[0] == ">" or _bullet(following, bare):
            break
        if _is_log(following) or (_may_be_label(following) and _LABEL.match(following)) or _is_marks(bare):
            break
        indent = len(following) - len(following.lstrip())
        glue = " " if last[-1:].isascii() and bare[0].isascii() else ""
        parts[-1] = (last, parts[-1][1])
        if glue:
            parts.append((" ", starts[number] - 1))
        parts.append((following[indent:].rstrip(), starts[number] + indent))
        number += 1
    return parts, number


def _wrapped(line: str, following: str) -> bool:
    width = (len(line) + len(line.encode("utf-8", "replace"))) // 2  # columns: wide characters take three bytes
    if '"' in line and width >= 48 and _opens_quote(line) and following.count('"') % 2:
        return True  # a full stop inside of words quoted ends no sentence
    if line[-1:] in "。!?:":
        return False
    if following[:1].isascii() and following[:1].islower():
        return width >= 30
    return width >= 48 and line[-1:] not in "."


def _opens_quote(line: str) -> bool:
    """Whether words quoted begin in a line and do not end there."""
    return line.count('"') % 2 == 1 and line[line.rfind('"') + 1 :][:1].strip() != ""


def _sentences(build: _Builder, where: str, parts: list[tuple[str, int]], label: str, lead: int) -> int:
    """Write the sentences of one paragraph; returns the number of the last."""
    text = parts[0][0] if len(parts) == 1 else "".join([piece for piece, _ in parts])
    last = lead
    for low, high in sentences(text):
        if len(build.units) >= _JUDGED:
            build.add("log", _cut(parts, low, len(text)))
            break
        own, spoken = without_speech(text, low, high)
        for piece_low, piece_high in spoken:
            build.add("quote", _cut(parts, piece_low, piece_high))
        pieces = [piece for piece_low, piece_high in own for piece in _cut(parts, piece_low, piece_high)]
        number = build.add(where, pieces, label, "value" if label else "", lead)
        last = number if number >= 0 else last
    return last


def _cut(parts: list[tuple[str, int]], low: int, high: int) -> list[tuple[str, int]]:
    """The pieces between two positions of the joined text, with their places in the folded text."""
    if len(parts) == 1:
        text, source = parts[0]
        return [(text[low:high], source + low)] if low < high else []
    out: list[tuple[str, int]] = []
    at = 0
    for text, source in parts:
        start, end = max(low, at), min(high, at + len(text))
        if start < end:
            out.append((text[start - at : end - at], source + start - at))
        at += len(text)
    return out
