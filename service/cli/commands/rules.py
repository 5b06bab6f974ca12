"""`sodan rules` and `sodan replay`: checking packs, and judging stored cases again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from service.cli.commands import start
from service.errors import SodanError

Packs = Annotated[tuple[Path, ...], Parameter(help="Further folders of rule packs, after those of SODAN_PACKS.")]
SiteFile = Annotated[Path | None, Parameter(help="The site file; without it, that of SODAN_SITE_FILE.")]

app = App(name="rules", help="The rule packs: run their examples, check them, list them.")


@app.command(name="test")
def rules_test(*names: str, packs: Packs = (), site: SiteFile = None) -> int:
    """Run the examples of the packs and vendors; exit status 1 if one fails.

    Parameters
    ----------
    names
        Only these packs, vendors or entries. Default: all.
    """
    from service.cli.terminal.rules import run_examples

    settings = start.settings()
    return run_examples((*settings.packs, *packs), site or settings.site_file, names)


@app.command(name="lint")
def rules_lint(*, packs: Packs = (), site: SiteFile = None) -> int:
    """Check packs for unwise content: entries without examples, meanings without rules, ids given twice."""
    from service.cli.terminal.rules import run_lint

    settings = start.settings()
    return run_lint((*settings.packs, *packs), site or settings.site_file)


@app.command(name="list")
def rules_list(
    *,
    packs: Packs = (),
    site: SiteFile = None,
    json: bool = False,
) -> int:
    """List the rules: question, id, result, file.

    Parameters
    ----------
    json
        JSON Lines instead of a table.
    """
    from service.cli.terminal.rules import list_rules

    settings = start.settings()
    return list_rules((*settings.packs, *packs), site or settings.site_file, as_json=json)


def replay(
    *,
    since: str | None = None,
    packs: Packs = (),
    apply: bool = False,
    diff: bool = False,
) -> int:
    """Judge stored cases again with the current packs (or others), and show what would change.

    Parameters
    ----------
    since
        Only cases changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
    apply
        Save the new judgements. Without it nothing is changed.
    diff
        Show what would change (the default).
    """
    from service.cli.terminal.replaying import replay_cases

    if apply and diff:
        raise SodanError("--diff shows, --apply keeps: choose one")

    settings = start.settings()
    folders = (*settings.packs, *packs)
    return replay_cases(settings, start.database(settings), since=since, packs=folders, apply=apply, now=start.now())
