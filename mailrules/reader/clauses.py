"""Clauses of a sentence and their properties: negated, condition, plan, question, inverted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_BREAKS = frozenset("、，,;；:：—–()（）。")
_JOINTS = frozenset(
    "but so because although though while whereas since until which けど けれど けれども ので ため のに から が".split()
)
_CASE_PARTICLES = frozenset({"が", "から", "ため"})  # end a clause only after a verb or an auxiliary
_PREDICATES = frozenset("た ない だ する ある て たい れる られる せる".split())
_NEGATIVES = frozenset("not no nothing never none neither nor without nobody ない なし 無 不 未 無し".split())
_CONDITIONS = frozenset("if unless suppose assuming もし 仮に 万一 なら ば たら 場合".split())
_PLANS = frozenset("will shall plan intend schedule going 予定 計画 つもり 検討 たい".split())
_QUESTION_HEADS = frozenset("which what when where who why how do be can could would have may shall should any".split())
_NEGATED, _CONDITION, _PLAN, _QUESTION, _INVERTED, _END = (1 << at for at in range(6))
_PROPERTIES = tuple(
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
):
    for _word in _words:
        _FLAGS[_word] = _FLAGS.get(_word, 0) | _flag


class Clauses(NamedTuple):
    """The clauses of a sentence: their token ranges in order, their properties, and those of the whole sentence."""

    ranges: list[tuple[int, int]]
    properties: list[frozenset[str]]
    whole: frozenset[str]


def split_clauses(forms: Sequence[str]) -> Clauses:
    """Return the clauses of a sentence."""
    ranges: list[tuple[int, int]] = []
    properties: list[frozenset[str]] = []
    start = flags = every = 0
    for at, flag in enumerate(map(_FLAGS.get, forms)):
        if flag is None:
            continue
        flags |= flag
        if not flag & _END or at == start or (forms[at] in _CASE_PARTICLES and forms[at - 1] not in _PREDICATES):
            continue
        ranges.append((start, at + 1))
        properties.append(_properties(flags, forms[start : at + 1]))
        every |= flags
        start, flags = at + 1, 0
    if start < len(forms):
        ranges.append((start, len(forms)))
        properties.append(_properties(flags, forms[start:]))
    whole = properties[0] if len(properties) == 1 else _properties(every | flags, forms)
    return Clauses(ranges, properties, whole)


def clause_properties(forms: Sequence[str]) -> frozenset[str]:
    """Return the properties of one clause."""
    flags = 0
    for flag in map(_FLAGS.get, forms):
        flags |= flag or 0
    return _properties(flags, forms)


def _properties(flags: int, forms: Sequence[str]) -> frozenset[str]:
    flags &= _END - 1
    if len(forms) > 1 and "か" in forms[-2:]:
        flags |= _QUESTION
    elif not flags & _QUESTION and forms and forms[0] in _QUESTION_HEADS:
        flags |= _INVERTED
    return _PROPERTIES[flags]
