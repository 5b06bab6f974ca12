"""A soak as a picture: panels over the same time. Plain SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LEFT, RIGHT = 900, 70, 170
PANEL, GAP, TOP = 110, 46, 50
COLOURS = ("#2f6f9f", "#c2703d", "#5b8a3a", "#8a5a9e", "#b0902f")

Lines = dict[str, list[tuple[float, float]]]


def svg(run: Mapping[str, Any]) -> str:
    """The picture of a run as it stands in its JSON."""
    rows = run["rows"]
    parts = [
        f"{run['sent']} mails at {run['rate']} a second on {run['database']}, commit {run['commit']}, "
        f"{run['at'][:10]}; load of the machine by all its users in the last panel",
    ]
    panels: list[tuple[str, Lines]] = [
        (
            "250 after, ms (from due)",
            {"median": _quantile(rows, "accept_ms", 0), "p99": _quantile(rows, "accept_ms", 1)},
        ),
        ("250 to shown, ms", {"median": _quantile(rows, "visible_ms", 0), "p99": _quantile(rows, "visible_ms", 1)}),
        ("mails waiting for the worker", {"waiting": _line(rows, "waiting")}),
        ("resident memory, MB", {name: _of(rows, name, "mb") for name in rows[0]["processes"]}),
        ("open files", {name: _of(rows, name, "files") for name in rows[0]["processes"]}),
        ("database, MB", {"all files": _line(rows, "database_mb")}),
        ("load average", {"load": _line(rows, "load")}),
    ]
    height = TOP + len(panels) * (PANEL + GAP) + 20
    body = [_text(10, 20, parts[0], 13)]
    end = max(row["at"] for row in rows)
    for number, (name, lines) in enumerate(panels):
        body.extend(_panel(TOP + number * (PANEL + GAP), name, lines, end))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">'
        '<rect width="100%" height="100%" fill="#ffffff"/>'
    )
    return "\n".join([head, *body, "</svg>"]) + "\n"


def _line(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(row["at"], float(row[name])) for row in rows if row[name] is not None]


def _quantile(rows: Sequence[Mapping[str, Any]], name: str, place: int) -> list[tuple[float, float]]:
    return [(row["at"], float(row[name][place])) for row in rows if row[name]]


def _of(rows: Sequence[Mapping[str, Any]], process: str, what: str) -> list[tuple[float, float]]:
    return [(row["at"], float(row["processes"][process][what])) for row in rows if process in row["processes"]]


def _panel(y: int, name: str, lines: Lines, end: float) -> Iterator[str]:
    top = max((value for points in lines.values() for _, value in points), default=1.0) * 1.05 or 1.0
    right = WIDTH - RIGHT
    yield _text(LEFT, y - 6, name, 12, bold=True)
    for share in (0.0, 0.5, 1.0):
        at = y + PANEL * (1 - share)
        yield f'<line x1="{LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}" stroke="#dddddd"/>'
        yield _text(8, at + 4, f"{top * share:,.4g}", 11)
    for minute in range(0, int(end // 60) + 1, max(1, int(end // 600))):
        x = LEFT + (right - LEFT) * minute * 60 / end
        yield _text(x, y + PANEL + 14, f"{minute}′", 10)
    for number, (label, points) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(
            f"{LEFT + (right - LEFT) * at / end:.1f},{y + PANEL * (1 - value / top):.1f}" for at, value in points
        )
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.3"/>'
        last = f" {points[-1][1]:,.4g}" if points else ""
        yield f'<rect x="{right + 10}" y="{y + 4 + 18 * number}" width="10" height="10" fill="{colour}"/>'
        yield _text(right + 26, y + 13 + 18 * number, f"{label}{last}", 11)


def _text(x: float, y: float, words: str, size: int, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{weight}>{escape(words)}</text>'
