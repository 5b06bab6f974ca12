"""Clauses of a sentence and their properties: negated, condition, plan, question, inverted."""

from __future__ import annotations

from collections.abc import Sequence

_BREAKS = frozenset("、，,;；:：—–()（）。")
_JOINTS = frozenset(
    "but so because although though while whereas since until which けど けれど けれども ので ため のに から が".split()
)
_CASE_PARTICLES = frozenset({"が", "から", "ため"})  # end a clause only after a verb or an auxiliary
_PREDICATES = frozenset("た ない だ する ある て たい れる られる せる".split())
_NEGATIVES = frozenset("not no nothing never none neither nor without nobody ない なし 無 不 未 無し".split())
_CONDITIONS = frozenset("if unless suppose assuming もし 仮に 万一 なら ば たら 場合".split())
_PLANS = frozenset("will shall plan intend schedule going 予定 計画 つもり 検討 たい".split())
_ENDS = _BREAKS | _JOINTS
_QUESTION_HEADS = frozenset("which what when where who why how do be can could would have may shall should any".split())

_NAMED = (("negated", _NEGATIVES), ("condition", _CONDITIONS), ("plan", _PLANS))


def split_clauses(forms: Sequence[str]) -> list[tuple[int, int]]:
    """Return the token ranges of the clauses of a sentence, in order."""
    ranges: list[tuple[int, int]] = []
    start = 0
    for at, form in enumerate(forms):
        if form not in _ENDS or at == start:
            continue
        if form in _CASE_PARTICLES and forms[at - 1] not in _PREDICATES:
            continue
        ranges.append((start, at + 1))
        start = at + 1
    if start < len(forms):
        ranges.append((start, len(forms)))
    return ranges


def clause_properties(forms: Sequence[str]) -> frozenset[str]:
    """Return the properties of a clause (or of a whole sentence)."""
    found = [name for name, words in _NAMED if not words.isdisjoint(forms)]
    if "?" in forms or (len(forms) > 1 and "か" in forms[-2:]):
        found.append("question")
    elif forms and forms[0] in _QUESTION_HEADS:
        found.append("inverted")
    return frozenset(found)
