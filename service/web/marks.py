"""Marks passages of a mail that are evidence for something, such as the priority or a checklist item."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Mark:
    """A quote from a mail, and what it is evidence for."""

    kind: str  # item: checklist item; ask: request; why: priority; heard: urgent wording; parked: parked topic
    quote: str
    label: str  # name of the thing for which the quote is evidence
    anchor: str  # id of the HTML element


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, with its mark if it is marked."""

    text: str
    mark: Mark | None = None
    also: tuple[Mark, ...] = ()  # other marks that overlap this mark


def pieces(text: str, marks: Iterable[Mark]) -> list[Piece]:
    """Split a text at marks. Of overlapping marks the first, or longest, is shown; the others are in ``also``."""
    spans: list[tuple[int, int, Mark]] = []
    for mark in marks:
        quote = mark.quote.strip()
        at = text.find(quote) if quote else -1
        if at >= 0:
            spans.append((at, at + len(quote), mark))
    spans.sort(key=lambda span: (span[0], -span[1]))
    split: list[Piece] = []
    done = 0
    for start, end, mark in spans:
        if start < done:
            split[-1] = replace(split[-1], also=(*split[-1].also, mark))
            continue
        if start > done:
            split.append(Piece(text[done:start]))
        split.append(Piece(text[start:end], mark))
        done = end
    if done < len(text):
        split.append(Piece(text[done:]))
    return split


def of_case(case: dict[str, Any], labels: dict[str, str]) -> dict[str, list[Mark]]:
    """Return message id → marks, from a case document. ``labels``: kind of mark → label, except for items."""
    rows = [("item", item, item["label"], item["item"]) for item in case.get("checklist", ())]
    rows += [("ask", ask, labels["ask"], ask["id"]) for ask in case.get("asks", ())]
    detail = case.get("priority_detail") or {}
    lists = {"why": detail.get("evidence", ()), "heard": detail.get("heard", ()), "parked": case.get("parked", ())}
    for kind, entries in lists.items():
        rows += [(kind, entry, labels[kind], number) for number, entry in enumerate(entries)]
    by_message: dict[str, list[Mark]] = {}
    for kind, entry, label, name in rows:
        if entry.get("message") is not None and entry.get("quote"):
            mark = Mark(kind, str(entry["quote"]), label, f"{kind}-{name}")
            by_message.setdefault(str(entry["message"]), []).append(mark)
    return by_message


def placed(marked: dict[str, list[Piece]]) -> set[str]:
    """Return the anchors of all marks on the page. A link to another anchor would lead nowhere."""
    all_pieces = (piece for pieces in marked.values() for piece in pieces)
    return {mark.anchor for piece in all_pieces for mark in (piece.mark, *piece.also) if mark}
