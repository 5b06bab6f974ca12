"""Split the new text of a mail into units: sentences, list lines and form lines, with offsets.

Hard-wrapped lines of one paragraph are joined. Work is bounded: at most `MAX_TEXT` characters are read, at most
`MAX_UNITS` units of at most `MAX_UNIT` characters each.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2

MAX_TEXT = 24_000
MAX_UNITS = 300
MAX_UNIT = 600
WRAP_COLUMNS = range(60, 84)  # a line of this width without a final stop was broken by the writer's program
MAX_LABEL = 40

_LIST = re2.compile(  # type: ignore[no-untyped-call]
    r"^[ \t　]*(?:[-*・•●■□○◆◇▪◦–▼☑✓※]|\[[ xX]?\]|\(?[0-9]{1,2}[.):．）]|[①-⑳]|\(?[a-zA-Z][.)])[ \t　]*"
)
_FORM = re2.compile(r"^[ \t　]*([^:：?？。!！]{1,40}?)[ \t　]*[:：][ \t　]*([^/\s][^\n]*)?$")  # type: ignore[no-untyped-call]
_CLOCK = re2.compile(r"[0-9]$")  # type: ignore[no-untyped-call]
_STOP = re2.compile(r"[。！？!?]+[」』）)\"'”’]*|[.…]+[)\"'”’]*(?:[ \t\n]+|$)|\n")  # type: ignore[no-untyped-call]
_ABBREVIATION = re2.compile(  # type: ignore[no-untyped-call]
    r"(?i)(?:^|[ \t\n(])(?:mr|mrs|ms|dr|prof|no|nr|st|vs|etc|e\.g|i\.e|approx|ca|ext|fig|inc|ltd|co"
    r"|dept|ver|v|jan|feb|mar|apr|jun"
    r"|jul|aug|sep|sept|oct|nov|dec|a\.m|p\.m|[a-z])\.$"
)
_BRACKET = re.compile("[「『（(“【]")
_OPENING = {"「": "」", "『": "』", "（": "）", "(": ")", "“": "”", "【": "】"}


@dataclass(frozen=True, slots=True)
class Unit:
    """One sentence or line: `form` and `list` lines keep their label and marker inside `text`."""

    text: str
    start: int
    end: int
    shape: str = "sentence"  # sentence, list, form
    label: str = ""  # of a form line


def split_units(text: str) -> list[Unit]:
    """Return the units of `text` in order; offsets refer to `text`."""
    units: list[Unit] = []
    for start, end, shape in _blocks(text[:MAX_TEXT]):
        for unit in _sentences(text, start, end, shape):
            units.append(unit)
            if len(units) == MAX_UNITS:
                return units
    return units


def _blocks(text: str) -> list[tuple[int, int, str]]:
    """Lines, with the wrapped lines of a paragraph joined: (start, end, shape)."""
    blocks: list[tuple[int, int, str]] = []
    at = 0
    open_end = False
    for line in text.split("\n"):
        start, at = at, at + len(line) + 1
        bare = line.strip()
        if not bare:
            open_end = False
            continue
        if len(blocks) > MAX_UNITS:
            break  # each block gives a unit
        shape = "list" if _LIST.match(line) else "form" if _form(line) else "sentence"
        if open_end and shape != "list" and shape != "form":
            blocks[-1] = (blocks[-1][0], start + len(line), blocks[-1][2])
        else:
            blocks.append((start, start + len(line), shape))
        open_end = (_columns(bare) in WRAP_COLUMNS and bare[-1] not in "。.!?！？:：;") or (
            bare[-1] == "、" and len(bare) > 8
        )
    return blocks


def _columns(line: str) -> int:
    """Width of a line, wide characters counted twice (seen up to the limit of a unit)."""
    return sum(2 if character > "⺀" else 1 for character in line[:MAX_UNIT])


def _form(line: str) -> str:
    """The label of a form line, or nothing: a short label, no clock time before the colon, a value or the end."""
    found = _FORM.match(line[:MAX_UNIT])
    if not found or _CLOCK.search(found.group(1)):
        return ""
    label: str = found.group(1)
    return label if len(label.split()) <= 5 and _columns(label) <= MAX_LABEL else ""


def _sentences(text: str, start: int, end: int, shape: str) -> list[Unit]:
    block = text[start:end]
    cuts = _cuts(block)
    label = _form(block) if shape != "sentence" else ""
    out: list[Unit] = []
    for left, right in zip([0, *cuts], [*cuts, len(block)], strict=True):
        for begin in range(left, right, MAX_UNIT):
            piece = block[begin : min(begin + MAX_UNIT, right)]
            bare = piece.strip()
            if bare:
                offset = start + begin + len(piece) - len(piece.lstrip())
                first = not out
                out.append(
                    Unit(bare, offset, offset + len(bare), shape if first else "sentence", label if first else "")
                )
    return out


def _cuts(block: str) -> list[int]:
    """Ends of sentences inside a block; nothing is cut inside brackets that close soon."""
    cuts: list[int] = []
    closed_until = 0
    brackets = _bracketed(block)
    for found in _STOP.finditer(block):
        end = found.end()
        if end >= len(block):
            break
        mark = found.group()
        if mark == "\n":
            continue  # a wrapped line
        if mark[0] == "." and (
            _ABBREVIATION.search(block[max(0, found.start() - 8) : found.start() + 1]) or not _begins(block, end)
        ):
            continue
        while closed_until < len(brackets) and brackets[closed_until][1] < found.start():
            closed_until += 1
        if any(left < found.start() < right for left, right in brackets[closed_until : closed_until + 3]):
            continue
        cuts.append(end)
    return cuts


def _begins(block: str, at: int) -> bool:
    """Whether a sentence can begin here: no lower-case letter after a full stop."""
    head = block[at : at + 1]
    return not head.islower()


def _bracketed(block: str) -> list[tuple[int, int]]:
    """Spans of brackets that close within 200 characters, outermost only, in order."""
    spans: list[tuple[int, int]] = []
    inside_until = -1
    for found in _BRACKET.finditer(block):
        at = found.start()
        if at > inside_until:
            end = block.find(_OPENING[found.group()], at + 1, at + 200)
            if end > 0:
                spans.append((at, end))
                inside_until = end
    return spans
