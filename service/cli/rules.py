"""`sodan rules` and `replay`: checking packs, judging stored cases again."""

from __future__ import annotations

import json as jsons
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from service.cli import start
from service.errors import NotFound, SodanError

if TYPE_CHECKING:
    from mailrules.engine.sources import Library

Names = Annotated[str, Parameter(help="Only these packs, vendors or entries. Default: all.")]
COMPARED = ("title", "status", "waiting_on", "priority", "kind", "vendor", "missing")
"""Fields of a case document that `sodan replay` compares unchanged."""

rules = App(name="rules", help="Rule packs: run their examples, check them, list the rules.")


@rules.command(name="test")
def rules_test(*names: Names, packs: start.Packs = ()) -> int:
    """Run the examples of packs and vendors. Exit status 1: an example failed."""
    from mailrules.engine.examples import try_examples
    from mailrules.library import build

    library = _library(packs)
    known = _names(library)
    for name in names:
        if name not in known:
            raise NotFound(f"there is no pack, vendor or entry {name!r} with examples")
    results = list(try_examples(library, build(library), names or None))
    failed = [result for result in results if result]
    for result in failed:
        print(result)
    start.say(f"{start.counted(len(results), 'example')}, {len(failed)} failed")
    return start.FOUND_WRONG if failed else 0


@rules.command(name="lint")
def rules_lint(*, packs: start.Packs = ()) -> int:
    """Check packs for entries without examples, meanings without rules, and similar errors."""
    from mailrules.engine.lint import lint
    from mailrules.library import build

    library = _library(packs)
    findings = lint(library, build(library))
    for finding in findings:
        print(finding)
    errors = sum(finding.severity == "error" for finding in findings)
    checked, warnings = start.counted(len(library.sources), "pack"), start.counted(len(findings) - errors, "warning")
    start.say(f"{checked}, {start.counted(errors, 'error')}, {warnings}")
    return start.FOUND_WRONG if errors else 0


@rules.command(name="list")
def rules_list(*, packs: start.Packs = (), json: start.Json = False) -> None:
    """List the rules, each with the question that it answers, its id, its result and its file."""
    from mailrules.library import build
    from service.cli.printing import print_rows

    rows = [
        {"question": question, "rule": rule.id, "gives": rule.gives or ", ".join(rule.each), "where": rule.file}
        for question, file in build(_library(packs)).files.items()
        for rule in (*file.rules, *file.final)
    ]
    print_rows(rows, ("question", "rule", "gives", "where"), as_json=json)


def _library(packs: tuple[Path, ...]) -> Library:
    from mailrules.library import collect

    settings = start.settings()
    return collect((*settings.packs, *packs), settings.site_file)


def _names(library: Library) -> set[str]:
    """Return the names that `sodan rules test` accepts, of packs, vendors and entries."""
    names = {source.pack.pack for source in library.sources}
    names |= {source.pack.vendor.id for source in library.sources if source.pack.vendor}
    for pack, _ in library.own:
        names |= {finder.id for finder in pack.find} | {meaning.id for meaning in pack.meanings}
    return names


def replay(*, since: str | None = None, packs: start.Packs = (), apply: bool = False, diff: bool = False) -> None:
    """Judge stored cases again with the current or other packs, and show what would change.

    Args:
        since: Only cases that changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
        apply: Save the new judgements. Without this option, the command changes nothing.
        diff: Show what would change (the default).
    """
    from service.case_query import parse_time
    from service.intake import AppContext
    from service.replay import replay as judge_again
    from service.store.blob_store import blob_store_of

    if apply and diff:
        raise SodanError("give either --diff (show the changes) or --apply (save them), not both")
    settings, now = start.settings(), start.now()
    database, store = start.database(settings), blob_store_of(settings)
    context = AppContext.of(settings.model_copy(update={"packs": (*settings.packs, *packs)}))
    begin = parse_time(since, "--since", now)
    judged = changed = 0
    for key, before, after in judge_again(database, context, store, since=begin, apply=apply, now=now):
        judged += 1
        old, new = _compared(before), _compared(after)
        if old != new:
            changed += 1
            differences = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
            print(jsons.dumps({"case": key, **differences}, ensure_ascii=False))
    saved = "saved" if apply else "not saved (--apply saves them)"
    cases, differ = start.counted(judged, "case"), start.counted(changed, "differs", "differ")
    start.say(f"{cases} judged by {context.rules.version}, {differ}; {saved}")


def _compared(case: dict[str, Any]) -> dict[str, Any]:
    items = case.get("checklist") or []
    asks = [ask for ask in case.get("asks") or [] if ask["state"] == "open"]
    return {name: case.get(name) for name in COMPARED} | {
        "vendor_refs": [f"{ref['vendor']} {ref['ref']}" for ref in case.get("vendor_refs") or []],
        "present": [item["item"] for item in items if item["state"] == "present"],
        "unknown": [item["item"] for item in items if item["state"] == "unknown"],
        "asks": [ask["what"] for ask in asks],
        "evidence": [evidence["quote"] for evidence in (case.get("priority_detail") or {}).get("evidence", [])],
        "tone": [hint["id"] for hint in case.get("tone") or []],
        "parked": [topic["topic"] for topic in case.get("parked") or []],
        "problem": (case.get("problem") or {}).get("statement"),
    }
