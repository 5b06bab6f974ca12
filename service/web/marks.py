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
    by_message: dict[str, list[Mark]] = {}

    def add(kind: str, message: Any, quote: Any, label: str, name: str) -> None:
        if message is not None and quote:
            by_message.setdefault(str(message), []).append(Mark(kind, str(quote), label, f"{kind}-{name}"))

    for line in case.get("checklist", []):
        add("item", line.get("message"), line.get("quote"), line["label"], line["item"])
    for ask in case.get("asks", []):
        add("ask", ask.get("message"), ask.get("quote"), labels["ask"], str(ask["id"]))
    detail = case.get("priority_detail") or {}
    for number, said in enumerate(detail.get("evidence", [])):
        add("why", said.get("message"), said.get("quote"), labels["why"], str(number))
    for number, said in enumerate(detail.get("heard", [])):
        add("heard", said.get("message"), said.get("quote"), labels["heard"], str(number))
    for number, said in enumerate(case.get("parked", [])):
        add("parked", said.get("message"), said.get("quote"), labels["parked"], str(number))
    return by_message


def placed(marked: dict[str, list[Piece]]) -> set[str]:
    """Return the anchors on the page; links are made only to these."""
    pieces_marked = [piece for made in marked.values() for piece in made if piece.mark]
    return {mark.anchor for piece in pieces_marked for mark in (piece.mark, *piece.also) if mark}
