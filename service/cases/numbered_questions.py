"""Numbered questions of one mail ("1. …", 「①…」), and which of them another mail answers.

An answer has the number of its question, or is below or beside a copy of it. Pure.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from mailrules.judgement import Reading
from service.cases.plain_answers import told
from service.cases.replies import (
    MOST_TEXT,
    Asked,
    Line,
    Reply,
    answers_with_place,
    fit,
    leading_number,
    lines_of,
    up_to_answer,
)
from service.mail.word_lists import load

_FIRST = re.compile(r"(?m)^[^\n]{0,24}?[1１①❶]")  # few mails contain a line that may begin a list
_ITEMS = tuple(load("replies", "service.cases")["items"])


@dataclass(frozen=True, slots=True)
class NumberedList:
    """A numbered list of a mail; the first entry has number 1."""

    entries: tuple[str, ...]
    starts: tuple[int, ...]  # offset of each entry in the text
    end: int

    def number_at(self, offset: int) -> int | None:
        """Return the number of the entry at an offset of the text; None if there is none."""
        if not self.starts[0] <= offset < self.end:
            return None
        return sum(start <= offset for start in self.starts)


def numbered_lists(text: str) -> list[NumberedList]:
    """Return the lists of two or more entries, numbered from one. The last entry ends at a blank line."""
    text = text[:MOST_TEXT]
    if not _FIRST.search(text):
        return []
    lines = list(lines_of(text))
    runs: list[list[tuple[int, int]]] = []  # (index of the line, offset of the text behind the number in the line)
    for index, line in enumerate(lines):
        found = leading_number(line.text)
        if found is None:
            continue
        if found[0] == 1:
            runs.append([])
        if runs and found[0] == len(runs[-1]) + 1:
            runs[-1].append((index, found[1]))
    return [_list(lines, run, len(text)) for run in runs if len(run) > 1]


def _list(lines: Sequence[Line], run: Sequence[tuple[int, int]], length: int) -> NumberedList:
    last = run[-1][0]
    blank = next((n for n in range(last + 1, len(lines)) if not lines[n].text.strip()), len(lines))
    bounds = [*(index for index, _ in run), blank]
    entries = tuple(
        " ".join([lines[begin].text[behind:].strip(), *(line.text.strip() for line in lines[begin + 1 : end])]).strip()
        for (begin, end), (_, behind) in zip(pairwise(bounds), run, strict=True)
    )
    end = lines[blank].start if blank < len(lines) else length
    return NumberedList(entries, tuple(lines[index].start for index, _ in run), end)


def item_of(question: str) -> str | None:
    """Return the only checklist item that the words of a question name, or None."""
    fitting = [item for item in _ITEMS if fit(item, question)]
    return fitting[0] if len(fitting) == 1 else None


def answers_by_number(
    asked: NumberedList, asked_in: str, text: str, quoted: str, reading: Reading
) -> dict[int, Reply | None]:
    """Return the answers in a mail to numbered questions: number → answer.

    ``asked_in``: the text of the mail with the questions. If the answer is a question or a promise, the value is None.
    The result is empty if the mail does not refer to the numbers, or has a longer list than that of the questions.
    """
    if any(len(own.entries) > len(asked.entries) for own in numbered_lists(text)):
        return {}
    mail = Asked(datetime.min, "questions", "", asked.entries, asked.entries, asked_in[:MOST_TEXT])
    found = answers_with_place(text, up_to_answer(quoted, asked.entries[-1]), mail)
    return {
        at + 1: one if one.words.startswith(tuple(told(one.words, reading)[:1])) else None for at, one in found.items()
    }
