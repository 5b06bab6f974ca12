"""Header blocks inside a body: the From/Sent/To/Subject lines above a forwarded or answered mail, in any language.

A block is several header lines together, so one ambiguous word decides nothing. The line above it ("----- Forwarded
message -----") says forward or answer; without one, the subject of the mail that holds the block does.
"""

# ruff: noqa: E501 -- patterns and tables: a case a line

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.mail.message import Address
from service.mail.words import (
    END_ENDS,
    END_STARTS,
    FORWARD_MARKS,
    FORWARD_PREFIXES,
    LABELS,
    LONGEST_LABEL,
    ORIGINAL_MARKS,
    REPLY_PREFIXES,
    Field,
    fold,
)

Mark = Literal["forward", "original", "end", "unknown", "none"]
LONGEST: Final = 4_000
"""Characters of one header line that are looked at (To lists are long)."""
_MOST_LINES: Final = 40
_MAX_PEOPLE: Final = 500

_DECORATED = re.compile(
    r"[\s>*|_]*(?:[-=_~#*+–—━─]{2,}|<{2,}|\[)[ \t*]*([^\s-].{2,78}?)[ \t*:：]*(?:[-=_~#*+–—━─]{2,}|>{2,}|\])[\s*|]*$"
)
_RULE = re.compile(r"[ \t*]*(?:_{5,}|-{5,}|—{3,}|─{3,}|━{3,}|={5,}|\*{5,})[ \t*]*$")
_ADDRESS = re.compile(r"[^\s<>\"',;:()\[\]]{1,128}@[^\s<>\"',;:()\[\]]{1,255}")
_GLUED = re.compile(r"(?<=[A-Z0-9])([A-ZÀ-ÞА-Я]?[^\W\d_A-ZÀ-Þ]{3,12})[ \t]+")
_BEHALF = re.compile(
    r"\s(?:on behalf of|im auftrag von|de la part de|en nombre de|per conto di|em nome de|namens|på vegne af|för|の代理|代表)\s",
    re.I,
)
_PREFIX = re.compile(r"\s*(?:\[[^\]]{1,60}\]\s*)?([^\s:：\[\]()]{1,16})\s?(?:\[\d{1,3}\]|\(\d{1,3}\))?\s?[:：]")
_NO_COLON: Final = ("送信済み ", "送信日時 ", "Wysłano ")
"""Header words that some clients write without a colon."""
_FORWARDED_BY = re.compile(r"[\W_]*(?:forwarded by|forwarded message from|転送者)\b", re.I)
_TAG = re.compile(r"\[[^\]]{0,60}\]|\([^)]{0,60}\)")


@dataclass(slots=True)
class Block:
    """The header lines found at ``start``..``end`` (exclusive; marks, rules and the blank after them included)."""

    start: int
    end: int
    mark: Mark
    values: dict[Field, str] = field(default_factory=dict)
    ruled: bool = False
    """A line of underscores or dashes stands above it."""

    @property
    def subject(self) -> str | None:
        return self.values.get("subject")


def label(line: str) -> tuple[frozenset[Field], str, str] | None:
    """(fields the word may mean, value, the word) if the line begins with a header word and a colon."""
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


def mark_of(line: str) -> Mark:
    """What the line says by itself: "---- Forwarded message ----", "Begin forwarded message:", …"""
    if len(line) > 200:
        return "none"
    stripped = line.strip()
    if not stripped:
        return "none"
    first = stripped[0]
    if first in "-=_~#*+–—━─<[":
        found = _DECORATED.match(line)
        if found is not None:
            phrase = fold(found[1]).strip(" \t*:：-_")
            if phrase.startswith(("forwarded by ", "転送者")):
                return "forward"
            if phrase.startswith(END_STARTS) or phrase.endswith(END_ENDS):
                return "end"
            return "forward" if phrase in FORWARD_MARKS else "original" if phrase in ORIGINAL_MARKS else "unknown"
    if stripped[-1] in ":：" or first in "*_":
        phrase = fold(stripped).strip(" \t*:：-_")
        if phrase in FORWARD_MARKS and len(phrase) > 6:
            return "forward"
        if phrase in ORIGINAL_MARKS:
            return "original"
    return "none"


def is_forwarded_by(line: str) -> bool:
    """Becky!'s "Forwarded by X <x@y>", the line above its mark."""
    return len(line) < 300 and _FORWARDED_BY.match(line) is not None


def is_rule(line: str) -> bool:
    """A line of underscores or dashes, as Outlook on the web draws above a block."""
    return len(line) < 200 and _RULE.match(line) is not None


def block_at(lines: Sequence[str], at: int) -> Block | None:
    """The header block that begins at line ``at``, with its mark or rule; None where there is none."""
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
    found = _labels(lines, first) if first < len(lines) else None
    if found is None:
        return _mark_alone(line, at, mark)
    values, end = found
    enough = 2 if mark != "none" or ruled else 3
    if "from" not in values or len(values.keys() & {"from", "to", "cc", "subject", "date"}) < enough:
        return _mark_alone(line, at, mark)
    return Block(at, _below_rule(lines, end), mark, values, ruled)


def _below_rule(lines: Sequence[str], end: int) -> int:
    """Past the line that some clients (Becky!, Notes) draw under the header lines."""
    at = _skip_blank(lines, end, 2)
    return at + 1 if at < len(lines) and _is_dashes(lines[at]) else end


def _is_dashes(line: str) -> bool:
    return 3 <= len(line.strip()) < 100 and not line.strip(" \t-_=")


def _mark_alone(line: str, at: int, mark: Mark) -> Block | None:
    """A mark between dashes announces an earlier mail even where no header lines follow."""
    decorated = line.lstrip(" \t*_")[:2] in ("--", "==", "**", "__")
    return Block(at, at + 1, mark) if decorated and mark in ("forward", "original") else None


def _skip_blank(lines: Sequence[str], at: int, most: int) -> int:
    end = min(len(lines), at + most)
    while at < end and not lines[at].strip(" \t*>"):
        at += 1
    return at


def _labels(lines: Sequence[str], first: int) -> tuple[dict[Field, str], int] | None:
    """The header lines from ``first`` on: values by field, and the line after them."""
    if label(lines[first]) is None:
        return None
    rows: list[tuple[frozenset[Field], str, str]] = []
    at = end = first
    last = min(len(lines), first + _MOST_LINES)
    while at < last:
        line = lines[at]
        found = label(line)
        if found is not None and not _closed(rows, found):
            rows.append(found)
            at += 1
            end = at
            continue
        if not line.strip(" \t*>"):
            follow = _skip_blank(lines, at, 2)
            if follow < last and (found := label(lines[follow])) is not None and _wants(rows, found):
                at = follow
                continue
            if rows and not rows[-1][1] and follow < last and label(lines[follow]) is None and len(rows) < 2:
                at = follow
                continue
            break
        if rows and _continues(rows[-1], line, lines, at, last):
            fields, value, word = rows[-1]
            rows[-1] = (fields, f"{value} {line.strip(' *')}".strip()[:LONGEST], word)
            at += 1
            end = at
            continue
        break
    values = _assign(rows)
    return (values, end) if values else None


def _closed(rows: Sequence[tuple[frozenset[Field], str, str]], found: tuple[frozenset[Field], str, str]) -> bool:
    """Whether the block is complete and this label opens another (two blocks without a line between) or is body text."""
    have = {word for _, _, word in rows}
    return found[2] in have


def _wants(rows: Sequence[tuple[frozenset[Field], str, str]], found: tuple[frozenset[Field], str, str]) -> bool:
    """Whether a label after a blank line still belongs to the block: it must be a header not seen yet."""
    have = {word for _, _, word in rows}
    seen = set(_assign(rows))
    return found[2] not in have and not found[0] <= seen and (len(rows) < 3 or not {"subject", "from"} <= seen)


def _continues(row: tuple[frozenset[Field], str, str], line: str, lines: Sequence[str], at: int, last: int) -> bool:
    """Whether an unlabelled line goes on with the header line above it."""
    fields, value, _ = row
    bare = line.strip()
    if value.endswith((",", ";")) or bare.startswith("<") or not value:
        return True
    if any(label(lines[i]) is not None for i in range(at + 1, min(last, at + 3)) if lines[i].strip()):
        return "subject" not in fields or len(value) > 40 or line[:1] in " \t"
    return bool(fields & {"to", "cc"}) and line[:1] in " \t" and "@" in line


def _assign(rows: Sequence[tuple[frozenset[Field], str, str]]) -> dict[Field, str]:
    """Each row to one field: the sure ones first, then the ambiguous by what is still open."""
    values: dict[Field, str] = {}
    for fields, value, _ in rows:
        if len(fields) == 1:
            (only,) = fields
            values.setdefault(only, value)
    for fields, value, _ in rows:
        if len(fields) > 1:
            open_ = [
                f
                for f in ("from", "to", "date", "subject", "cc", "bcc", "reply_to", "other")
                if f in fields and f not in values
            ]
            if open_:
                values[_fitting(open_, value)] = value
    return values


def _fitting(fields: Sequence[str], value: str) -> Field:
    if "date" in fields and ("@" in value or not any(c.isdigit() for c in value)) and len(fields) > 1:
        fields = [f for f in fields if f != "date"]
    elif "date" in fields and "@" not in value and len(fields) > 1:
        return "date"
    return fields[0]  # type: ignore[return-value]


def _one_line(line: str, at: int) -> Block | None:
    """Yahoo!: "----- Forwarded message ----- From: A <a@b>To: …Sent: …Subject: …" in a single line."""
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
            if fields is not None and (not before or not before.isalpha() or (head[0].isupper() and before != " ")):
                cuts.append((colon - width, colon, fields))
                break
        colon = rest.find(":", colon + 1)
    rows = [
        (fields, rest[colon + 1 : cuts[i + 1][0] if i + 1 < len(cuts) else len(rest)].strip(), str(i))
        for i, (_, colon, fields) in enumerate(cuts)
    ]
    values = _assign(rows)
    if "from" not in values or len(values) < 2:
        return None
    _glued_subject(values)
    mark: Mark = "forward" if phrase in FORWARD_MARKS else "original" if phrase in ORIGINAL_MARKS else "unknown"
    return Block(at, at + 1, mark, values)


def _glued_subject(values: dict[Field, str]) -> None:
    """Yahoo! in some languages: "Enviado: … 09:26:50 CETAssunto A subject", the subject's word without its colon."""
    date = values.get("date", "")
    if "subject" in values or not date:
        return
    for m in _GLUED.finditer(date):
        if "subject" in LABELS.get(fold(m[1]), ()):
            values["date"], values["subject"] = date[: m.start(1)], date[m.end() :].strip()
            return


def people(value: str) -> tuple[Address, ...]:
    """The persons of a header line, as clients write them: ``A <a@b>; B [mailto:b@c], c@d``, names alone too."""
    value = value[:LONGEST]
    if cut := _BEHALF.search(value):
        value = value[: cut.start()]
    found: list[Address] = []
    at = 0
    for m in _ADDRESS.finditer(value):
        if len(found) >= _MAX_PEOPLE:
            break
        between, at = value[at : m.start()], m.end()
        address = m[0].removeprefix("mailto:").rstrip(">")
        *names, name = between.split(";")
        found.extend(Address(n) for raw in names if (n := _name(raw)))
        name = _name(name)
        if found and not name and found[-1].address.casefold() == address.casefold():
            continue
        found.append(Address("" if name.casefold() == address.casefold() else name, address))
    rest = value[at:]
    if not found:
        parts = rest.split(";") if ";" in rest else rest.split(",") if rest.count(",") > 1 else [rest]
        return tuple(Address(n) for raw in parts[:_MAX_PEOPLE] if (n := _name(raw)))
    found.extend(Address(n) for raw in rest.split(";") if (n := _name(raw)) and ";" in rest)
    return tuple(found)


def _name(raw: str) -> str:
    text = raw.replace("mailto:", " ").strip(" \t\n,;<>()[]\"'“”„«»*:\u00a0\u3000\u200e\u200f")
    return "" if text.isdigit() and len(text) < 2 else text[:200]


def prefix_of(subject: str) -> Literal["forward", "reply", ""]:
    """What the first prefix of a subject says ("RE: FW: x" is a reply)."""
    m = _PREFIX.match(subject[:200])
    if m is None:
        return ""
    word = fold(m[1]).rstrip(".")
    return "forward" if word in FORWARD_PREFIXES else "reply" if word in REPLY_PREFIXES else ""


def base_subject(subject: str) -> str:
    """The subject without reply and forward prefixes (RFC 5256 §2.1, in more languages)."""
    subject = subject[:2_000].strip()
    for _ in range(20):
        m = _PREFIX.match(subject)
        if m is None or ((word := fold(m[1]).rstrip(".")) not in FORWARD_PREFIXES and word not in REPLY_PREFIXES):
            break
        subject = subject[m.end() :].strip()
    return subject


def same_subject(one: str, other: str) -> bool:
    """Whether two subjects name the same topic: equal or one inside the other, prefixes and ticket tags aside."""
    a, b = _bare(one), _bare(other)
    return a == b or (min(len(a), len(b)) > 3 and (a in b or b in a))


def _bare(subject: str) -> str:
    base = base_subject(subject)
    untagged = "".join(c for c in fold(_TAG.sub(" ", base)) if c.isalnum())
    return untagged or "".join(c for c in fold(base) if c.isalnum())
