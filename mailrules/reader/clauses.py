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
_QUESTION_HEADS = frozenset("which what when where who why how do be can could would have may shall should any".split())


def split_clauses(forms: Sequence[str]) -> list[tuple[int, int]]:
    """Return the token ranges of the clauses of a sentence, in order."""
    ranges: list[tuple[int, int]] = []
    start = 0
    for at, form in enumerate(forms):
        joint = form in _JOINTS and (form not in _CASE_PARTICLES or (at > 0 and forms[at - 1] in _PREDICATES))
        if (form in _BREAKS or joint) and at > start:
            ranges.append((start, at + 1))
            start = at + 1
    if start < len(forms):
        ranges.append((start, len(forms)))
    return ranges


def clause_properties(forms: Sequence[str]) -> frozenset[str]:
    """Return the properties of a clause (or of a whole sentence)."""
    found: set[str] = set()
    words = set(forms)
    if words & _NEGATIVES:
        found.add("negated")
    if words & _CONDITIONS:
        found.add("condition")
    if words & _PLANS:
        found.add("plan")
    if "?" in words or (len(forms) > 1 and (forms[-1] == "か" or forms[-2] == "か")):
        found.add("question")
    elif forms and forms[0] in _QUESTION_HEADS:
        found.add("inverted")
    return frozenset(found)
