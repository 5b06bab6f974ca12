"""Prints rows as a table for the terminal, or as JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.cli import start


class _Stdout(Console):
    """A console that raises BrokenPipeError if the reader of the pipe ends (`| head`).

    rich would exit with status 1, which means that a problem was found.
    """

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    """Return a console that prints to stdout. It is as wide as the terminal; without a terminal, it has 160 columns."""
    return _Stdout(soft_wrap=False, highlight=False, width=None if sys.stdout.isatty() else 160)


def visible(value: Any) -> str:
    """Return a text with control characters replaced. A mail must not control the terminal."""
    return str(value).translate(_VISIBLE)


def one_line(text: str) -> str:
    """Return a text with control characters, tabs and line breaks replaced by U+FFFD."""
    return visible(text).translate(dict.fromkeys(range(32), "�"))


_VISIBLE = dict.fromkeys((*range(9), *range(11, 32), 127, *range(128, 160), *range(55296, 57344)), "�")


def print_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write(text.encode("utf-8", "replace").decode() + "\n")


def print_rows(rows: Iterable[dict[str, Any]], columns: Sequence[str], *, as_json: bool, zone: tzinfo = UTC) -> None:
    """Print rows as JSON Lines or as a table.

    JSON has all columns and UTC times; a table has ``columns`` and times in ``zone``.
    """
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False, default=_text) + "\n")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(visible(_text(row.get(name), zone))) for name in columns))
    if table.row_count:
        console().print(table)
    else:
        start.say("the list is empty")


def print_fields(row: dict[str, Any], zone: tzinfo) -> None:
    """Print a row as a table of names and values."""
    fields = [{"name": name, "value": value} for name, value in row.items()]
    print_rows(fields, ("name", "value"), as_json=False, zone=zone)


def _text(value: Any, zone: tzinfo = UTC) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" + ("Z" if zone is UTC else " %Z"))
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
