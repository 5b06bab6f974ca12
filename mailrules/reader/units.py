"""Splits the new text of a mail into units: sentences, list lines and form lines.

Hard-wrapped lines of one paragraph are joined. Limits: at most `MAX_TEXT` characters are read, and at most
`MAX_UNITS` units of at most `MAX_UNIT` characters each are returned.
"""

import re
from typing import NamedTuple

MAX_TEXT = 24_000
MAX_UNITS = 300
MAX_UNIT = 600
WRAP_COLUMNS = range(60, 84)  # the mail program wrapped a line of this width without final punctuation
MAX_LABEL = 40

# Python's engine is faster than RE2 on short lines. Each pattern is applied at one position and does not backtrack.
_LIST = re.compile(r"[ \t　]*(?:[-*・•‣●■□○◆◇▪◦–▼☑✓※]|\[[ xX]?\]|\(?[0-9]{1,2}[.):．）]|[①-⑳]|\(?[a-zA-Z][.)])[ \t　]*")
_BLANKS = " \t　"
_COLON = re.compile("[:：]")
_NO_LABEL = re.compile("[?？。!！]")
_MARK = re.compile("[。！？!?.…\n]")
_STOP = re.compile(r"[。！？!?]+[」』）)\"'”’]*|[.…]+[)\"'”’]*(?:[ \t\n]+|\Z)|\n")
_ABBREVIATION = re.compile(
    r"(?i)(?:^|[ \t\n(])(?:mr|mrs|ms|dr|prof|no|nr|st|vs|etc|e\.g|i\.e|approx|ca|ext|fig|inc|ltd|co"
    r"|dept|ver|v|jan|feb|mar|apr|jun"
    r"|jul|aug|sep|sept|oct|nov|dec|a\.m|p\.m|[a-z])\.\Z"
)
_BRACKET = re.compile("[「『（(“【]")
_OPENING = {"「": "」", "『": "』", "（": "）", "(": ")", "“": "”", "【": "】"}


class Unit(NamedTuple):
    """One sentence or line. `text` includes the label of a form line and the marker of a list line."""

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
    """Return the lines as (start, end, shape); wrapped lines of a paragraph are joined."""
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
            break  # each block yields at least one unit
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
    """Return the width of a line up to `MAX_UNIT` characters; wide characters count as two."""
    line = line[:MAX_UNIT]
    return len(line) if line.isascii() else sum(2 if character > "⺀" else 1 for character in line)


def _form(line: str) -> str:
    """Return the label of a form line, or "".

    A label is short and does not end with a digit, which would be a clock time. The value is on the same line and is
    not a path.
    """
    line = line[:MAX_UNIT]
    colon = _COLON.search(line)
    if not colon or not colon.start() or _NO_LABEL.search(line, 0, colon.start()):
        return ""
    head, value = line[: colon.start()], line[colon.end() :]
    label = head.strip(_BLANKS) or head[-1]
    bare = value.lstrip(_BLANKS)
    path = bare[:1] in tuple("/\t\f\r ") and "　" not in value[: len(value) - len(bare)]
    if path or "\n" in bare or label[-1] in "0123456789":
        return ""
    return label if len(label) <= MAX_LABEL and len(label.split()) <= 5 and _columns(label) <= MAX_LABEL else ""


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
    """Return the ends of the sentences in a block. A sentence does not end inside brackets of up to 200 characters."""
    cuts: list[int] = []
    closed_until = 0
    brackets = _bracketed(block)
    marker = _LIST.match(block)
    end = marker.end() if marker else 0  # the dot of "1. Restart it." ends no sentence
    for mark in _MARK.finditer(block):
        at = mark.start()
        if at < end or (at and block[at] in ".…" and block[at - 1] in ".…"):
            continue  # inside the list marker or the previous mark
        found = _STOP.match(block, at)
        if found is None:
            continue
        end = found.end()
        if end >= len(block):
            break
        if mark.group() == "\n":
            continue  # a wrapped line
        follows_lower = block[end : end + 1].islower()  # no sentence begins with a lower-case letter
        if mark.group() == "." and (follows_lower or _ABBREVIATION.search(block[max(0, at - 8) : at + 1])):
            continue
        while closed_until < len(brackets) and brackets[closed_until][1] < at:
            closed_until += 1
        if any(left < at < right for left, right in brackets[closed_until : closed_until + 3]):
            continue
        cuts.append(end)
    return cuts


def _bracketed(block: str) -> list[tuple[int, int]]:
    """Return the outermost spans of brackets, in order. A span has at most 200 characters."""
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
