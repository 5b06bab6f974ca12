"""Marks the quotes of statements in the text of a mail."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Mark:
    """A quote in one mail, and what it is evidence for. ``kind``: item, ask, why, heard, parked."""

    kind: str
    quote: str
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, marked or not."""

    text: str
    mark: Mark | None = None
    also: tuple[Mark, ...] = ()
    """Other marks that overlap this one."""


def pieces(text: str, marks: Iterable[Mark]) -> list[Piece]:
    """Return ``text`` in pieces. Of overlapping marks the first is shown, of two at the same start the longer one.

    The others are listed in ``also``.
    """
    found: list[tuple[int, int, Mark]] = []
    for mark in marks:
        quote = mark.quote.strip()
        at = text.find(quote) if quote else -1
        if at >= 0:
            found.append((at, at + len(quote), mark))
    found.sort(key=lambda span: (span[0], -span[1]))
    made: list[Piece] = []
    done = 0
    for start, end, mark in found:
        if start < done:
            made[-1] = replace(made[-1], also=(*made[-1].also, mark))
            continue
        if start > done:
            made.append(Piece(text[done:start]))
        made.append(Piece(text[start:end], mark))
        done = end
    if done < len(text):
        made.append(Piece(text[done:]))
    return made


def of_case(case: dict[str, Any], labels: dict[str, str]) -> dict[str, list[Mark]]:
    """Return message id → marks of a case. ``labels``: kind → label in the reader's language."""
    rows = [("item", line, line["label"], line["item"]) for line in case.get("checklist", ())]
    rows += [("ask", ask, labels["ask"], ask["id"]) for ask in case.get("asks", ())]
    detail = case.get("priority_detail") or {}
    said_of = {"why": detail.get("evidence", ()), "heard": detail.get("heard", ()), "parked": case.get("parked", ())}
    for kind, found in said_of.items():
        rows += [(kind, said, labels[kind], number) for number, said in enumerate(found)]
    by_message: dict[str, list[Mark]] = {}
    for kind, said, label, name in rows:
        if said.get("message") is not None and said.get("quote"):
            mark = Mark(kind, str(said["quote"]), label, f"{kind}-{name}")
            by_message.setdefault(str(said["message"]), []).append(mark)
    return by_message


def placed(marked: dict[str, list[Piece]]) -> set[str]:
    """Return the anchors on the page; links are made only to these."""
    pieces_marked = [piece for made in marked.values() for piece in made if piece.mark]
    return {mark.anchor for piece in pieces_marked for mark in (piece.mark, *piece.also) if mark}
