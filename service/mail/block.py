"""Finds header blocks (From, Sent, To, Subject) above a quoted or forwarded mail.

Several header lines are needed, because a single word may be ambiguous. The separator line above them
(``separator_lines.py``) shows whether the mail was forwarded or answered. Without one, the outer subject shows this.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from service.mail import dates
from service.mail.client_phrases import LABELS, LONGEST_LABEL, Field
from service.mail.separator_lines import Separator, is_drawn_line, separator_of, separator_of_phrase
from service.mail.word_lists import fold

LONGEST: Final = 4_000  # Maximum number of characters read of one header line. A list of recipients is long.
_MOST_LINES: Final = 40

_GLUED = re.compile(r"(?<=[A-Z0-9])([A-ZÀ-ÞА-Я]?[^\W\d_A-ZÀ-Þ]{3,12})[ \t]+")
_NO_COLON: Final = ("送信済み ", "送信日時 ", "Wysłano ")  # header words that some clients write without a colon
_CLIENT_ORDERS: Final = (
    ["from", "date", "to", "subject"],
    ["from", "subject", "date", "to"],
    ["from", "date", "subject", "to"],
)
_MAIN_FIELDS: Final = frozenset({"from", "to", "cc", "subject", "date"})
_HEADER_FORM = re.compile(r"[ \t*_>|]{0,6}([^\W\d_][^\d:：<>@\n]{0,27})[:：][ \t*\u00a0]*(.*)$")
_RAW = re.compile(r"[A-Za-z]{1,30}-[A-Za-z-]{1,40}:(?:[ \t]|$)")
"""Matches header fields that only a raw message contains, such as "X-Spam-Score: 0"."""


@dataclass(slots=True)
class Block:
    """A header block in lines ``start`` to ``end`` (exclusive), with the drawn lines around it."""

    start: int
    end: int
    separator: Separator
    values: dict[Field, str] = field(default_factory=dict)
    ruled: bool = False  # whether a drawn line (of underscores or dashes) is above the block

    @property
    def in_client_order(self) -> bool:
        """Whether From, Date, To and Subject are in the order of Outlook, Apple Mail or Gmail."""
        order = [f for f in self.values if f in _MAIN_FIELDS and f != "cc"]
        return order in _CLIENT_ORDERS

    @property
    def is_bare(self) -> bool:
        """Whether nothing but the header lines shows that a mail begins."""
        return self.separator == "none" and not self.ruled

    @property
    def is_raw(self) -> bool:
        """Whether this is the header of a raw message, as delivery reports return it."""
        return "raw" in self.values

    @property
    def subject(self) -> str | None:
        return self.values.get("subject")


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """One header line. ``field``: the meaning of its header word."""

    field: Field
    value: str
    word: str


def parse_header_line(line: str) -> HeaderLine | None:
    """Return the header line in ``line``; None for any other line."""
    bare = line[:LONGEST].lstrip(" \t*_>|\u3000\u200e\u200f\ufeff•・[【■◆")
    head = bare[: LONGEST_LABEL + 8]
    colon = min((p for p in (head.find(":"), head.find("：")) if p > 0), default=-1)
    if head.startswith(_NO_COLON):
        colon = head.index(" ")
    elif colon < 0:
        return None
    word = fold(head[:colon].strip(" \t*_\u00a0\u200e\u200f\u3000]】"))
    meaning = LABELS.get(word)
    if meaning is None and not word.isascii():
        meaning = LABELS.get(word.replace(" ", "").replace("\u3000", ""))
    return HeaderLine(meaning, bare[colon + 1 :].strip(" \t*\u00a0\u200e\u200f\u3000"), word) if meaning else None


def block_at(lines: Sequence[str], at: int) -> Block | None:
    """Return the header block that begins at line ``at``, or None."""
    line = lines[at]
    separator: Separator = separator_of(line)
    ruled = separator == "none" and is_drawn_line(line)
    first_row = _skip_blank(lines, at + 1, 2 if ruled else 3) if ruled or separator != "none" else at
    if ruled and first_row < len(lines) and (lower_separator := separator_of(lines[first_row])) != "none":
        separator, first_row = lower_separator, _skip_blank(lines, first_row + 1, 3)
    if separator == "none" and (yahoo_block := _one_line(line, at)) is not None:
        return yahoo_block
    if separator != "end" and first_row < len(lines) and parse_header_line(lines[first_row]):
        values, end = _read_rows(lines, first_row)
        block = Block(at, _after_rule(lines, end), separator, values, ruled)
        if _is_heading(block, lines, first_row):
            return block
    decorated = line.lstrip(" \t*_")[:2] in ("--", "==", "**", "__")  # a separator without header lines
    is_complete = separator == "end" or (decorated and separator in ("forward", "original"))
    return Block(at, at + 1, separator) if is_complete else None


def _is_heading(block: Block, lines: Sequence[str], first_row: int) -> bool:
    """Return whether the header lines from ``first_row`` on begin a mail, and are not a form or a list of facts."""
    values, separator = block.values, block.separator
    if "from" not in values or len(values.keys() & _MAIN_FIELDS) < (2 if separator in ("forward", "original") else 3):
        return False
    may_be_form = block.is_bare or separator == "unknown"
    if may_be_form and "@" not in values["from"] and not dates.has_day(values.get("date", "")):
        return False
    return not block.is_bare or block.is_raw or _is_from_client(lines, first_row, values)


def _after_rule(lines: Sequence[str], end: int) -> int:
    """Return the index after the drawn line below the header lines; ``end`` if there is none."""
    at = _skip_blank(lines, end, 2)
    line = lines[at] if at < len(lines) else ""
    return at + 1 if 3 <= len(line.strip()) < 100 and not line.strip(" \t-_=") else end


def _is_from_client(lines: Sequence[str], first_row: int, values: dict[Field, str]) -> bool:
    """Return whether lines without a separator are from a mail client, and not from a form."""
    if next((f for f in values if f in _MAIN_FIELDS), None) != "from" and not (
        {"from", "to", "date", "subject"} <= values.keys() and "@" in values["from"] and dates.has_day(values["date"])
    ):
        return False
    above = lines[first_row - 1] if first_row else ""
    return not above.strip() or _HEADER_FORM.match(above[:LONGEST]) is None or is_drawn_line(above)


def _skip_blank(lines: Sequence[str], at: int, most: int) -> int:
    end = min(len(lines), at + most)
    while at < end and not lines[at].strip(" \t*>"):
        at += 1
    return at


def _read_rows(lines: Sequence[str], first: int) -> tuple[dict[Field, str], int]:
    """Return (values by field, index of the next line). The line ``first`` is a header line."""
    rows: list[HeaderLine] = []
    at = end = first
    last = min(len(lines), first + _MOST_LINES)
    while at < last:
        line = lines[at]
        row = _row(line, rows)
        if row is not None and all(row.word != other.word for other in rows):
            rows.append(row)
            at += 1
            end = at
        elif not line.strip(" \t*>"):
            next_text = _skip_blank(lines, at, 2)
            if next_text >= last:
                break
            row = _row(lines[next_text], rows)
            if not (_belongs(rows, row) if row is not None else len(rows) == 1 and not rows[0].value):
                break
            at = next_text
        elif rows and _continues(rows[-1], line, lines, at, last):
            above = rows[-1]
            rows[-1] = replace(above, value=f"{above.value} {line.strip(' *')}".strip()[:LONGEST])
            at += 1
            end = at
        else:
            break
    return _assign(rows), end


def _row(line: str, rows: Sequence[HeaderLine]) -> HeaderLine | None:
    """Return the header line in ``line``, or None. Below other header lines, one of a raw message counts too."""
    if rows and _RAW.match(line) is not None and parse_header_line(line) is None:
        return HeaderLine("other", "", line.partition(":")[0])
    return parse_header_line(line)


def _belongs(rows: Sequence[HeaderLine], row: HeaderLine) -> bool:
    """Return whether ``row``, which is below a blank line, belongs to the block of ``rows``.

    It does if the block lacks its field. A block of three lines or more with From and Subject is complete.
    """
    fields = _assign(rows).keys()
    return row.field not in fields and (len(rows) < 3 or not {"subject", "from"} <= fields)


def _continues(row: HeaderLine, line: str, lines: Sequence[str], at: int, last: int) -> bool:
    """Return whether ``line``, which has no header word, continues the header line ``row`` above it."""
    if row.value.endswith((",", ";")) or line.lstrip().startswith("<") or not row.value:
        return True
    if any(parse_header_line(below) for below in lines[at + 1 : min(last, at + 3)] if below.strip()):
        return row.field != "subject" or len(row.value) > 40 or line[:1] in " \t"
    is_folded_address = row.field in ("to", "cc") and "@" in line
    is_above_text = at + 1 < len(lines) and not lines[at + 1].strip()
    ends_subject = row.field == "subject" and len(row.value) > 45 and is_above_text
    return line[:1] in " \t" and (is_folded_address or ends_subject)


def _assign(rows: Sequence[HeaderLine]) -> dict[Field, str]:
    """Return the values by field, in the order of the rows. The first row of a field counts."""
    values: dict[Field, str] = {}
    for row in rows:
        values.setdefault(row.field, row.value)
    return values


def _one_line(line: str, at: int) -> Block | None:
    """Return the header block that Yahoo! writes on a single line, or None.

    "----- Forwarded message ----- From: A <a@b>To: …Sent: …"
    """
    if len(line) > LONGEST or "@" not in line:
        return None
    stripped = line.lstrip()
    dashes = len(stripped) - len(stripped.lstrip("-"))
    end_of_dashes = stripped.find("-----", dashes)
    if dashes < 5 or end_of_dashes < 0:
        return None
    header_lines = stripped[end_of_dashes:].lstrip("- ")
    colons = islice(re.finditer(":", header_lines), 50)
    labels = [label for colon in colons if (label := _label_before(header_lines, colon.start())) is not None][:12]
    ends = [*(start for start, _, _ in labels[1:]), len(header_lines)]
    rows = [
        HeaderLine(meaning, header_lines[colon + 1 : end].strip(), "")
        for (_, colon, meaning), end in zip(labels, ends, strict=False)
    ]
    values = _assign(rows)
    if "from" not in values or len(values) < 2:
        return None
    date = values.get("date", "")
    subjects = () if "subject" in values else _GLUED.finditer(date)
    if subject := next((m for m in subjects if LABELS.get(fold(m[1])) == "subject"), None):
        # some languages lack a colon: "Enviado: … 09:26:50 CETAssunto A subject"
        values["date"], values["subject"] = date[: subject.start(1)], date[subject.end() :].strip()
    return Block(at, at + 1, separator_of_phrase(fold(stripped[dashes:end_of_dashes]).strip()), values)


def _label_before(text: str, colon: int) -> tuple[int, int, Field] | None:
    """Return (start, ``colon``, field) of the longest header word before ``colon``, or None."""
    for start in range(max(0, colon - LONGEST_LABEL), colon):
        first, before = text[start], text[start - 1 : start]
        begins_word = not before.isalpha() or first.isupper() or first.upper() == first.lower()
        if begins_word and not first.isspace() and (meaning := LABELS.get(fold(text[start:colon]).strip())):
            return start, colon, meaning
    return None
