"""A run as a picture: each ratio as a bar on a logarithmic scale, and where a mail's time goes. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from bench.figure import kept

WIDTH, LABELS, ROW = 900, 360, 20
LOW, HIGH = 0.01, 100.0
COLOURS = ("#2f6f9f", "#c2703d", "#5b8a3a", "#8a5a9e", "#b0902f", "#4f8f8b", "#a34b5c", "#777777", "#3d4f7d")


def svg(run: Mapping[str, Any]) -> str:
    """The picture of a run as it stands in its JSON."""
    parts: list[str] = []
    y = 40
    for name, bench in run["benches"].items():
        ratios = [one for one in bench["figures"] if one["unit"] == "×" and one["value"] > 0]
        if not ratios:
            continue
        parts.append(_text(10, y, name, bold=True))
        y += ROW
        for one in ratios:
            parts.extend(_bar(y, one))
            y += ROW
        y += 8
    axis = list(_axis(y))
    stages = run["benches"].get("placing", {}).get("stages", {})
    if stages:
        y += 40
        parts.append(_text(10, y, "where a mail's CPU time goes", bold=True))
        parts.extend(_stack(y + ROW, stages))
        y += ROW * (3 + len(stages))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 30}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="#ffffff"/>'
    )
    title = _text(10, 18, f"sodan {run['commit']}: times the baseline of the same run; the mark is what was promised")
    return "\n".join([head, title, *axis, *parts, "</svg>"]) + "\n"


def _x(value: float) -> float:
    share = math.log(min(max(value, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LABELS + share * (WIDTH - LABELS - 60)


def _bar(y: int, one: Mapping[str, Any]) -> Iterator[str]:
    start, end = sorted((_x(1), _x(one["value"])))
    colour = COLOURS[0] if kept(one) else COLOURS[6]
    yield _text(20, y, one["what"])
    yield f'<rect x="{start:.1f}" y="{y - 10}" width="{max(1, end - start):.1f}" height="12" fill="{colour}"/>'
    yield _text(end + 4, y, f"{one['value']:.2f}")
    if one["promised"] is not None:
        yield f'<rect x="{_x(one["promised"]) - 1:.1f}" y="{y - 13}" width="2" height="18" fill="#000000"/>'


def _axis(bottom: int) -> Iterator[str]:
    for value in (0.01, 0.1, 1.0, 10.0, 100.0):
        x = _x(value)
        yield f'<line x1="{x:.1f}" y1="28" x2="{x:.1f}" y2="{bottom}" stroke="{"#888" if value == 1 else "#ddd"}"/>'
        yield _text(x - 8, bottom + 14, f"{value:g} ×")


def _stack(y: int, stages: Mapping[str, float]) -> Iterator[str]:
    total = sum(stages.values()) or 1.0
    x = 20.0
    for number, (stage, ms) in enumerate(stages.items()):
        width = (WIDTH - 40) * max(0.0, ms) / total
        colour = COLOURS[number % len(COLOURS)]
        yield f'<rect x="{x:.1f}" y="{y - 12}" width="{width:.1f}" height="18" fill="{colour}"/>'
        x += width
        below = y + ROW * (number + 1) + 6
        yield f'<rect x="20" y="{below - 10}" width="12" height="12" fill="{colour}"/>'
        yield _text(40, below, f"{stage}: {ms:.2f} ms, {100 * ms / total:.0f} %")


def _text(x: float, y: float, words: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y}"{weight}>{escape(words)}</text>'
