"""A body taken apart into its speakers: the sender's own lines, and each earlier mail in it, newest first.

One walk over the lines. A header block, an attribution line, or a run of quoted lines changes the speaker; quoted runs
are walked again with one mark taken off. An answer written between quoted lines stays with the one who answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from service.mail import block, quote
from service.mail.block import Block
from service.mail.quote import Attribution

DEEPEST: Final = 40
"""Levels of quoting that are taken apart; deeper ones stay text."""
MOST_SPEAKERS: Final = 400
"""Earlier mails found in one body."""
_CLOSING: Final = 60
"""Characters of a text that may be a mere closing ("よろしくお願いいたします。")."""
_MOST_LOOKS: Final = 4_000
"""Header lines examined as the beginning of a block, and line ends as that of an attribution."""

BREAK: Final = None
"""Stands in the lines of a speaker where another was quoted."""
Lines = list["str | None"]


@dataclass(slots=True)
class Speaker:
    """An earlier mail as found: how it was announced and the lines that are its own."""

    block: Block | None = None
    said: Attribution | None = None
    lines: Lines = field(default_factory=list)
    quoted: list[list[str]] = field(default_factory=list)
    inner: list[Speaker] = field(default_factory=list)

    @property
    def announced(self) -> bool:
        """Whether the text says who it is (a bare quote does not)."""
        return self.said is not None or (self.block is not None and bool(self.block.values))


class Walk:
    """Takes one body apart; counts its looks, so that hostile texts cost no more than ordinary long ones."""

    def __init__(self, prefix: Literal["forward", "reply", ""] = "") -> None:
        self.prefix = prefix
        """What the subject says the sender did."""
        self.looks = 0
        self.speakers = 0
        self.cut = False
        """Whether a bound was met, so that something may have stayed unrecognised."""

    def take_apart(self, lines: Sequence[str], depth: int = 0) -> tuple[Lines, list[Speaker]]:
        """The lines of the one who speaks at this level, and the earlier speakers in the order of the text."""
        own: Lines = []
        found: list[Speaker] = []
        current, before = own, own
        opened: Speaker | None = None
        at = floor = 0
        while at < len(lines):
            line = lines[at]
            if depth < DEEPEST and line[:4].lstrip(" \t")[:1] in (">", "＞") and quote.is_quoted(line):
                end = quote.run_end(lines, at)
                if opened is None:
                    last = found[-1] if found else None
                    if last is not None and last.lines is current and last.block is not None and _blank(current):
                        opened, current = last, before  # a client that quotes the body under the header block
                    else:
                        opened = self._speaker(found, Speaker())
                opened.quoted.append([quote.unquoted(quoted) for quoted in lines[at:end]])
                current.append(BREAK)
                at = floor = end
                continue
            event = self._event(lines, at, floor, current) if _may_announce(line) else None
            if event is None:
                current.append(line)
                at += 1
                continue
            if isinstance(event, Block) and event.mark == "end":
                if current is before:
                    current.append(line)  # nothing was opened: a line of the text
                current, opened = before, None
                at = floor = event.end
                continue
            if isinstance(event, Block):
                above = _last_written(current) if event.mark != "none" else None
                if above is not None and block.is_forwarded_by(str(current[above])):
                    del current[above:]
                    event.mark = "forward"
                before, opened = current, None
                current = self._speaker(found, Speaker(block=event)).lines
                at = floor = event.end
                continue
            del current[len(current) - (at - event.start) :]
            speaker = self._speaker(found, Speaker(said=event))
            if quote.quote_follows(lines, event.end):
                opened = speaker
            else:
                before, opened, current = current, None, speaker.lines
            at = floor = event.end
        for speaker in found:
            if speaker.quoted:
                run = [line for part in speaker.quoted for line in (*part, "")]
                speaker.lines, speaker.inner = self.take_apart(run, depth + 1)
        return own, [each for speaker in found for each in (speaker, *speaker.inner)]

    def _speaker(self, found: list[Speaker], speaker: Speaker) -> Speaker:
        self.speakers += 1
        found.append(speaker)
        return speaker

    def _event(self, lines: Sequence[str], at: int, floor: int, above: Lines) -> Block | Attribution | None:
        if self.looks >= _MOST_LOOKS or self.speakers >= MOST_SPEAKERS:
            self.cut = True
            return None
        found = block.block_at(lines, at)
        if found is not None and not (_lonely(found) and self._listed(lines, found.end, above)):
            return found
        said = quote.attribution(lines, at, floor)
        if said is None:
            self.looks += 1
        return said

    def _listed(self, lines: Sequence[str], end: int, above: Lines) -> bool:
        """Whether bare header lines are facts that the writer lists: nothing follows, or no more than a closing."""
        below = 0
        while end < len(lines):
            below += len(lines[end].strip())
            if below > _CLOSING or (below and (self.prefix or _blank(above))):
                return False
            end += 1
        return True


def _lonely(found: Block) -> bool:
    """Header lines alone, with nothing that says "quoted" above them: someone lists the facts of a mail."""
    return found.mark == "none" and not found.ruled


def _may_announce(line: str) -> bool:
    """A cheap first look: a colon near the beginning, a rule or dashes, or an end like an attribution's."""
    if ":" in line or "：" in line:
        return True
    head = line.lstrip(" \t")[:1]
    if head in ("-", "_", "=", "*", "—", "─", "━", "<", "[", "~", "#", "+", "–"):
        return True
    return "\t" in line or quote.may_end(line)


def _last_written(lines: Lines) -> int | None:
    """The index of the last line that is not blank, if it stands within two lines of the end."""
    for at in range(len(lines) - 1, max(-1, len(lines) - 3), -1):
        line = lines[at]
        if line is BREAK:
            return None
        if line.strip():
            return at
    return None


def _blank(lines: Sequence[str | None]) -> bool:
    return not any(line and line.strip() for line in lines)
