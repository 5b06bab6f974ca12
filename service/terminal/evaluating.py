"""What `sodan eval` prints: the figures of a reader on labelled mail."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mailrules.evaluation.figures import SETS, SINGLE, Outcome, compare, labelled_outcome
from mailrules.evaluation.outcome import read_outcome
from mailrules.reader import EmbeddedReader
from mailrules.reader.sees import items_seen
from mailrules.statement import Reader
from service.errors import Refused
from service.settings import Settings

_SHARES = ("P1/P2 found", "P1/P2 found or to be triaged", "P1/P2 false alarms")


def print_figures(paths: Sequence[Path], *, reader: str, as_json: bool, settings: Settings) -> int:
    """Print the figures of all mails under the paths; exit status 0."""
    if reader != "embedded":
        raise Refused("only the embedded reader can be evaluated here: set up a language model first")
    figures = compare(_pairs(paths, EmbeddedReader(), settings))
    if not figures:
        raise Refused(
            f"no labelled mail in {', '.join(map(str, paths))}: give .jsonl files, or NAME.eml with NAME.json"
        )
    if as_json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
        return 0
    for language, figure in figures.items():
        sys.stdout.write("\n".join(table(language, figure)) + "\n\n")
    return 0


def table(language: str, figure: dict[str, Any]) -> list[str]:
    """Lines of one language's figures."""
    lines = [f"{language}: {figure['mails']} mails"]
    for name in (*SINGLE, *_SHARES):
        lines.append(f"  {name:32} {_number(figure[name]['share'])}  of {figure[name]['count']}")
    for name in (*SETS, "missing", "vendor mail that asks"):
        row = figure[name]
        lines.append(f"  {name:32} {_row(row)}")
    lines.append("  by meaning:")
    lines += [f"    {meaning:30} {_row(row)}" for meaning, row in figure["meanings"].items()]
    return lines


def _row(row: dict[str, Any]) -> str:
    shown = "  ".join(f"{name} {_number(row[name])}" for name in ("precision", "recall", "f1"))
    return f"{shown}  of {row['count']}, given {row['given']}"


def _number(value: float | None) -> str:
    return "  – " if value is None else f"{value:.3f}"


def _pairs(paths: Sequence[Path], reader: Reader, settings: Settings) -> Iterator[tuple[Outcome, Outcome]]:
    for path in paths:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            if file.suffix == ".jsonl":
                for line in file.read_text(encoding="utf-8").splitlines():
                    mail = json.loads(line)
                    yield read_outcome(reader, mail, items_seen()), labelled_outcome(mail)
        yield from _mail_files(
            [file for file in files if file.suffix == ".eml" and file.with_suffix(".json").exists()], settings
        )


def _mail_files(files: list[Path], settings: Settings) -> Iterator[tuple[Outcome, Outcome]]:
    """Mails with a label beside each, judged as `sodan judge` does."""
    if not files:
        return
    from service.terminal.reading import judge_files

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        judge_files(files, team=(), organisation=(), packs=(), site=None, root=None, settings=settings, guess=True)
    for file, line in zip(files, printed.getvalue().splitlines(), strict=True):
        said, label = json.loads(line), json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        yield _outcome(said), _outcome(label)


def _outcome(values: dict[str, Any]) -> Outcome:
    present = set(values.get("present", ()))
    return Outcome(
        language=values.get("language", "und"),
        side=values.get("author_role", "unknown"),
        kind=values.get("kind"),
        priority=values.get("priority", ""),
        needs_triage=bool(values.get("needs_triage")),
        asks_something=bool(values.get("asks_something") or values.get("asks")),
        sets={name: set(values.get(name, ())) for name in SETS},
        missing=tuple(values.get("missing", ())),
        told=present | set(values.get("unknown", ())),
    )
