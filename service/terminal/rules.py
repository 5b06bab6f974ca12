"""`sodan rules`: examples tried, packs checked, rules listed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mailrules.examples import try_examples
from mailrules.library import Library, Source, build, collect
from mailrules.lint import lint
from service.errors import NotFound
from service.terminal.tables import print_rows

FOUND_WRONG = 1


def run_examples(packs: Sequence[Path], site: Path | None, names: Sequence[str] = ()) -> int:
    """Every example beside a rule, or beside those of ``names`` (rules, or packs with all of theirs); each failure is
    one line with file and line. Raises NotFound."""
    library = collect(packs, site)
    only = {rule for name in names for rule in _named(library, name)}
    tried = list(try_examples(library, build(library), only if names else None))
    failed = [one for one in tried if not one.ok]
    for one in failed:
        print(f"{one.file}:{one.line}: {one.rule}: {one.message or one.wanted}: {one.text!r}")
    print(f"sodan: {len(tried)} examples, {len(failed)} failed", file=sys.stderr)
    return FOUND_WRONG if failed else 0


def _named(library: Library, name: str) -> list[str]:
    kept: list[tuple[Any, Source]] = [*library.signals.values(), *library.decisions.values()]
    found = [rule.id for rule, source in kept if name in (rule.id, source.pack.pack)]
    if not found:
        raise NotFound(f"no rule and no pack with rules is called {name!r}; `sodan rules list` shows all")
    return found


def run_lint(packs: Sequence[Path], site: Path | None) -> int:
    """What cannot work (status 1), and what nobody could trust (said)."""
    library = collect(packs, site)
    found = lint(library, build(library))
    for one in found:
        print(one)
    errors = sum(one.severity == "error" for one in found)
    print(f"sodan: {len(library.sources)} packs, {errors} errors, {len(found) - errors} warnings", file=sys.stderr)
    return FOUND_WRONG if errors else 0


def list_rules(packs: Sequence[Path], site: Path | None, *, as_json: bool) -> int:
    """Signals and decisions with their pack."""
    library = collect(packs, site)
    rows = [
        {"rule": rule.id, "kind": kind, "pack": source.pack.pack, "where": f"{source.file.name}:{source.line(rule.id)}"}
        for kind, kept in (("signal", library.signals), ("decision", library.decisions))
        for rule, source in kept.values()
    ]
    if as_json:
        for row in rows:
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return 0
    return print_rows(rows, ("rule", "kind", "pack", "where"), as_json=False)
