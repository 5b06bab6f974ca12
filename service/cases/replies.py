"""Matches a requester's reply to the questions that sodan asked.

Answers are searched in four steps, in this order. Text that a step has used is not used again:

1. below or beside a copy of the question, in the quoted mail or in the new text;
2. by number: "1. …", 「①…」, "Q2: …";
3. line by line, if there are as many lines as questions; or one or two sentences, if there was one question;
4. by words that occur only in answers about the item (``words/replies.yaml``).

"I do not know" counts as an answer: sodan does not ask for the item again.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from service.mail.word_lists import alternatives, linear, load

_LISTS: Final = load("replies", "service.cases")
UNKNOWN: Final = linear(alternatives(_LISTS["unknown"]))
LATER: Final = linear(alternatives(_LISTS["later"]))
REST: Final = linear(alternatives(_LISTS["rest"]))
EMPTY: Final = linear(rf"^[\s\pP]*(?:{alternatives(_LISTS['empty'])})?[\s\pP]*$")
"""Matches a line without an answer: a greeting, thanks, "see below"."""
MOST_LINES = 400  # maximum number of lines of a mail that are examined
MOST_TEXT = 40_000  # maximum number of their characters
LONGEST = 1_000  # maximum number of characters kept of one answer
SHORT = 160  # maximum number of characters of a line that may be an answer without a number
_NUMBERED = re.compile(r"[ \t]*([0-9]{1,2})\. (.+)")
_MARKS = re.compile(r"^[ \t]*(?:[>＞|][ \t]?){1,8}")
_CIRCLED = {chr(0x2460 + n): n + 1 for n in range(9)} | {chr(0x2776 + n): n + 1 for n in range(9)}
_STARTS = re.compile(
    r"[ \t　]*+(?:[(（\[【<]?[ \t]*+(?:(?:No|Q|A|Ans|Answer|Question|問|質問|回答|答え?|項目|#)[.:. ]?[ \t]*+)?"
    r"([1-9１-９])[ \t]*+(?:番目|番|つ目|点目)?[ \t]*+"
    r"(?:(?:は|[)）\]】>.．、::,，。\-ー]{1,2})(?![0-9０-９])|[)）\]】]|．(?=[0-9])|(?=[ \t　]*$)))[ \t　]*",
    re.IGNORECASE,
)
_MARKED = re.compile(r"[ \t　]*(?:No|Q|A|問|質問|回答|項目|#)[.:. ]?[ \t]*([1-9１-９])[ \t　]+", re.IGNORECASE)
_BARE = re.compile(r"[ \t　]*([1-9１-９])[ \t　]+(?=\S)")
_ARROW = re.compile(r"^[ \t　]*(?:-+>|=+>|→|⇒|➡|:|:|A[.:.:]|答え?[::]|回答[::]|[-–—・*])[ \t　]*")
_SENTENCE = re.compile(r"(?:[^。．!?！？.\n]|\.(?=\S))+[。．!?！？.]*")
_NAME = re.compile(r"[^\n]{1,14}(?:です|と申します|でございます)[。.]?\s*$")
_SIGNATURE = re.compile(r"[^\s。、.,!?！？0-9]{1,14}(?:[ 　][^\s。、.,!?！？0-9]{1,14}){0,2}")
_ASKS_BACK = re.compile(r"[?？]\s*$|(?:ですか|ますか|でしょうか|ください|お願いします)[。 ]*$")


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail with questions that was sent in a case."""

    at: datetime
    kind: str  # ``acknowledgement``, ``questions`` or ``reminder``
    by: str  # the person who asked; empty if sodan asked automatically
    items: tuple[str, ...]  # the items, in the order of the questions
    questions: tuple[str, ...]  # the questions as sent, in order; fewer if a person removed numbers
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one item. ``start``, ``end``: offsets in the new text; -1: the answer is in the quoted text."""

    item: str
    words: str
    start: int = -1
    end: int = -1
    known: bool = True  # false if the answer is "unknown"
    explicit: bool = True  # beside its question, or numbered; False: recognised only by words


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a mail."""

    text: str
    start: int  # offset in the new text; -1 for a quoted line


def question_lines(text: str) -> tuple[str, ...]:
    """Return the numbered questions ("1. …", "2. …") of a mail, in order."""
    found: list[str] = []
    for line in text.splitlines():
        match = _NUMBERED.match(line)
        if match and int(match[1]) == len(found) + 1:
            found.append(match[2].strip())
    return tuple(found)


def match(text: str, quoted: str, asked: Asked) -> tuple[Reply, ...]:
    """Return the answers to the questions of ``asked`` in a reply's new or quoted text."""
    if not asked.items:
        return ()
    lines = list(lines_of(text))
    found, used = _by_place(lines, quoted, asked)
    left = [line for n, line in enumerate(lines) if n not in used and line.text.strip()]
    left = [line for line in left if not EMPTY.match(line.text)]
    if len(left) > 1 and _NAME.match(left[0].text) and not any(fit(item, left[0].text) for item in asked.items):
        del left[0]  # 「情シスの田中です。」
    if len(left) > len(asked.items) and _signs(left[-1], text) and not any(fit(i, left[-1].text) for i in asked.items):
        del left[-1]
    if not found:
        _in_order(left, asked, found)
    _by_words(left, asked, found)
    return tuple(found[n] for n in sorted(found))


def answers_with_place(text: str, quoted: str, asked: Asked) -> dict[int, Reply]:
    """Return the answers that have a number, or are below or beside a copy of their question: question → answer."""
    return dict(sorted(_by_place(list(lines_of(text)), quoted, asked)[0].items()))


def up_to_answer(quoted: str, question: str) -> str:
    """Return a quoted text up to the first blank line below a question."""
    lines = quoted[:MOST_TEXT].split("\n")[:MOST_LINES]
    key = _squashed(question)
    at = next((n for n, line in enumerate(lines) if _repeats(_squashed(line), key)), len(lines))
    end = next((n for n in range(at, len(lines)) if not _MARKS.sub("", lines[n]).strip()), len(lines))
    return "\n".join(lines[:end])


def _by_place(lines: Sequence[Line], quoted: str, asked: Asked) -> tuple[dict[int, Reply], set[int]]:
    """Return question → answer, and the indexes of the lines that are used."""
    found: dict[int, Reply] = {}
    used: set[int] = set()
    _beside(lines, asked, found, used)
    below = [Line(_MARKS.sub("", line.text), -1) for line in lines_of(quoted)]
    _beside(below, asked, found, set())
    _by_number(lines, asked, found, used)
    return found, used


def _signs(line: Line, text: str) -> bool:
    """Whether the last line, after a blank line, is the author's name."""
    apart = text[: line.start].endswith("\n\n") and not UNKNOWN.search(line.text)
    return apart and _SIGNATURE.fullmatch(line.text.strip()) is not None


def lines_of(text: str) -> Iterator[Line]:
    """Yield the lines of the beginning of a text."""
    at = 0
    for line in text[:MOST_TEXT].split("\n")[:MOST_LINES]:
        yield Line(line, at)
        at += len(line) + 1


# ── beside the question ──────────────────────────────────────────────────────────────────────────────────────────────


def _beside(lines: Sequence[Line], asked: Asked, found: dict[int, Reply], used: set[int]) -> None:
    """Find answers after a copy of their question: on the same line, or on the lines below."""
    ours = {key for line in asked.text.splitlines() if len(key := _squashed(line)) >= 2}
    whole = _squashed(asked.text)
    questions = [_squashed(question) for question in asked.questions[: len(asked.items)]]
    current: int | None = None
    said: list[Line] = []
    for n, line in enumerate(lines):
        key = _squashed(line.text)
        which = next((i for i, question in enumerate(questions) if _repeats(key, question)), None)
        if which is not None:
            _keep(current, said, asked, found)
            current, said = which, []
            used.add(n)
            if rest := _behind(line.text, asked.questions[which]):
                said.append(Line(rest, line.start + line.text.rfind(rest) if line.start >= 0 else -1))
            continue
        is_ours = key in ours or (len(key) >= 12 and key in whole)
        if is_ours and current is not None and not said and key in questions[current]:
            used.add(n)  # the mail client wrapped the question
            continue
        if current is None or is_ours or (not key and said) or _number(line.text) not in (None, current + 1):
            if is_ours:
                used.add(n)
            _keep(current, said, asked, found)
            current, said = None, []
        elif key:
            said.append(line)
            used.add(n)
    _keep(current, said, asked, found)


def _repeats(key: str, question: str) -> bool:
    """Whether a squashed line begins with the question, with or without its number."""
    if len(question) < 4:
        return False
    head = key.lstrip("0123456789")
    return head.startswith(question) or (len(head) >= min(8, len(question)) and question.startswith(head))


def _behind(line: str, question: str) -> str:
    """Return the text after the question on the same line."""
    squashed, at = _squashed(question), 0
    for position, char in enumerate(line):
        folded = _squashed(char)
        if folded and squashed.startswith(folded, at):
            at += len(folded)
            if at >= len(squashed):
                return line[position + 1 :].lstrip(" \t　。.?？)）」』\"'").rstrip()
    return ""


def _keep(which: int | None, said: Sequence[Line], asked: Asked, found: dict[int, Reply]) -> None:
    if which is None or which in found or which >= len(asked.items):
        return
    words = _ARROW.sub("", " ".join(line.text.strip() for line in said if line.text.strip()))[:LONGEST].strip()
    if not words:
        return
    starts = [line.start + len(line.text) - len(line.text.lstrip()) for line in said if line.start >= 0]
    ends = [line.start + len(line.text.rstrip()) for line in said if line.start >= 0]
    start, end = (starts[0], ends[-1]) if starts and len(starts) == len(said) else (-1, -1)
    known = len(words) > 80 or not UNKNOWN.search(unicodedata.normalize("NFKC", words))
    found[which] = Reply(asked.items[which], words, start, end, known=known)


# ── by number ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _by_number(lines: Sequence[Line], asked: Asked, found: dict[int, Reply], used: set[int]) -> None:
    heads: list[tuple[int, int, int]] = []  # (index of the line, question number, offset of the answer)
    for n, line in enumerate(lines):
        head = None if n in used else leading_number(line.text)
        if head is not None and 1 <= head[0] <= len(asked.items):
            heads.append((n, *head))
    if not heads:
        heads = _bare(lines, len(asked.items), used)
    for position, (n, number, begin) in enumerate(heads):
        end = heads[position + 1][0] if position + 1 < len(heads) else len(lines)
        said = [Line(lines[n].text[begin:], lines[n].start + begin)]
        used.add(n)
        for further in range(n + 1, end):
            if not lines[further].text.strip():
                if any(line.text.strip() for line in said):
                    break
            elif further not in used:
                said.append(lines[further])
                used.add(further)
        _keep(number - 1, [line for line in said if line.text.strip()], asked, found)


def leading_number(line: str) -> tuple[int, int] | None:
    """Return the number that begins a line, and the offset of the text after it, or None."""
    bare = line.lstrip(" \t　")
    if bare[:1] in _CIRCLED:
        return _CIRCLED[bare[0]], len(line) - len(bare) + 1
    head = _STARTS.match(line) or _MARKED.match(line)
    return (int(head[1]), head.end()) if head else None


def _number(line: str) -> int | None:
    head = leading_number(line)
    return head[0] if head else None


def _bare(lines: Sequence[Line], most: int, used: set[int]) -> list[tuple[int, int, int]]:
    """Find lines such as "1 Outlook", "2 since nine". They are accepted only if the numbers count up from one."""
    heads: list[tuple[int, int, int]] = []
    for n, line in enumerate(lines):
        head = None if n in used else _BARE.match(line.text)
        if head and int(head[1]) == len(heads) + 1 <= most:
            heads.append((n, len(heads) + 1, head.end()))
    return heads if len(heads) > 1 else []


# ── without a number ─────────────────────────────────────────────────────────────────────────────────────────────────


def _in_order(left: list[Line], asked: Asked, found: dict[int, Reply]) -> None:
    """Match short lines to questions in order, or one or two sentences to one question."""
    if len(asked.items) == 1:
        sentences = [s for line in left for s, _ in _sentences(line)]
        if 0 < len(sentences) <= 2 and not any(_ASKS_BACK.search(s) for s in sentences):
            _keep(0, left, asked, found)
            left.clear()
        return
    if len(left) != len(asked.items) or any(len(line.text) > SHORT or _ASKS_BACK.search(line.text) for line in left):
        return
    for n, line in enumerate(left):
        others = max((fit(item, line.text) for i, item in enumerate(asked.items) if i != n), default=0)
        if others > fit(asked.items[n], line.text):
            return  # the line answers another question, so the order is not reliable
    for n, line in enumerate(left):
        _keep(n, [line], asked, found)
    left.clear()


def _by_words(left: Sequence[Line], asked: Asked, found: dict[int, Reply]) -> None:
    """Match sentences that contain words of a requested item."""
    best: dict[int, tuple[int, str, int]] = {}
    rest_unknown: tuple[str, int] | None = None
    for line in left:
        for sentence, at in _sentences(line):
            if _ASKS_BACK.search(sentence) and not UNKNOWN.search(sentence):
                continue
            unknown = bool(UNKNOWN.search(sentence))
            if unknown and REST.search(sentence):
                rest_unknown = (sentence, at)
                continue
            for n, item in enumerate(asked.items):
                points = fit(item, sentence)
                if points == 1 and not unknown and item not in _NAMED_IS_TOLD:
                    points = 0  # the sentence only mentions the item; the reader decides whether it is an answer
                if n not in found and points > best.get(n, (0,))[0]:
                    best[n] = (points, sentence, at)
    for n, (_, sentence, at) in best.items():
        known = not UNKNOWN.search(sentence)
        found[n] = Reply(asked.items[n], sentence[:LONGEST], at, at + len(sentence), known=known, explicit=False)
    if rest_unknown is not None:
        sentence, at = rest_unknown
        for n, item in enumerate(asked.items):
            found.setdefault(n, Reply(item, sentence, at, at + len(sentence), known=False, explicit=False))


_NAMED_IS_TOLD = frozenset("tried approval contact repro_steps deadline background recent_changes workaround".split())
"""Items that a sentence answers by merely mentioning them: 「承認は部長です」, "I tried it twice"."""


def _sentences(line: Line) -> Iterator[tuple[str, int]]:
    """Yield (sentence, offset) for a line. A full stop inside a number or name does not end a sentence."""
    for found in _SENTENCE.finditer(line.text):
        words = found[0]
        lead = len(words) - len(words.lstrip(" \t　-・*"))
        if words.strip(" \t　-・*。.!?"):
            yield words.strip(" \t　-・*"), line.start + found.start() + lead


def _squashed(text: str) -> str:
    """Return only letters and digits, normalised. So quoting and line breaks make no difference in comparisons."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@cache
def _pattern(item: str, kind: str) -> re.Pattern[str] | None:
    """Return the pattern of an item's ``topic`` or ``shape`` words, or None without words."""
    written = _LISTS["items"].get(item, {}).get(kind)
    return linear(alternatives(written)) if written else None


def fit(item: str, sentence: str) -> int:
    """Return how well a sentence answers an item. 2: well; 1: it only mentions the item; 0: not at all."""
    text = unicodedata.normalize("NFKC", sentence)
    for points, kind in ((2, "shape"), (1, "topic")):
        pattern = _pattern(item, kind)
        if pattern is not None and pattern.search(text):
            return points
    return 0
