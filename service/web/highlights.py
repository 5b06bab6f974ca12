"""Highlights the passages of a mail that are evidence, for example for the priority."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Highlight:
    """A quote from a mail, and what it is evidence for."""

    kind: str  # item: checklist item; ask: request; why: priority; heard: urgent wording; parked: parked topic
    quote: str
    label: str  # name of the thing for which the quote is evidence
    anchor: str  # id of the HTML element


Piece = tuple[str, list[Highlight]]
"""A part of a text, and its highlights if it is marked: the highlight of this part, and others that overlap it."""


def pieces(text: str, highlights: Iterable[Highlight]) -> list[Piece]:
    """Split a text at highlights. If several overlap, only the first is marked; if they begin together, the longest."""
    spans: list[tuple[int, int, Highlight]] = []
    for highlight in highlights:
        quote = highlight.quote.strip()
        at = text.find(quote) if quote else -1
        if at >= 0:
            spans.append((at, at + len(quote), highlight))
    spans.sort(key=lambda span: (span[0], -span[1]))
    split: list[Piece] = []
    done = 0
    for start, end, highlight in spans:
        if start < done:
            split[-1][1].append(highlight)
            continue
        if start > done:
            split.append((text[done:start], []))
        split.append((text[start:end], [highlight]))
        done = end
    if done < len(text):
        split.append((text[done:], []))
    return split


def of_case(case: dict[str, Any], labels: dict[str, str]) -> dict[str, list[Highlight]]:
    """Return message id → highlights, from a case document.

    ``labels``: kind of highlight → label. Items have their own.
    """
    rows = [("item", item, item["label"], item["item"]) for item in case.get("checklist", ())]
    rows += [("ask", ask, labels["ask"], ask["id"]) for ask in case.get("asks", ())]
    detail = case.get("priority_detail") or {}
    lists = {"why": detail.get("evidence", ()), "heard": detail.get("heard", ()), "parked": case.get("parked", ())}
    for kind, entries in lists.items():
        rows += [(kind, entry, labels[kind], number) for number, entry in enumerate(entries)]
    by_message: dict[str, list[Highlight]] = {}
    for kind, entry, label, name in rows:
        if entry.get("message") is not None and entry.get("quote"):
            highlight = Highlight(kind, str(entry["quote"]), label, f"{kind}-{name}")
            by_message.setdefault(str(entry["message"]), []).append(highlight)
    return by_message


def anchors(marked: dict[str, list[Piece]]) -> set[str]:
    """Return the anchors of all highlights on the page. A link to another anchor would lead nowhere."""
    return {highlight.anchor for split in marked.values() for _, highlights in split for highlight in highlights}
