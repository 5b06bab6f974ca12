"""`sodan rules` and `sodan replay`: checking packs, and judging stored cases again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from service.cli.commands import start
from service.errors import SodanError

Packs = Annotated[
    tuple[Path, ...], Parameter(help="Additional folders of rule packs, loaded after those of SODAN_PACKS.")
]
SiteFile = Annotated[Path | None, Parameter(help="The site file. Default: SODAN_SITE_FILE.")]

app = App(name="rules", help="Rule packs: run their examples, check them, list the rules.")


@app.command(name="test")
def rules_test(*names: str, packs: Packs = (), site: SiteFile = None) -> int:
    """Run the examples of packs and vendors; exit status 1 if one fails.

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
    """Check packs: entries without examples, meanings without rules, duplicate ids, phrases that are too short."""
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
    """List the rules: the question they answer, id, result, file.

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
    """Judge stored cases again with the current packs or others, and show what would change.

    Parameters
    ----------
    since
        Only cases changed since then: ISO 8601 time, or a duration before now: 90m, 12h, 3d.
    apply
        Save the new judgements. Without this option nothing is changed.
    diff
        Show what would change (the default).
    """
    from service.cli.terminal.replaying import replay_cases

    if apply and diff:
        raise SodanError("give either --diff (show the changes) or --apply (save them), not both")

    settings = start.settings()
    folders = (*settings.packs, *packs)
    return replay_cases(settings, start.database(settings), since=since, packs=folders, apply=apply, now=start.now())
