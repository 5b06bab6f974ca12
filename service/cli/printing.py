"""Prints rows, cases and mails, as text for the terminal or as JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from service.cli import start
from service.web.localisation import Locale

COLOURS = {"P1": "bold white on red", "P2": "bold yellow", "P3": "cyan", "P4": "dim"}
TURNS = {"team": "bold red", "vendor": "blue", "requester": "yellow"}


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


def _english(zone: tzinfo = UTC) -> Locale:
    """Return the texts of the page in English, as of now. Vendors are shown by their ids."""
    return Locale("en", datetime.now(UTC), zone, lambda id, _: id)


def print_cases(page: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(page)
        return
    if not page["items"]:
        start.say("no case matches")
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("key", "", "status", "turn", "since"):
        table.add_column(name, no_wrap=True)
    for name, width in {"vendor": 24, "title": 50, "missing": 24}.items():  # they shrink in a narrow terminal
        table.add_column(name, max_width=width)
    english = _english()
    for case in page["items"]:
        side, missing = case["waiting_on"], case["missing"]
        first_missing = f"{missing[0]} +{len(missing) - 1}" if len(missing) > 1 else "".join(missing)
        wide = (case["vendor"] or case.get("partner") or "", case["title"], first_missing)
        table.add_row(
            case["key"],
            Text(case["priority"] + " triage" * case["needs_triage"], COLOURS.get(case["priority"], "")),
            case["status"],
            Text(english.side(side), TURNS.get(side, "dim")),
            english.age(case["waiting_since"] or case["updated_at"]),
            *(Text(one_line(text), no_wrap=True, overflow="ellipsis") for text in wide),
        )
    console().print(table)
    if page["next"]:
        start.say(f"there are more: --cursor {page['next']}")


def print_case(case: dict[str, Any], messages: list[dict[str, Any]], zone: tzinfo, *, as_json: bool) -> None:
    if as_json:
        print_json(case)
        return
    out, english = console(), _english(zone)
    level = (case["priority"], COLOURS[case["priority"]])
    out.print(Text.assemble(level, f" {case['key']}  ", (visible(case["title"]), "bold")))
    refs = ", ".join(f"{ref['vendor']} {ref['ref']}" for ref in case["vendor_refs"])
    side, since = case["waiting_on"], english.age(case["waiting_since"])
    turn = f"waiting for the {english.side(side)} for {since}" if side else "nobody has to act"
    owner = f"owner {case['owner']}" if case.get("owner") else ""
    summary = (f"{case['status']}, {turn}", case["kind"], refs or case["vendor"] or case.get("partner"), owner)
    out.print(escape(visible(" · ".join(part for part in summary if part))))
    for title, lines in _sections(case, english).items():
        if lines:
            out.print(Text(title, "bold"))
            for line in lines:
                out.print(Text(f"  {visible(line)}"))
    out.print()
    _print_mails(out, messages, english)
    if more := max(0, case["messages"] - len(messages)):
        start.say(f"{start.counted(more, 'later mail is', 'later mails are')} not shown; see the page of the case")


def _sections(case: dict[str, Any], english: Locale) -> dict[str, list[str]]:
    """Return the parts of a case that are printed as lists: heading → lines."""
    detail, clocks = case.get("priority_detail") or {}, case.get("clocks") or {}
    by_person = f" (set by {detail['set_by']})" if detail.get("set_by", "rules") != "rules" else ""
    rules: dict[str, list[str]] = {}  # each quote once, with all rules based on it
    for evidence in detail.get("evidence", []):
        rules.setdefault(evidence["quote"], []).append(evidence["rule"])
    problem = case.get("problem") or {"statement": "", "version": 0, "drift": False}
    statement = problem["statement"] if problem["statement"] != case["title"] else ""
    drift = ", the topic changed" if problem["drift"] else ""
    labels = {item["item"]: item["label"] for item in case.get("checklist", [])}
    promises = (promise for promise in case.get("promises", []) if not promise["kept"])
    times = ", ".join(
        f"{english.side(side)} {english.length(clocks.get(side))}" for side in ("team", "vendor", "requester")
    )
    return {
        f"evidence for {case['priority']}{by_person}": [f"“{quote}”  {', '.join(ids)}" for quote, ids in rules.items()],
        "urgent wording (does not count)": [f"“{wording['quote']}”" for wording in detail.get("heard", [])],
        "please check": [
            *["to triage: this priority is not certain; ask the requester, or set it"] * bool(case["needs_triage"]),
            *(english.t(f"note.{note}") for note in case.get("notes", [])),
        ],
        f"problem (version {problem['version']}{drift})": [statement] * bool(statement),
        "missing": [f"{item}  {english.label(labels.get(item, ''))}" for item in case["missing"]],
        "requests of the vendor": [
            f"{ask['state']}: {ask['what']} → {english.side(ask['of'])}  “{ask['quote'] or ''}”"
            for ask in case.get("asks", [])
        ],
        "promises": [
            f"by {english.side(promise['by'])}, {_minute(promise['due'], english.zone)}"
            f"{', overdue' * promise['overdue']}  “{promise['quote']}”"
            for promise in promises
        ],
        "suggested wording": [f"“{hint['quote']}”  {hint['advice']}" for hint in case.get("tone", [])],
        "to discuss after recovery": [f"{topic['topic']}  “{topic['quote']}”" for topic in case.get("parked", [])],
        "possibly the same case": [
            f"{other['case']}  {other['title']}  ({'; '.join(other['reasons'])})"
            for other in case.get("suggestions", [])
        ],
        "time per side": [f"{times} · {start.counted(clocks.get('turns') or 0, 'exchange')}"],
    }


def _print_mails(out: Console, messages: list[dict[str, Any]], english: Locale) -> None:
    for mail in messages:
        author, when = mail["author"], _minute(mail["date"] or mail["received_at"], english.zone)
        origin = "" if mail["origin"] == "delivered" else f" [{mail['origin']}]"
        out.print(
            Text(
                visible(f"── {when}  {author['name'] or author['address']} ({english.side(author['role'])}){origin}"),
                "dim",
            )
        )
        out.print(Text(visible(mail["text"].strip())))
        for file in mail["attachments"]:
            out.print(Text(visible(f"   + {file['filename']} ({file['size']} bytes)"), "dim"))


def _minute(time: str, zone: tzinfo) -> str:
    """Return a time (ISO 8601) in a zone: ``2026-11-24 10:31 JST``."""
    return f"{datetime.fromisoformat(time).astimezone(zone):%Y-%m-%d %H:%M %Z}"
