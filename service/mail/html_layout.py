"""Lays out text as HTML does: line breaks, white space, quotes and table rows."""

import re
from html import unescape

_SPACES = re.compile(r"[ \t\r\n\f]+")
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u2060\ufeff\u034f]")


class TextLayout:
    """Collects text in lines. ``breaks`` is the number of line ends to add before the next text."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.breaks = 0
        self.depth = 0
        """Number of open ``blockquote`` elements; ``line_depth`` is that at the beginning of the current line."""
        self.line_depth = 0
        self.pre = False  # whether white space is kept
        self.cells = 0
        self.row_line = -1  # index of the line with the cells of the current table row; -1 if the row has no text yet
        self.cell_is_empty = False  # whether the current cell began on the line of the row and has no text yet

    def block(self, breaks: int) -> None:
        # the paragraph at the beginning of a cell stays on the cell's line
        if not self.cell_is_empty:
            self.breaks = max(self.breaks, breaks)

    def cell(self) -> None:
        if self.cells and self.row_line == len(self.lines) and self.line:
            # still on the row's first line: put cells side by side
            self.breaks = 0
            self.line.append("\t")
            self.cell_is_empty = True
        else:
            self.block(1)
        self.cells += 1

    def text(self, chunk: str) -> None:
        if "&" in chunk:
            chunk = unescape(chunk)
        if self.pre:
            for number, line in enumerate(re.split("\r\n|\r|\n", chunk)):
                self.breaks += number > 0
                self.put(line)
            return
        chunk = _SPACES.sub(" ", chunk)
        if self.breaks or not self.line:
            chunk = chunk.lstrip(" ")
        elif chunk.startswith(" ") and self.line[-1].endswith(" "):
            chunk = chunk[1:]
        self.put(chunk)

    def put(self, piece: str) -> None:
        if not piece:
            return
        self.cell_is_empty = False
        if self.breaks:
            self._flush()
        if not self.line:
            self.line_depth = self.depth
            if self.cells and self.row_line < 0:
                self.row_line = len(self.lines)
        self.line.append(piece)

    def _flush(self) -> None:
        """End the current line and add empty lines for ``breaks``, but not before the first text."""
        if self.line:
            self._emit("".join(self.line).rstrip(), self.line_depth)
        if self.lines:
            for _ in range(min(self.breaks - 1, 3)):
                self._emit("", min(self.line_depth, self.depth))
        self.line = []
        self.breaks = 0

    def _emit(self, line: str, depth: int) -> None:
        line = line.replace("\xa0", " ")
        if not line.isascii():
            line = _INVISIBLE.sub("", line)
        self.lines.append((">" * depth + " " + line).rstrip() if depth else line)

    def finish(self) -> str:
        if self.line:
            self.breaks = 1
            self._flush()
        return "\n".join(self.lines).strip("\n")
