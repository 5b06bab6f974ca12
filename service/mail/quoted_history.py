"""Splits the lines of a body by author: of the sender, and of each earlier mail.

A heading (header block or attribution line) or a run of quoted lines changes the author. From quoted runs, one ``>`` is
removed, and the rest is split again. A line between quoted runs belongs to the author who quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.mail import block, quote, separator_lines, ticket_comments
from service.mail.block import Block
from service.mail.quote import Attribution

DEEPEST: Final = 40  # maximum depth of quoting that is split; deeper quotes stay text
MOST_SECTIONS: Final = 100  # maximum number of earlier mails found in one body
_CLOSING: Final = 60  # maximum number of characters of a closing such as "よろしくお願いいたします。"
_MAX_LINE_COST: Final = 40_000
"""Maximum sum of costs of lines that were examined but are not headings; ``_Level.heading_at`` counts them."""

_BEGINS_SEPARATOR: Final = frozenset("-_=*—─━<[~#+–")

BREAK: Final = None  # replaces quoted text in the lines of the author who quoted it
Lines = list["str | None"]


@dataclass(slots=True)
class Section:
    """An earlier mail in a body: its heading (``block`` or ``attribution``), and its lines."""

    block: Block | None = None
    attribution: Attribution | None = None
    lines: Lines = field(default_factory=list)
    quoted_runs: list[list[str]] = field(default_factory=list)
    inner: list[Section] = field(default_factory=list)

    @property
    def has_heading(self) -> bool:
        """Whether header lines or an attribution line ("On … X wrote:") are above this mail."""
        return self.attribution is not None or (self.block is not None and bool(self.block.values))


class Splitter:
    """Splits one body. Limits keep the time for a malicious text as low as for a long ordinary text."""

    def __init__(self, prefix: Literal["forward", "reply", ""] = "") -> None:
        self.prefix = prefix  # the meaning of the subject's prefix (``forward.prefix_of``)
        self.cost = 0
        self.section_count = 0
        self.limit_reached = False  # whether earlier mails may have been missed because of a limit

    def split(self, lines: Sequence[str], depth: int = 0) -> tuple[Lines, list[Section]]:
        """Return (lines of the outermost author, earlier mails in the order of the text)."""
        level = _Level(self, lines, depth)
        level.run()
        for section in level.sections:
            if section.quoted_runs:
                run = [line for part in section.quoted_runs for line in (*part, "")]
                section.lines, section.inner = self.split(run, depth + 1)
        return level.own, [earlier for section in level.sections for earlier in (section, *section.inner)]

    def may_continue(self) -> bool:
        """Return whether the limits allow a search for a further heading."""
        if self.cost < _MAX_LINE_COST and self.section_count < MOST_SECTIONS:
            return True
        self.limit_reached = True
        return False


class _Level:
    """Splits the lines of one quoting depth."""

    def __init__(self, splitter: Splitter, lines: Sequence[str], depth: int) -> None:
        self.splitter = splitter
        self.lines = lines
        self.depth = depth
        self.own: Lines = []
        self.sections: list[Section] = []
        self.current = self.own  # the lines to which the next line is added
        self.previous = self.own  # the lines of the author whose text continues below a separator of kind ``end``
        self.quoting: Section | None = None  # the earlier mail to which the next quoted run belongs
        self.heading_seen = False  # whether the heading of a ticket's newest comment was found
        self.at = self.unused_from = 0

    def run(self) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if self.depth < DEEPEST and line[:4].lstrip(" \t")[:1] in (">", "＞") and quote.is_quoted(line):
                self.quoted_run()
                continue
            heading = self.heading_at() if _may_be_heading(line) else None
            if heading is None:
                self.current.append(line)
                self.at += 1
            elif isinstance(heading, Block):
                self.start_block(heading)
            else:
                self.start_attribution(heading)

    def heading_at(self) -> Block | Attribution | None:
        if not self.splitter.may_continue():
            return None
        lines, at = self.lines, self.at
        header_block = block.block_at(lines, at)
        if header_block is not None and not self._is_information(header_block):
            return header_block
        attribution = ticket_comments.comment_at(lines, at) or quote.attribution(lines, at, self.unused_from)
        if attribution is None:
            is_label = lines[at].rstrip()[-1:] in ":：" or block.parse_header_line(lines[at])
            self.splitter.cost += 20 if is_label else 5 if lines[at][:1] in "-_=*~#" else 1
        return attribution

    def quoted_run(self) -> None:
        end = quote.run_end(self.lines, self.at)
        run = self.lines[self.at : end]
        if not (self.quoting or self.sections or self.splitter.prefix) and all(line[:4] == ">>> " for line in run):
            self.current.extend(run)  # a Python session in a new mail
            self.at = self.unused_from = end
            return
        if self.quoting is None:
            newest = self.sections[-1] if self.sections else None
            if newest and newest.block and newest.lines is self.current and _blank(self.current):
                self.quoting, self.current = newest, self.previous  # some clients quote the body below the header block
            else:
                self.quoting = self._add(Section())
        self.quoting.quoted_runs.append([quote.unquoted(line) for line in run])
        self.current.append(BREAK)
        self.at = self.unused_from = end

    def start_block(self, block: Block) -> None:
        self.at = self.unused_from = block.end
        if block.is_raw and block.is_bare:  # a raw mail header that the text shows as information
            self.current.extend(self.lines[block.start : block.end])
            return
        if block.separator == "end":
            if self.current is self.previous:
                self.current.append(self.lines[block.start])  # no mail was open: an ordinary line of text
            self.current, self.quoting = self.previous, None
            return
        above = _last_text(self.current) if block.separator != "none" else None
        if above is not None and separator_lines.is_forwarded_by(str(self.current[above])):
            del self.current[above:]
            block.separator = "forward"
        self.previous, self.quoting = self.current, None
        self.current = self._add(Section(block=block)).lines

    def start_attribution(self, attribution: Attribution) -> None:
        if attribution.start < self.at:
            del self.current[len(self.current) - (self.at - attribution.start) :]
        self.at = self.unused_from = attribution.end
        is_first = self.depth == 0 and not (self.sections or self.heading_seen)
        if is_first and attribution.of_ticket and ticket_comments.is_notice(self.own):
            self.heading_seen = True  # the newest comment of a ticket, whose author is the sender of the mail
            return
        section = self._add(Section(attribution=attribution))
        if quote.quote_follows(self.lines, attribution.end):
            self.quoting = section
        else:
            self.previous, self.quoting, self.current = self.current, None, section.lines

    def _add(self, section: Section) -> Section:
        self.splitter.section_count += 1
        self.sections.append(section)
        return section

    def _is_information(self, header_block: Block) -> bool:
        """Return whether header lines are information from the author, and begin no earlier mail.

        True if nothing or only a closing is below them. Also true if the subject has no prefix and the header lines are
        not in the order of a mail client.
        """
        if header_block.is_raw or not header_block.is_bare:
            return False
        if not self.splitter.prefix and self.depth == 0 and not self.sections and not header_block.in_client_order:
            return True
        below = 0
        for at in range(header_block.end, len(self.lines)):
            below += len(self.lines[at].strip())
            if below > _CLOSING or (below and (self.splitter.prefix or _blank(self.current))):
                return False
        return True


def _may_be_heading(line: str) -> bool:
    """Return whether the line may begin or end a heading; a cheap first check."""
    if ":" in line or "：" in line or "\t" in line:
        return True
    return line.lstrip(" \t")[:1] in _BEGINS_SEPARATOR or quote.ends_with_verb(line)


def _last_text(lines: Lines) -> int | None:
    """Return the index of the last line with text if it is one of the last two, or None."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 3), -1):
        line = lines[at]
        if line is BREAK:
            return None
        if line.strip():
            return at
    return None


def _blank(lines: Sequence[str | None]) -> bool:
    return not any(line and line.strip() for line in lines)
