"""Renders a brief as plain text or Markdown, ready to paste.

A sentence that answers several items appears once, with all their labels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from service.cases.brief_input import TEXTS, one_line, unmarked

_JOINED = {"ja": "・", "en": " / "}
Block = tuple[str, list[str]]  # heading ("" for none), and lines below it


def text(made: Mapping[str, Any], zone: tzinfo = UTC) -> str:
    """Return the brief as plain text. ``zone``: the time zone of its readers."""
    return _written(made, zone, "", str, "■ " if made["lang"] == "ja" else "", "・" if made["lang"] == "ja" else "- ")


def markdown(made: Mapping[str, Any], zone: tzinfo = UTC) -> str:
    """Return the brief as Markdown; text of mails is escaped. ``zone``: the time zone of its readers."""
    return _written(made, zone, "# ", _plain, "## ", "- ")


def _written(
    made: Mapping[str, Any], zone: tzinfo, title: str, words: Callable[[str], str], heading: str, point: str
) -> str:
    out = [f"{title}{words(made['title'])}", ""] if made["title"] else []
    for name, lines in _blocks(made, zone, words):
        if name:
            out.append(f"{heading}{name}")
        out += [f"{point}{line}" if name else line for line in lines]
        out.append("")
    return "\n".join(out).rstrip() + "\n"


def _blocks(made: Mapping[str, Any], zone: tzinfo, words: Callable[[str], str]) -> Iterator[Block]:
    titles, lang = made["titles"], made["lang"]
    if made["for"] != "vendor":
        yield "", list(_state(made, zone))
    if made["references"] and made["for"] != "requester":
        title = titles["references" if made["for"] == "vendor" else "vendor_references"]
        yield "", [f"{title}: {', '.join(map(words, made['references']))}"]
    statement = made["problem"]["statement"]
    if statement and statement != made["title"]:
        yield "", [words(statement)]
    told = {statement, made["title"]}
    for section in made["sections"]:
        lines = [f"{words(label)}: {words(value)}" for label, value in _once(section["entries"], told, lang)]
        if lines:
            yield section["title"], lines
    if made["attached"] and made["for"] != "requester":
        yield titles["attached"], [words(one["filename"]) for one in made["attached"]]
    if made["gaps"] and made["for"] != "vendor":
        yield titles["gaps"], [words(one["label"]) for one in made["gaps"]]
    for name in ("open_asks", "parked", "tone"):
        if made.get(name):
            shown = dict.fromkeys(unmarked(one_line(one.get("advice") or one["quote"])) for one in made[name])
            yield titles[name], list(map(words, shown))


def _state(made: Mapping[str, Any], zone: tzinfo) -> Iterator[str]:
    """Yield lines with the key of the case, its priority, its status, who acts next, and the next update."""
    titles, lang = made["titles"], made["lang"]
    if made["case"]:
        yield f"{titles['case']}: {made['case']}"
    if "priority" in made:
        yield f"{titles['priority']}: {made['priority']['level']}"
    status = TEXTS["status"].get(made["status"], TEXTS["status"]["open"])[lang]
    yield f"{titles['status']}: {status}"
    if made["status"] in ("open", None):
        side = made["waiting_on"] or "nobody"
        if side == "requester" and made["for"] == "team":
            side = "the_requester"
        yield f"{titles['turn']}: {TEXTS['sides'].get(side, TEXTS['sides']['nobody'])[lang]}"
    if made["promised"]:
        due = datetime.fromisoformat(made["promised"]).astimezone(zone)
        yield f"{titles['promised']}: {due:%Y-%m-%d %H:%M} ({due:%Z})"


def _once(entries: Sequence[Mapping[str, Any]], told: set[str], lang: str) -> list[tuple[str, str]]:
    """Return (label, text) of each line. Text that was shown before is left out. Items with equal text share a line."""
    together: dict[str, list[str]] = {}
    for entry in entries:
        if entry["text"] not in told:
            together.setdefault(entry["text"], []).append(entry["label"])
    told.update(together)
    return [(_JOINED[lang].join(dict.fromkeys(labels)), words) for words, labels in together.items()]


def _plain(value: str) -> str:
    """Return the text of a mail as one line, with Markdown and HTML characters escaped."""
    words = one_line(value)
    for mark in ("\\", "`", "*", "_", "[", "]", "<", "#", "|"):
        words = words.replace(mark, f"\\{mark}")
    return words
