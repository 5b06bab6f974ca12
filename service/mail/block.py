"""Header blocks inside a body: the From/Sent/To/Subject lines above a quoted or forwarded mail, in any language.

A block needs several header lines together, so one ambiguous word is not enough. The line above it ("----- Forwarded
message -----") tells whether the mail was forwarded or answered; without such a line, the subject of the outer mail
does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.mail import dates
from service.mail.client_phrases import FORWARD_MARKS, LABELS, LONGEST_LABEL, ORIGINAL_MARKS, Field
from service.mail.mark import Mark, is_rule, mark_of
from service.mail.word_lists import fold

LONGEST: Final = 4_000
"""Maximum number of characters read of one header line (To lists are long)."""
_MOST_LINES: Final = 40

_GLUED = re.compile(r"(?<=[A-Z0-9])([A-ZÀ-ÞА-Я]?[^\W\d_A-ZÀ-Þ]{3,12})[ \t]+")
_NO_COLON: Final = ("送信済み ", "送信日時 ", "Wysłano ")
"""Header words that some clients write without a colon."""
_CLIENTS_ORDER: Final = (
    ["from", "date", "to", "subject"],
    ["from", "subject", "date", "to"],
    ["from", "date", "subject", "to"],
)
_OPEN_ORDER: Final[tuple[Field, ...]] = (
    "from", "to", "date", "subject", "cc", "bcc", "reply_to", "message_id", "raw", "other",
)  # fmt: skip
_TELLING: Final = frozenset({"from", "to", "cc", "subject", "date"})
_SHAPE = re.compile(r"[ \t*_>|]{0,6}([^\W\d_][^\d:：<>@\n]{0,27})[:：][ \t*\u00a0]*(.*)$")
_RAW = re.compile(r"[A-Za-z]{1,30}-[A-Za-z-]{1,40}:(?:[ \t]|$)")
"""Matches a header field that no client shows but a returned message contains ("X-Spam-Score: 0")."""


@dataclass(slots=True)
class Block:
    """The header block in lines ``start`` to ``end`` (exclusive), with marks, rules and the blank line after it."""

    start: int
    end: int
    mark: Mark
    values: dict[Field, str] = field(default_factory=dict)
    ruled: bool = False
    """Whether a line of underscores or dashes is above it."""

    @property
    def as_client(self) -> bool:
        """Whether From, Date, To and Subject are in the order that Outlook, Apple Mail or Gmail uses."""
        order = [f for f in self.values if f in _TELLING and f != "cc"]
        return order in _CLIENTS_ORDER

    @property
    def is_raw(self) -> bool:
        """Whether these are the fields of a raw message header, as delivery reports return them."""
        return "raw" in self.values

    @property
    def subject(self) -> str | None:
        return self.values.get("subject")


def label(line: str) -> tuple[frozenset[Field], str, str] | None:
    """Return (fields the word may mean, value, word) if the line begins with a header word and a colon, else None."""
    bare = line[:LONGEST].lstrip(" \t*_>|\u3000\u200e\u200f\ufeff•・[【■◆")
    head = bare[: LONGEST_LABEL + 8]
    colon = min((p for p in (head.find(":"), head.find("：")) if p > 0), default=-1)
    if head.startswith(_NO_COLON):
        colon = head.index(" ")
    elif colon < 0:
        colon = head.find("\t")
        if colon <= 0:
            return None
    word = fold(head[:colon].strip(" \t*_\u00a0\u200e\u200f\u3000]】"))
    fields = LABELS.get(word)
    if fields is None:
        squeezed = word.replace(" ", "").replace("\u3000", "")
        fields = LABELS.get(squeezed) if not squeezed.isascii() else None
        if fields is None:
            return None
    return fields, bare[colon + 1 :].strip(" \t*\u00a0\u200e\u200f\u3000"), word


def block_at(lines: Sequence[str], at: int) -> Block | None:
    """Return the header block that begins at line ``at``, with its mark or rule; None if there is none."""
    line = lines[at]
    mark: Mark = mark_of(line) if line and (line[:1] in " \t-=_~#*+–—━─<[" or line.rstrip()[-1:] in ":：") else "none"
    first = at
    ruled = False
    if mark != "none":
        first = _skip_blank(lines, at + 1, 3)
    elif is_rule(line):
        ruled = True
        first = _skip_blank(lines, at + 1, 2)
        if first < len(lines) and (second := mark_of(lines[first])) != "none":
            mark, first = second, _skip_blank(lines, first + 1, 3)
    if mark == "end":
        return Block(at, at + 1, mark)
    if mark == "none" and (one := _one_line(line, at)) is not None:
        return one
    found = _read(lines, first, mark != "none") if first < len(lines) else None
    if found is None:
        return _mark_alone(line, at, mark)
    values, end, known = found
    enough = 2 if mark in ("forward", "original") else 3
    if "from" not in values or len(values.keys() & _TELLING) < enough:
        return _mark_alone(line, at, mark)
    if (mark == "unknown" or (mark == "none" and not ruled)) and not _plausible(values, known):
        return None
    if mark == "none" and not ruled and "raw" not in values and not _stands_alone(lines, first, values):
        return None
    return Block(at, _below_rule(lines, end), mark, values, ruled)


def _below_rule(lines: Sequence[str], end: int) -> int:
    """Return the line after the rule that some clients (Becky!, Notes) draw below the header lines; ``end`` if none."""
    at = _skip_blank(lines, end, 2)
    return at + 1 if at < len(lines) and _is_dashes(lines[at]) else end


def _is_dashes(line: str) -> bool:
    return 3 <= len(line.strip()) < 100 and not line.strip(" \t-_=")


def _plausible(values: dict[Field, str], known: int) -> bool:
    """Whether header lines without a known mark have an address or a date; both if at most one word is known."""
    person, day = "@" in values["from"], dates.has_day(values.get("date", ""))
    if known > 1:
        return person or day
    return person and day and ">" in values["from"] and len(values.keys() & _TELLING) > 3


def _stands_alone(lines: Sequence[str], first: int, values: dict[Field, str]) -> bool:
    """Whether header lines without a mark come from a client: From first (or all four), no other label above."""
    if next((f for f in values if f in _TELLING), None) != "from" and not (
        {"from", "to", "date", "subject"} <= values.keys() and "@" in values["from"] and dates.has_day(values["date"])
    ):
        return False
    above = lines[first - 1] if first else ""
    return not above.strip() or _SHAPE.match(above[:LONGEST]) is None or is_rule(above)


def _mark_alone(line: str, at: int, mark: Mark) -> Block | None:
    """Return a block for a mark between dashes without header lines; None for other lines."""
    decorated = line.lstrip(" \t*_")[:2] in ("--", "==", "**", "__")
    return Block(at, at + 1, mark) if decorated and mark in ("forward", "original") else None


def _skip_blank(lines: Sequence[str], at: int, most: int) -> int:
    end = min(len(lines), at + most)
    while at < end and not lines[at].strip(" \t*>"):
        at += 1
    return at


@dataclass(frozen=True, slots=True)
class _Row:
    """One header line: the fields that its word may mean, its value and the word."""

    fields: frozenset[Field]
    value: str
    word: str


def _read(lines: Sequence[str], first: int, strong: bool) -> tuple[dict[Field, str], int, int] | None:
    """Return the header lines from ``first`` on: values by field, the next line, the number of known header words.

    Below a mark (``strong``), header words of unknown languages are recognised by the form of their values.
    """
    head = label(lines[first])
    if head is None and not (strong and _shaped(lines[first])):
        return None
    rows: list[_Row] = []
    at = end = first
    last = min(len(lines), first + _MOST_LINES)
    while at < last:
        line = lines[at]
        row = _row(line, rows, strong)
        if row is not None and all(row.word != other.word for other in rows):
            rows.append(row)
            at += 1
            end = at
        elif not line.strip(" \t*>"):
            follow = _skip_blank(lines, at, 2)
            if follow >= last:
                break
            row = _row(lines[follow], rows, strong=False)
            if not (_wants(rows, row) if row is not None else len(rows) == 1 and not rows[0].value):
                break
            at = follow
        elif rows and _continues(rows[-1], line, lines, at, last):
            above = rows[-1]
            rows[-1] = _Row(above.fields, f"{above.value} {line.strip(' *')}".strip()[:LONGEST], above.word)
            at += 1
            end = at
        else:
            break
    values = _assign(rows)
    return (values, end, sum(row.word in LABELS for row in rows)) if values else None


def _row(line: str, rows: Sequence[_Row], strong: bool) -> _Row | None:
    known = label(line)
    if known is not None:
        return _Row(*known)
    if _RAW.match(line) is not None and rows:
        return _Row(frozenset({"other"}), "", line.partition(":")[0])
    if not strong or len(rows) > 7 or (shaped := _shaped(line)) is None:
        return None
    word, value = shaped
    if len(rows) > 1 and {"from", "to", "date", "subject"} <= _assign(rows).keys():
        return None
    if "@" in value:
        return _Row(frozenset({"from", "to", "cc"}), value, word)
    if dates.has_day(value):
        return _Row(frozenset({"date"}), value, word)
    return _Row(frozenset({"subject"}), value, word) if len(rows) != 1 else None


def _shaped(line: str) -> tuple[str, str] | None:
    """Return (word, value) of a line that looks like a header line in an unknown language; otherwise None."""
    m = _SHAPE.match(line[:LONGEST])
    return (fold(m[1]).strip(), m[2].strip(" \t*")) if m is not None and m[2].strip() else None


def _wants(rows: Sequence[_Row], row: _Row) -> bool:
    """Whether a header line after a blank line still belongs to the block: its field must not have appeared yet."""
    seen = _assign(rows).keys()
    return (
        all(row.word != other.word for other in rows)
        and not row.fields <= seen
        and (len(rows) < 3 or not {"subject", "from"} <= seen)
    )


def _continues(row: _Row, line: str, lines: Sequence[str], at: int, last: int) -> bool:
    """Whether a line without a label continues the header line above it."""
    if row.value.endswith((",", ";")) or line.lstrip().startswith("<") or not row.value:
        return True
    if any(label(lines[below]) is not None for below in range(at + 1, min(last, at + 3)) if lines[below].strip()):
        return "subject" not in row.fields or len(row.value) > 40 or line[:1] in " \t"
    if "subject" in row.fields and len(row.value) > 45 and line[:1] in " \t":
        return at + 1 < len(lines) and not lines[at + 1].strip()
    return bool(row.fields & {"to", "cc"}) and line[:1] in " \t" and "@" in line


def _assign(rows: Sequence[_Row]) -> dict[Field, str]:
    """Assign each row to one field, in order: unambiguous rows first, the others to a field that is still free."""
    taken: dict[Field, int] = {}
    for at, row in enumerate(rows):
        if len(row.fields) == 1:
            (only,) = row.fields
            taken.setdefault(only, at)
    for at, row in enumerate(rows):
        if len(row.fields) > 1:
            left = [f for f in _OPEN_ORDER if f in row.fields and f not in taken]
            if left:
                taken[_fitting(left, row.value)] = at
    return {field: rows[at].value for field, at in sorted(taken.items(), key=lambda item: item[1])}


def _fitting(left: Sequence[Field], value: str) -> Field:
    """Return the field that fits: a date if the value has digits and no address, otherwise the first other one."""
    if "date" in left and len(left) > 1:
        if "@" not in value and any(c.isdigit() for c in value):
            return "date"
        left = [f for f in left if f != "date"]
    return left[0]


def _one_line(line: str, at: int) -> Block | None:
    """Parse Yahoo!'s single line "----- Forwarded message ----- From: A <a@b>To: …Sent: …Subject: …"."""
    if len(line) > LONGEST or "@" not in line:
        return None
    stripped = line.lstrip()
    dashes = len(stripped) - len(stripped.lstrip("-"))
    close = stripped.find("-----", dashes)
    if dashes < 5 or close < 0:
        return None
    phrase = fold(stripped[dashes:close]).strip()
    rest = stripped[close:].lstrip("- ")
    cuts: list[tuple[int, int, frozenset[Field]]] = []
    colon = rest.find(":")
    while colon >= 0 and len(cuts) < 12:
        for width in range(min(LONGEST_LABEL, colon), 0, -1):
            head = rest[colon - width : colon]
            fields = LABELS.get(fold(head).strip()) if not head[0].isspace() else None
            before = rest[colon - width - 1 : colon - width]
            if fields is not None and (
                not before
                or not before.isalpha()
                or (before != " " and (head[0].isupper() or head[0].upper() == head[0].lower()))
            ):
                cuts.append((colon - width, colon, fields))
                break
        colon = rest.find(":", colon + 1)
    rows = [
        _Row(fields, rest[colon + 1 : cuts[i + 1][0] if i + 1 < len(cuts) else len(rest)].strip(), str(i))
        for i, (_, colon, fields) in enumerate(cuts)
    ]
    values = _assign(rows)
    if "from" not in values or len(values) < 2:
        return None
    _glued_subject(values)
    mark: Mark = "forward" if phrase in FORWARD_MARKS else "original" if phrase in ORIGINAL_MARKS else "unknown"
    return Block(at, at + 1, mark, values)


def _glued_subject(values: dict[Field, str]) -> None:
    """Split off a subject glued to the date: Yahoo! writes "Enviado: … 09:26:50 CETAssunto A subject" in some
    languages."""
    date = values.get("date", "")
    if "subject" in values or not date:
        return
    for m in _GLUED.finditer(date):
        if "subject" in LABELS.get(fold(m[1]), ()):
            values["date"], values["subject"] = date[: m.start(1)], date[m.end() :].strip()
            return
