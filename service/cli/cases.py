"""`sodan cases` and `sodan show`."""

import getpass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from service.api.case_schema import Sort
from service.case_query import CaseQuery
from service.cli import start
from service.cli.printing import console, one_line, print_json, visible
from service.errors import Refused
from service.store import timeline
from service.store.cursor import to_cursor
from service.web.localisation import Locale

ALL = CaseQuery.model_validate({})
COLOURS = {"P1": "bold white on red", "P2": "bold yellow", "P3": "cyan", "P4": "dim"}
TURNS = {"team": "bold red", "vendor": "blue", "requester": "yellow"}


def cases(
    words: str | None = None,
    /,
    *,
    query: Annotated[CaseQuery, Parameter(name="*")] = ALL,
    sort: Annotated[Literal["urgency", Sort] | None, Parameter(allow_leading_hyphen=True)] = None,
    limit: int = 50,
    cursor: str | None = None,
    json: bool = False,
) -> None:
    """List the cases that match all options. Repeat an option to allow several values: --priority P1 --priority P2.

    Args:
        words: The same as --q.
        sort: Order: `-` means newest first; priority: P1 first; urgency (default): open P1 cases, then cases to triage,
            then by priority. With --json the default is -updated, as in the API.
        limit: Maximum number of cases, at most 1000.
        cursor: Continue a previous list: the value that it printed at its end.
        json: Print the response of `GET /api/cases` instead of a table.
    """
    if not 1 <= limit <= 1000:
        raise Refused("--limit: expected 1 to 1000")
    desk = start.desk(rules=False)
    query = query if words is None else query.model_copy(update={"q": words})
    order = sort or ("-updated" if json else "urgency")
    items, position = desk.list_cases(query, getpass.getuser(), order, limit, cursor)
    print_cases({"items": items, "next": to_cursor(position)}, as_json=json)


_JSON = "Print the response of `GET /api/cases/KEY` instead."


def show(key: start.CaseKey, *, json: Annotated[bool, Parameter(help=_JSON)] = False) -> None:
    """Show a case: who has to act next, why it has its priority, what is missing, and the mails."""
    desk = start.desk(rules=False)
    number = desk.survivor(key)
    case = desk.document(desk.find(desk.key_of(number)))
    mails, _ = desk.database.read(lambda conn: timeline.page(conn, number, 200, None, desk.prefix))
    print_case(case, mails, desk.settings.zone, as_json=json)


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
