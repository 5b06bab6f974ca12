"""`sodan rules`: runs examples, checks packs, lists rules."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mailrules.engine.examples import try_examples
from mailrules.engine.lint import lint
from mailrules.engine.sources import Library
from mailrules.library import build, collect
from service.cli.terminal.tables import print_rows
from service.errors import NotFound

FOUND_WRONG = 1


def run_examples(packs: Sequence[Path], site: Path | None, names: Sequence[str] = ()) -> int:
    """Run all examples of packs and vendors, or those named; print each failure with file and line.

    Raises NotFound.
    """
    library = collect(packs, site)
    for name in names:
        _must_exist(library, name)
    tried = list(try_examples(library, build(library), names or None))
    failed = [one for one in tried if not one.ok]
    for one in failed:
        print(f"{one.file}:{one.line}: {one.rule}: {one.message or one.wanted}: {one.text!r}")
    print(f"sodan: {len(tried)} examples, {len(failed)} failed", file=sys.stderr)
    return FOUND_WRONG if failed else 0


def _must_exist(library: Library, name: str) -> None:
    known = {source.pack.pack for source in library.sources}
    known |= {source.pack.vendor.id for source in library.sources if source.pack.vendor}
    for pack, _ in library.own:
        known |= {finder.id for finder in pack.find} | {str(entry.get("id")) for entry in pack.meanings}
    if name not in known:
        raise NotFound(f"there is no pack, vendor or entry {name!r} with examples")


def run_lint(packs: Sequence[Path], site: Path | None) -> int:
    """Print errors (status 1) and warnings about the packs."""
    library = collect(packs, site)
    found = lint(library, build(library))
    for one in found:
        print(one)
    errors = sum(one.severity == "error" for one in found)
    print(f"sodan: {len(library.sources)} packs, {errors} errors, {len(found) - errors} warnings", file=sys.stderr)
    return FOUND_WRONG if errors else 0


def list_rules(packs: Sequence[Path], site: Path | None, *, as_json: bool) -> int:
    """Print every rule: question, id, result, file."""
    rules = build(collect(packs, site))
    rows = [
        {"question": question, "rule": rule.id, "gives": rule.gives or ", ".join(rule.each), "where": rule.file}
        for question, file in rules.files.items()
        for rule in (*file.rules, *file.final)
    ]
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return 0
    return print_rows(rows, ("question", "rule", "gives", "where"), as_json=False)
