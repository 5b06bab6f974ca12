"""Clauses of a sentence and their properties: negated, condition, plan, question, inverted."""

from collections.abc import Sequence
from typing import NamedTuple

_BREAKS = frozenset("、，,;；:：—–()（）。")
_JOINTS = frozenset(
    "but so because although though while whereas since until which けど けれど けれども ので ため のに から が".split()
)
_CASE_PARTICLES = frozenset({"が", "から", "ため"})  # these words end a clause only after a verb or an auxiliary
_PREDICATES = frozenset("た ない だ する ある て たい れる られる せる".split())
_NEGATIVES = frozenset("not no nothing never none neither nor without nobody ない なし 無 不 未 無し".split())
_CONDITIONS = frozenset("if unless suppose assuming もし 仮に 万一 なら ば 場合".split())
_PLANS = frozenset("will shall plan intend schedule going 予定 計画 つもり 検討 たい".split())
_QUESTION_HEADS = frozenset("which what when where who why how do be can could would have may shall should any".split())
_SUBJECTS = frozenset("it this that everything all the our we you i they".split())
_AWAITS = frozenset("please tell inform notify know".split())  # … when it works again
_NEGATED, _CONDITION, _PLAN, _QUESTION, _INVERTED, _END, _LINE_BREAK, _LATER = (1 << at for at in range(8))
PROPERTIES = tuple(
    frozenset(
        name for at, name in enumerate(("negated", "condition", "plan", "question", "inverted")) if flags >> at & 1
    )
    for flags in range(_END)
)
"""The properties by their flags."""
_FLAGS: dict[str, int] = {}
for _flag, _words in (
    (_NEGATED, _NEGATIVES),
    (_CONDITION, _CONDITIONS),
    (_PLAN, _PLANS),
    (_QUESTION, "?"),
    (_END, _BREAKS | _JOINTS),
    (_LINE_BREAK, "\n"),
    (_LATER, ("たら", "際", "どう", "once", "when", "until", "soon")),
):
    for _word in _words:
        _FLAGS[_word] = _FLAGS.get(_word, 0) | _flag


class Clauses(NamedTuple):
    """The clauses of one sentence, with their properties and those of the sentence."""

    begins: list[int]
    properties: list[frozenset[str]]
    whole: frozenset[str]


def split_clauses(tokens: Sequence[str]) -> list[Clauses]:
    """Return the clauses of each sentence. ``tokens``: sentences, each with a line break as its last token."""
    found: list[Clauses] = []
    begins: list[int] = []
    properties: list[frozenset[str]] = []
    sentence = start = flags = every = 0
    for at, flag in enumerate(map(_FLAGS.get, tokens)):
        if flag is None:
            continue
        flags |= flag
        if flag & _LATER and _is_open(tokens, start, at):
            flags |= _CONDITION
        if flag & _END and at > start and (tokens[at] not in _CASE_PARTICLES or tokens[at - 1] in _PREDICATES):
            begins.append(start)
            properties.append(_properties(flags, tokens, start, at + 1))
            every |= flags
            start, flags = at + 1, 0
        elif flag & _LINE_BREAK:
            if start < at:
                begins.append(start)
                properties.append(_properties(flags, tokens, start, at))
            whole = properties[0] if len(properties) == 1 else _properties(every | flags, tokens, sentence, at)
            found.append(Clauses(begins, properties, whole))
            begins, properties = [], []
            sentence = start = at + 1
            flags = every = 0
    return found


def _is_open(tokens: Sequence[str], start: int, at: int) -> bool:
    """Whether a clause leaves open if something has happened ("please call when it works").

    "When I restarted it, it worked" and 「再起動したら直りました」 do say it. `start`: first token of the clause.
    """
    word, rest = tokens[at], tokens[at + 1 : tokens.index("\n", at)]
    if word == "どう":
        return tokens[at - 1 : at + 2] == ["か", "どう", "か"]
    if word == "たら" or word == "際":
        last = next((form for form in reversed(rest) if form not in _BREAKS), "")
        return (word == "たら" or tokens[at - 1] == "た") and "た" not in rest and last != "て"
    if word == "until" and rest[:1] and rest[0] not in _SUBJECTS:
        return False  # until a day
    if word == "soon" and rest[:1] != ["as"]:
        return False
    heard = tokens[start:at] if word == "when" else [*tokens[start:at], *rest]
    return not _AWAITS.isdisjoint(heard) and rest[:1] not in ([], ["a"], ["again"], ["more"])


def clause_properties(tokens: Sequence[str]) -> frozenset[str]:
    """Return the properties of one clause."""
    flags = 0
    for flag in map(_FLAGS.get, tokens):
        flags |= flag or 0
    return _properties(flags, tokens, 0, len(tokens))


def _properties(flags: int, tokens: Sequence[str], start: int, end: int) -> frozenset[str]:
    flags &= _END - 1
    if end - start > 1 and (tokens[end - 1] == "か" or tokens[end - 2] == "か"):
        flags |= _QUESTION
    elif not flags & _QUESTION and start < end and tokens[start] in _QUESTION_HEADS:
        flags |= _INVERTED
    return PROPERTIES[flags]
