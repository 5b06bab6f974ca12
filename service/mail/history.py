"""Splits a body by author: the sender's own lines, then each earlier mail, newest first.

One pass over the lines. A header block, an attribution line, or a run of quoted lines changes the author. Quoted runs
are parsed again without one ``>``. An answer written between quoted lines belongs to the person who answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.mail import block, mark, quote, ticket_comments
from service.mail.block import Block
from service.mail.quote import Attribution

DEEPEST: Final = 40
"""Maximum depth of quoting that is split; deeper levels stay text."""
MOST_SPEAKERS: Final = 100
"""Maximum number of earlier mails found in one body."""
_CLOSING: Final = 60
"""Maximum number of characters of text that may be only a closing ("よろしくお願いいたします。")."""
_MAX_LINE_COST: Final = 40_000
"""Maximum cost of lines examined without result: 20 for a line with a header word or an attribution's ending, 5 for a
rule, 1 for any other line."""

BREAK: Final = None
"""Marks the places in an author's lines where somebody else was quoted."""
Lines = list["str | None"]


@dataclass(slots=True)
class Speaker:
    """An earlier mail as found: its header block or attribution line, and its own lines."""

    block: Block | None = None
    said: Attribution | None = None
    lines: Lines = field(default_factory=list)
    quoted: list[list[str]] = field(default_factory=list)
    inner: list[Speaker] = field(default_factory=list)

    @property
    def announced(self) -> bool:
        """Whether a header block or an attribution line ("On … X wrote:") introduces this earlier mail."""
        return self.said is not None or (self.block is not None and bool(self.block.values))


class Walk:
    """Splits one body; limits the lines examined, so that a malicious text costs no more than a long ordinary one."""

    def __init__(self, prefix: Literal["forward", "reply", ""] = "") -> None:
        self.prefix = prefix
        """Whether the sender forwarded or answered, according to the subject."""
        self.looks = 0
        self.speakers = 0
        self.cut = False
        """Whether a limit was reached, so that something may not have been recognised."""

    def take_apart(self, lines: Sequence[str], depth: int = 0) -> tuple[Lines, list[Speaker]]:
        """Return the lines of the author at this level, and the earlier mails in the order of the text."""
        level = _Level(self, lines, depth)
        level.run()
        for speaker in level.found:
            if speaker.quoted:
                run = [line for part in speaker.quoted for line in (*part, "")]
                speaker.lines, speaker.inner = self.take_apart(run, depth + 1)
        return level.own, [each for speaker in level.found for each in (speaker, *speaker.inner)]

    def may_look(self) -> bool:
        if self.looks < _MAX_LINE_COST and self.speakers < MOST_SPEAKERS:
            return True
        self.cut = True
        return False


class _Level:
    """Processes the lines of one level of quoting."""

    def __init__(self, walk: Walk, lines: Sequence[str], depth: int) -> None:
        self.walk = walk
        self.lines = lines
        self.depth = depth
        self.own: Lines = []
        self.found: list[Speaker] = []
        self.current = self.own
        """Lines of the current author."""
        self.before = self.own
        """Lines of the previous author, who continues after an end mark."""
        self.opened: Speaker | None = None
        """The earlier mail that the next quoted runs belong to."""
        self.noticed = False
        """Whether the heading of the newest comment of a ticket was already found."""
        self.at = self.floor = 0

    def run(self) -> None:
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if self.depth < DEEPEST and line[:4].lstrip(" \t")[:1] in (">", "＞") and quote.is_quoted(line):
                self.quoted_run()
                continue
            event = self.event() if _may_announce(line) else None
            if event is None:
                self.current.append(line)
                self.at += 1
            elif isinstance(event, Block):
                self.headed(event)
            else:
                self.attributed(event)

    def event(self) -> Block | Attribution | None:
        if not self.walk.may_look():
            return None
        found = block.block_at(self.lines, self.at)
        if found is not None and not (_bare(found) and not found.is_raw and self._listed(found)):
            return found
        said = ticket_comments.comment_at(self.lines, self.at) or quote.attribution(self.lines, self.at, self.floor)
        if said is None:
            line = self.lines[self.at]
            if line.rstrip()[-1:] in ":：" or block.label(line) is not None:
                self.walk.looks += 20
            else:
                self.walk.looks += 5 if line[:1] in "-_=*~#" else 1
        return said

    def quoted_run(self) -> None:
        end = quote.run_end(self.lines, self.at)
        if self.opened is None and not self.found and self._is_prompt(end):
            self.current.extend(self.lines[self.at : end])
            self.at = self.floor = end
            return
        if self.opened is None:
            last = self.found[-1] if self.found else None
            if last is not None and last.lines is self.current and last.block is not None and _blank(self.current):
                self.opened, self.current = last, self.before  # some clients quote the body below the header block
            else:
                self.opened = self._speaker(Speaker())
        self.opened.quoted.append([quote.unquoted(line) for line in self.lines[self.at : end]])
        self.current.append(BREAK)
        self.at = self.floor = end

    def headed(self, event: Block) -> None:
        self.at = self.floor = event.end
        if event.is_raw and _bare(event):  # a raw mail header that the text shows as information
            self.current.extend(self.lines[event.start : event.end])
            return
        if event.mark == "end":
            if self.current is self.before:
                self.current.append(self.lines[event.start])  # no mail was open: an ordinary line of text
            self.current, self.opened = self.before, None
            return
        above = _last_written(self.current) if event.mark != "none" else None
        if above is not None and mark.is_forwarded_by(str(self.current[above])):
            del self.current[above:]
            event.mark = "forward"
        self.before, self.opened = self.current, None
        self.current = self._speaker(Speaker(block=event)).lines

    def attributed(self, event: Attribution) -> None:
        if event.start < self.at:
            del self.current[len(self.current) - (self.at - event.start) :]
        self.at = self.floor = event.end
        if (
            event.of_ticket
            and self.depth == 0
            and not (self.found or self.noticed)
            and ticket_comments.is_notice(self.own)
        ):
            self.noticed = True  # the ticket system names the author of the comment it sends, who is the sender
            return
        speaker = self._speaker(Speaker(said=event))
        if quote.quote_follows(self.lines, event.end):
            self.opened = speaker
        else:
            self.before, self.opened, self.current = self.current, None, speaker.lines

    def _speaker(self, speaker: Speaker) -> Speaker:
        self.walk.speakers += 1
        self.found.append(speaker)
        return speaker

    def _listed(self, found: Block) -> bool:
        """Whether bare header lines are only information that the author lists, not the beginning of a mail.

        True if nothing, or at most a closing, follows them. Also true in a mail whose subject marks neither a reply nor
        a forward, if the lines are not in the order in which clients write them.
        """
        if not self.walk.prefix and self.depth == 0 and not self.found and not found.as_client:
            return True
        below = 0
        for at in range(found.end, len(self.lines)):
            below += len(self.lines[at].strip())
            if below > _CLOSING or (below and (self.walk.prefix or _blank(self.current))):
                return False
        return True

    def _is_prompt(self, end: int) -> bool:
        """Whether the run is a Python session (">>> x") in a mail that is not a reply."""
        run = self.lines[self.at : end]
        return not self.walk.prefix and all(line.startswith(">>> ") for line in run)


def _bare(found: Block) -> bool:
    """Whether the block has only header lines, with no mark or rule above them."""
    return found.mark == "none" and not found.ruled


def _may_announce(line: str) -> bool:
    """Whether the line may announce a mail: it has a colon, a rule, dashes or an attribution's ending."""
    if ":" in line or "：" in line:
        return True
    head = line.lstrip(" \t")[:1]
    if head in ("-", "_", "=", "*", "—", "─", "━", "<", "[", "~", "#", "+", "–"):
        return True
    return "\t" in line or quote.may_end(line)


def _last_written(lines: Lines) -> int | None:
    """Return the index of the last line that is not blank if it is one of the last two lines; otherwise None."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 3), -1):
        line = lines[at]
        if line is BREAK:
            return None
        if line.strip():
            return at
    return None


def _blank(lines: Sequence[str | None]) -> bool:
    return not any(line and line.strip() for line in lines)
